"""The `ottla` command as a process, against a broker in this one: what it prints, how it ends."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

import ottla
from cluster.ottla_command import WAIT_SECONDS, Ottla, await_line


@pytest.fixture
def command(ottla_broker: ottla.Broker) -> Ottla:
    return Ottla(ottla_broker.bootstrap_servers)


def test_a_topic_is_created_listed_described_altered_and_deleted(command: Ottla) -> None:
    [created] = command.json(
        "topics", "create", "life", "--partitions", "2", "--config", "retention.ms=5000"
    )
    assert (created["topic"], created["partitions"], created["replication_factor"]) == (
        "life",
        2,
        1,
    )
    [listed] = [row for row in command.json("topics", "list") if row["topic"] == "life"]
    assert listed == {"topic": "life", "id": created["id"], "partitions": 2, "is_internal": False}

    assert command.out("topics", "alter", "life", "--partitions", "3") == b"altered topic life\n"
    [described] = command.json("topics", "describe", "--topic", "life")
    assert described["configs"] == {"retention.ms": "5000"}
    assert [row["partition"] for row in described["partitions"]] == [0, 1, 2]
    assert {row["leader"] for row in described["partitions"]} == {1}
    text = command.out("topics", "describe", "life").decode().splitlines()
    assert text[0].startswith("Topic: life  TopicId: ")
    assert text[0].endswith("  PartitionCount: 3  ReplicationFactor: 1  Configs: retention.ms=5000")
    assert text[1].split() == ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "OFFLINE"]
    assert [line.split()[0] for line in text[2:]] == ["0", "1", "2"]

    assert command.out("topics", "delete", "life") == b"deleted topic life\n"
    assert "life" not in [row["topic"] for row in command.json("topics", "list")]


def test_topics_are_listed_as_a_table_for_people(command: Ottla, ottla_topic: str) -> None:
    header, *rows = command.out("topics", "list").decode().splitlines()
    assert header.split() == ["TOPIC", "PARTITIONS"]
    assert [ottla_topic, "1"] in [row.split() for row in rows]


def test_what_exists_or_does_not_is_an_error_unless_that_is_fine(
    command: Ottla, ottla_topic: str
) -> None:
    told = command.refused(1, "topics", "create", ottla_topic)
    assert f"error: {ottla_topic}: TOPIC_ALREADY_EXISTS" in told
    assert "--if-not-exists" in told
    assert command.json("topics", "create", ottla_topic, "--if-not-exists") == []
    for action in (["delete"], ["describe"], ["alter", "--partitions", "9"]):
        told = command.refused(1, "topics", *action, "nowhere")
        assert "error: nowhere: UNKNOWN_TOPIC_OR_PARTITION" in told
        assert command.json("topics", *action, "nowhere", "--if-exists") == []
    told = command.refused(1, "topics", "alter", ottla_topic, "--partitions", "1")
    assert "INVALID_PARTITIONS" in told


def test_one_failure_does_not_keep_the_rest_from_being_done(
    command: Ottla, ottla_topic: str
) -> None:
    done = command.run("topics", "delete", "nowhere", ottla_topic)
    assert done.returncode == 1
    assert done.stdout.decode() == f"deleted topic {ottla_topic}\n"
    assert done.stderr.decode().startswith("error: nowhere: ")


def test_a_dry_run_changes_nothing(command: Ottla, ottla_topic: str) -> None:
    command.out("topics", "create", "dry", "--dry-run")
    command.out("topics", "alter", ottla_topic, "--partitions", "5", "--dry-run")
    listed = {row["topic"]: row["partitions"] for row in command.json("topics", "list")}
    assert "dry" not in listed
    assert listed[ottla_topic] == 1


def test_watching_looks_again_until_it_is_interrupted(command: Ottla, ottla_topic: str) -> None:
    with command.start("topics", "list", "--json", "--watch=0.1") as process:
        for _ in range(3):
            assert ottla_topic in [row["topic"] for row in json.loads(await_line(process))]
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 0


def test_settings_are_changed_described_and_go_back(command: Ottla, ottla_topic: str) -> None:
    one = ("--entity-type", "topics", "--entity-name", ottla_topic)
    added = "segment.bytes=1048576,cleanup.policy=[compact,delete]"
    assert command.out("configs", "alter", *one, "--add-config", added).startswith(
        b"altered topic "
    )
    command.out("configs", "alter", "--topic", ottla_topic, "--delete-config", "retention.ms")
    [described] = command.json("configs", "describe", "--topic", ottla_topic)
    assert (described["entity_type"], described["entity_name"]) == ("topic", ottla_topic)
    set_by_hand = {
        row["key"]: row["value"] for row in described["configs"] if row["source"] == "topic"
    }
    assert set_by_hand == {"segment.bytes": "1048576", "cleanup.policy": "compact,delete"}
    header = command.out("configs", "describe", *one).decode().splitlines()[1]
    assert header.split() == ["KEY", "VALUE", "SOURCE", "READ-ONLY"]
    [everything] = command.json("configs", "describe", *one, "--all")
    assert {"source": "default", "value": "604800000"}.items() <= next(
        row for row in everything["configs"] if row["key"] == "retention.ms"
    ).items()


def test_settings_of_brokers_are_described_and_changed(command: Ottla) -> None:
    [broker] = command.json("configs", "describe", "--broker", "1", "--all")
    assert (broker["entity_type"], broker["entity_name"]) == ("broker", "1")
    assert "log.retention.ms" in [row["key"] for row in broker["configs"]]
    defaults = ("--entity-type", "brokers", "--entity-default")
    command.out("configs", "alter", *defaults, "--add-config", "log.retention.ms=777777777")
    [described] = command.json("configs", "describe", "--broker-defaults")
    command.out("configs", "alter", "--broker-defaults", "--delete-config", "log.retention.ms")
    values = {row["key"]: row["value"] for row in described["configs"]}
    assert values["log.retention.ms"] == "777777777"


def test_settings_of_a_group_are_described_and_changed(command: Ottla) -> None:
    key = "consumer.session.timeout.ms"
    command.out(
        "configs",
        "alter",
        "--entity-type",
        "groups",
        "--entity-name",
        "g",
        "--config",
        f"{key}=50000",
    )
    [described] = command.json("configs", "describe", "--group", "g")
    assert (described["entity_type"], described["entity_name"]) == ("group", "g")
    rows = {row["key"]: (row["value"], row["source"]) for row in described["configs"]}
    assert rows[key] == ("50000", "group")


def test_a_setting_that_cannot_be_is_refused_by_its_name(command: Ottla, ottla_topic: str) -> None:
    told = command.refused(
        1, "configs", "alter", "--topic", ottla_topic, "--add-config", "retention.m=1"
    )
    assert "retention.m" in told
    assert "nothing is to be changed" in command.refused(2, "configs", "alter", "--topic", "t")
    assert "nothing is named" in command.refused(2, "configs", "describe")


def test_a_broker_that_cannot_be_reached_is_named_with_the_reason(command: Ottla) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{unused.getsockname()[1]}"
        for arguments in (["topics", "list"], ["consume", "t"], ["produce", "t"]):
            told = command.refused(1, *arguments, "--bootstrap-server", nowhere)
            assert f"no broker can be reached: {nowhere}" in told
            assert "--bootstrap-server" in told


REMOVED = [
    ("topics", "--zookeeper", "localhost:2181", "--list"),
    ("topics", "list", "--zookeeper=localhost:2181"),
    ("produce", "--broker-list", "localhost:9092", "--topic", "t"),
    ("consume", "t", "--zookeeper", "localhost:2181"),
]


@pytest.mark.parametrize("arguments", REMOVED, ids=" ".join)
def test_a_removed_option_names_what_to_use(command: Ottla, arguments: Sequence[str]) -> None:
    assert "--bootstrap-server" in command.refused(2, *arguments)


CONTRADICTIONS = [
    ("consume", "t", "--group", "g", "--partition", "0"),
    ("consume", "t", "--from-beginning", "--offset", "3"),
    ("consume", "t", "--offset", "soon"),
    ("consume", "t", "--since", "yesterday"),
    ("consume", "t", "--form", "json"),
    ("produce", "t", "--format", "xml"),
    ("topics", "create", "t", "--partitions", "0"),
    ("topics", "create", "t", "--config", "retention.ms"),
    ("configs", "describe", "--entity-name", "t"),
    ("nothing",),
]


@pytest.mark.parametrize("arguments", CONTRADICTIONS, ids=" ".join)
def test_a_line_that_cannot_be_understood_ends_with_two(
    command: Ottla, arguments: Sequence[str]
) -> None:
    done = command.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: ")


MISTAKES = {
    ("consume",): "no topic is named",
    ("produce",): "no topic is named",
    ("topics", "create"): "no topic is named",
    ("topics", "alter", "t"): "nothing is to be changed",
    ("topics", "--list"): "`ottla topics list`",
    ("consume", "t", "--config", "fetch.min.byte=1"): "fetch.min.bytes",
    ("produce", "t", "--compression", "brotli"): "compression.type",
    ("produce", "t", "--acks", "2"): "acks=2",
    ("consume", "t", "--property", "print.kye=true"): "print.kye",
    ("consume", "t", "--offset", "7"): "--partition",
    ("consume", "t", "--format", "json", "--print-key"): "JSON has every field",
    ("consume", "--include", "("): "no regular expression",
}


@pytest.mark.parametrize(("arguments", "reason"), MISTAKES.items(), ids=map(" ".join, MISTAKES))
def test_a_mistake_is_one_line_that_names_it(
    command: Ottla, arguments: Sequence[str], reason: str
) -> None:
    assert reason in command.refused(2, *arguments)


def test_a_file_of_properties_serves_every_command(
    command: Ottla, ottla_broker: ottla.Broker, ottla_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "client.properties"
    servers = ottla_broker.bootstrap_servers
    file.write_text(f"bootstrap.servers={servers}\nlinger.ms=3\nmax.poll.records=7\n")
    command.environment["OTTLA_BOOTSTRAP_SERVER"] = "127.0.0.1:1"
    config = ("--command-config", str(file))
    assert ottla_topic in [row["topic"] for row in command.json("topics", "list", *config)]
    command.out("produce", ottla_topic, "--producer.config", str(file), stdin=b"v\n")
    reading = ("consume", ottla_topic, "--from-beginning", "--max-messages", "1")
    assert command.out(*reading, "--consumer.config", str(file)) == b"v\n"
    assert "cannot read" in command.refused(1, "topics", "list", "--command-config", "/nowhere")
