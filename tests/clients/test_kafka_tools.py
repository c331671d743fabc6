"""Kafka's tools that are more than a client: what they print about a broker is checked here."""

from __future__ import annotations

import json
import re

import pytest

from clients import samples
from clients.broker import Broker
from clients.confluent_member import ConfluentConsumerMember, ConfluentMember
from clients.foreign_client import ForeignClient, Start
from interop.dump_log import MAIN_CLASS as DUMP_LOG
from interop.kafka import run_tool

pytestmark = pytest.mark.interop

API_KEYS = {
    "Produce": (0, "0 to 13"),
    "Fetch": (1, "4 to 18"),
    "ListOffsets": (2, "1 to 11"),
    "Metadata": (3, "0 to 13"),
    "OffsetCommit": (8, "2 to 10"),
    "OffsetFetch": (9, "1 to 10"),
    "FindCoordinator": (10, "0 to 6"),
    "JoinGroup": (11, "0 to 9"),
    "Heartbeat": (12, "0 to 4"),
    "LeaveGroup": (13, "0 to 5"),
    "SyncGroup": (14, "0 to 5"),
    "DescribeGroups": (15, "0 to 6"),
    "ListGroups": (16, "0 to 5"),
    "ApiVersions": (18, "0 to 4"),
    "CreateTopics": (19, "2 to 7"),
    "DeleteTopics": (20, "1 to 6"),
    "DeleteRecords": (21, "0 to 2"),
    "InitProducerId": (22, "0 to 5"),
    "OffsetForLeaderEpoch": (23, "2 to 4"),
    "DescribeConfigs": (32, "1 to 4"),
    "AlterConfigs": (33, "0 to 2"),
    "DescribeLogDirs": (35, "1 to 5"),
    "CreatePartitions": (37, "0 to 3"),
    "DeleteGroups": (42, "0 to 2"),
    "IncrementalAlterConfigs": (44, "0 to 1"),
    "OffsetDelete": (47, "0"),
    "DescribeCluster": (60, "0 to 2"),
    "ConsumerGroupHeartbeat": (68, "0 to 1"),
    "ConsumerGroupDescribe": (69, "0 to 1"),
    "ListConfigResources": (74, "0 to 1"),
    "DescribeTopicPartitions": (75, "0"),
}
"""What Apache Kafka 4.3.1 tells of itself."""


@pytest.mark.parametrize("name", API_KEYS)
def test_the_versions_of_an_api_are_kafkas(api_versions: str, name: str) -> None:
    key, versions = API_KEYS[name]
    line = re.search(rf"^\s*{name}\({key}\): (.*?) \[usable: \d+\]", api_versions, re.MULTILINE)
    assert line, api_versions
    assert line[1] == versions


@pytest.fixture(scope="module")
def api_versions(broker: Broker) -> str:
    main_class = "org.apache.kafka.tools.BrokerApiVersionsCommand"
    return run_tool(main_class, "--bootstrap-server", broker.bootstrap)


def test_a_topic_is_described_with_leaders_and_replicas(
    reference: ForeignClient, broker: Broker, topic_name: str
) -> None:
    reference.create_topic(topic_name, 3, {})
    printed = run_tool(
        "org.apache.kafka.tools.TopicCommand",
        *["--bootstrap-server", broker.bootstrap, "--describe", "--topic", topic_name],
    )
    header, *partitions = printed.strip().splitlines()
    assert re.search(r"TopicId: [\w-]{22}\s", header)
    assert "PartitionCount: 3" in header
    assert "ReplicationFactor: 1" in header
    for index, line in enumerate(partitions):
        found = re.search(r"Partition: (\d+)\s+Leader: (\d+)\s+Replicas: (\S+)\s+Isr: (\S+)", line)
        assert found, line
        assert int(found[1]) == index
        assert found[2] == found[3] == found[4]
    assert len(partitions) == 3


def test_a_thousand_records_of_the_verifiable_producer_are_acknowledged_and_read(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    printed = run_tool(
        "org.apache.kafka.tools.VerifiableProducer",
        *["--bootstrap-server", broker.bootstrap, "--topic", topic, "--max-messages", "1000"],
    )
    events = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    sent = [event for event in events if event["name"] == "producer_send_success"]
    assert [event["offset"] for event in sent] == list(range(1_000))
    [summary] = [event for event in events if event["name"] == "tool_data"]
    assert (summary["sent"], summary["acked"]) == (1_000, 1_000)
    consumed = reference.consume(topic, Start.EARLIEST, 1_000)
    assert [record.value for record in consumed] == [event["value"].encode() for event in sent]


def test_the_offset_of_the_newest_record_is_found(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    now_ms = samples.now_ms()
    reference.produce(topic, samples.at_times([now_ms - 9, now_ms, now_ms - 5]))
    printed = run_tool(
        "org.apache.kafka.tools.GetOffsetShell",
        *["--bootstrap-server", broker.bootstrap],
        *["--topic-partitions", f"{topic}:0", "--time", "max-timestamp"],
    )
    assert printed.strip() == f"{topic}:0:1"


def test_log_dirs_are_described(reference: ForeignClient, broker: Broker, topic: str) -> None:
    reference.produce(topic, [samples.incompressible(10_000)])
    printed = run_tool(
        "org.apache.kafka.tools.LogDirsCommand",
        *["--bootstrap-server", broker.bootstrap, "--describe", "--topic-list", topic],
    )
    described = json.loads(printed[printed.index("{") :])
    [log_dir] = described["brokers"][0]["logDirs"]
    assert log_dir["error"] is None
    [partition] = log_dir["partitions"]
    assert partition["partition"] == f"{topic}-0"
    assert 10_000 < partition["size"] < 11_000


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_the_console_consumer_reads_in_a_group_that_kafkas_command_describes(
    reference: ForeignClient, broker: Broker, topic: str, protocol: str
) -> None:
    group = f"{topic}-{protocol}"
    reference.produce(topic, samples.text_records(10))
    printed = run_tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *["--bootstrap-server", broker.bootstrap, "--topic", topic, "--group", group],
        *["--from-beginning", "--max-messages", "10"],
        *["--command-property", f"group.protocol={protocol}"],
    )
    values = [record.value.decode() for record in samples.text_records(10) if record.value]
    assert printed.splitlines()[:10] == values
    reference.produce(topic, samples.text_records(3))
    assert offsets_of(broker, group) == [[group, topic, "0", "10", "13", "3"]]

    command(broker, "--reset-offsets", "--to-offset", "4", "--topic", topic, "--execute", group)
    assert offsets_of(broker, group) == [[group, topic, "0", "4", "13", "9"]]
    assert group in command(broker, "--list").split()
    assert "successful" in command(broker, "--delete", group)
    assert group not in command(broker, "--list").split()


def test_kafkas_command_configures_a_group(broker: Broker, topic_name: str) -> None:
    group = ["--entity-type", "groups", "--entity-name", topic_name]
    config_command(broker, *group, "--alter", "--add-config", "consumer.session.timeout.ms=50000")
    described = config_command(broker, *group, "--describe")
    assert "consumer.session.timeout.ms=50000" in described
    assert "GROUP_CONFIG:consumer.session.timeout.ms=50000" in described
    assert "DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000" in described
    listed = config_command(broker, "--entity-type", "groups", "--describe")
    assert topic_name in listed
    config_command(broker, *group, "--alter", "--delete-config", "consumer.session.timeout.ms")
    assert "consumer.session.timeout.ms" not in config_command(broker, *group, "--describe")


def config_command(broker: Broker, *options: str) -> str:
    """What kafka-configs.sh prints."""
    main_class = "kafka.admin.ConfigCommand"
    return run_tool(main_class, "--bootstrap-server", broker.bootstrap, *options)


@pytest.mark.parametrize("member", [ConfluentMember, ConfluentConsumerMember])
def test_what_the_coordinator_keeps_is_read_by_kafkas_decoder(
    broker: Broker, reference: ForeignClient, topic: str, member: type[ConfluentMember]
) -> None:
    assert broker.data_dir is not None, "the logs of a broker elsewhere cannot be read"
    group = f"{topic}-{member.__name__}"
    reference.produce(topic, samples.text_records(7))
    joined = member(broker.bootstrap, group, topic, None)
    read = 0
    while read < 7:
        read += len(joined.poll())
    joined.commit()
    joined.close()
    logs = sorted(broker.data_dir.glob("__consumer_offsets-*/*.log"))
    printed = [
        run_tool(DUMP_LOG, "--files", str(log), "--offsets-decoder")
        for log in logs
        if group.encode() in log.read_bytes()
    ]
    assert len(printed) == 1, "a group lies in one partition"
    lines = [line for line in printed[0].splitlines() if f'"{group}"' in line]
    kinds = {re.search(r'key: {"type":"(\d+)"', line)[1] for line in lines}  # type: ignore[index]
    assert kinds == {"1", *(("2",) if member is ConfluentMember else ("3", "5", "6", "7", "8"))}
    [commit] = [line for line in lines if 'key: {"type":"1"' in line]
    key = f'"data":{{"group":"{group}","topic":"{topic}","partition":0}}'
    assert key in commit
    assert '"offset":7' in commit


def command(broker: Broker, *options: str) -> str:
    """What ConsumerGroupCommand prints; a group stands last among the options."""
    *options_alone, last = options
    group = [last] if last == "--list" else ["--group", last]
    return run_tool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        *["--bootstrap-server", broker.bootstrap, *options_alone, *group],
    )


def offsets_of(broker: Broker, group: str) -> list[list[str]]:
    """Group, topic, partition, committed offset, end and lag of each partition."""
    lines = command(broker, "--describe", group).splitlines()
    rows = [line.split() for line in lines]
    return [row[:6] for row in rows if row[:1] == [group]]
