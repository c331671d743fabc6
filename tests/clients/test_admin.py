"""Topics, configurations, watermarks and deletion, by every client that can ask for them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_END, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from kafka import KafkaAdminClient

from clients import samples
from clients.broker import Broker
from clients.foreign_client import WAIT_SECONDS, Ability, ForeignClient, Refused, Start
from clients.kafka_python_client import KafkaPythonClient
from clients.matrix import with_clients

OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
INVALID_TOPIC = 17
TOPIC_ALREADY_EXISTS = 36
INVALID_PARTITIONS = 37
INVALID_CONFIG = 40


@with_clients(Ability.METADATA)
def test_metadata_names_the_broker_at_the_address_that_was_asked(
    client: ForeignClient, broker: Broker
) -> None:
    assert client.brokers() == [broker.bootstrap]


@with_clients(Ability.METADATA)
def test_metadata_lists_topics_with_their_partitions(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    reference.create_topic(topic_name, 5, {})
    _eventually(lambda: client.topics().get(topic_name) == 5)


@with_clients(Ability.CREATE_TOPIC)
def test_a_topic_is_created_with_partitions_and_configs(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    client.create_topic(topic_name, 3, {"retention.ms": "123456", "max.message.bytes": "65536"})
    _eventually(lambda: reference.topics().get(topic_name) == 3)
    configs = reference.topic_configs(topic_name)
    assert configs["retention.ms"] == "123456"
    assert configs["max.message.bytes"] == "65536"


@with_clients(Ability.CREATE_TOPIC)
def test_a_topic_is_created_only_once(client: ForeignClient, topic: str) -> None:
    with pytest.raises(Refused) as refusal:
        client.create_topic(topic, 1, {})
    assert refusal.value.code == TOPIC_ALREADY_EXISTS


@with_clients(Ability.CREATE_TOPIC, Ability.UNCHECKED_CONFIGS)
def test_a_topic_with_a_config_that_makes_no_sense_is_refused(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    with pytest.raises(Refused) as refusal:
        client.create_topic(topic_name, 1, {"retention.ms": "soon"})
    assert refusal.value.code == INVALID_CONFIG
    assert topic_name not in reference.topics()


@with_clients(Ability.DELETE_TOPIC)
def test_a_deleted_topic_is_gone_and_its_name_is_free(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    reference.produce(topic, samples.text_records(10))
    client.delete_topic(topic)
    _eventually(lambda: topic not in reference.topics())
    reference.create_topic(topic, 1, {})
    _eventually(lambda: topic in reference.topics())
    assert reference.watermarks(topic) == (0, 0)


@with_clients(Ability.ADD_PARTITIONS)
def test_partitions_are_added_and_not_taken_away(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(10)
    reference.produce(topic, records)
    client.add_partitions(topic, 4)
    _eventually(lambda: reference.topics()[topic] == 4)
    reference.produce(topic, records, partition=3)
    consumed = reference.consume(topic, Start.EARLIEST, 10, partition=3)
    assert samples.contents(consumed) == samples.content(records)
    assert reference.watermarks(topic, 0) == (0, 10)
    with pytest.raises(Refused) as refusal:
        client.add_partitions(topic, 2)
    assert refusal.value.code == INVALID_PARTITIONS


@with_clients(Ability.DESCRIBE_CONFIGS)
def test_configs_have_kafkas_names_and_defaults(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    reference.create_topic(topic_name, 1, {"retention.ms": "777"})
    configs = client.topic_configs(topic_name)
    assert configs["retention.ms"] == "777"
    assert configs["max.message.bytes"] == "1048588"
    assert configs["cleanup.policy"] == "delete"
    assert configs["compression.type"] == "producer"
    assert configs["message.timestamp.type"] == "CreateTime"
    assert configs["min.insync.replicas"] == "1"
    assert configs["segment.bytes"] == "1073741824"


@with_clients(Ability.ALTER_CONFIGS)
def test_a_changed_config_is_told_and_acted_on(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    client.set_topic_config(topic, "max.message.bytes", "1000")
    _eventually(lambda: reference.topic_configs(topic)["max.message.bytes"] == "1000")
    with pytest.raises(Refused):
        reference.produce(topic, [samples.incompressible(2_000)])
    small = samples.text_records(1)
    reference.produce(topic, small)
    consumed = reference.consume(topic, Start.EARLIEST, 1)
    assert samples.contents(consumed) == samples.content(small)


@with_clients(Ability.ALTER_CONFIGS)
def test_a_config_that_makes_no_sense_is_refused_and_changes_nothing(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    with pytest.raises(Refused) as refusal:
        client.set_topic_config(topic, "retention.ms", "soon")
    assert refusal.value.code == INVALID_CONFIG
    assert reference.topic_configs(topic)["retention.ms"] == "-1"


@with_clients(Ability.WATERMARKS)
def test_watermarks_equal_the_records_that_are_there(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    assert client.watermarks(topic) == (0, 0)
    reference.produce(topic, samples.text_records(25), codec="gzip")
    assert client.watermarks(topic) == (0, 25)
    reference.delete_records(topic, 10)
    assert client.watermarks(topic) == (10, 25)


@with_clients(Ability.OFFSET_FOR_TIMESTAMP)
def test_an_offset_is_found_by_its_time(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    base_ms = samples.now_ms() - samples.DAY_MS
    # In one batch, and not in order: the answer is the first by offset that is not older.
    records = samples.at_times([base_ms + second * 1_000 for second in (0, 2, 1, 5, 3, 4)])
    reference.produce(topic, records, codec="snappy")
    assert client.offset_for_timestamp(topic, base_ms) == 0
    assert client.offset_for_timestamp(topic, base_ms + 1_000) == 1
    assert client.offset_for_timestamp(topic, base_ms + 2_001) == 3
    assert client.offset_for_timestamp(topic, base_ms + 5_001) is None


@with_clients(Ability.DELETE_RECORDS)
def test_deleted_records_are_gone_from_the_front_only(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(20)
    for record in records:
        reference.produce(topic, [record])
    client.delete_records(topic, 7)
    assert reference.watermarks(topic) == (7, 20)
    consumed = reference.consume(topic, Start.EARLIEST, 13)
    assert samples.contents(consumed) == samples.content(records[7:])


@with_clients(Ability.DELETE_TOPIC)
def test_a_topic_that_is_not_there_cannot_be_deleted(
    client: ForeignClient, topic_name: str
) -> None:
    with pytest.raises(Refused) as refusal:
        client.delete_topic(topic_name)
    assert refusal.value.code == UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("name", "partitions", "configs", "code"),
    [
        ("no/slash", 1, {}, INVALID_TOPIC),
        ("..", 1, {}, INVALID_TOPIC),
        ("n" * 250, 1, {}, INVALID_TOPIC),
        ("zero-partitions", 0, {}, INVALID_PARTITIONS),
        ("unknown-key", 1, {"retention.msec": "1"}, INVALID_CONFIG),
        ("out-of-range", 1, {"max.message.bytes": "-5"}, INVALID_CONFIG),
    ],
)
def test_a_topic_that_cannot_be_is_refused_with_kafkas_code(
    started_clients: Callable[[type[ForeignClient]], ForeignClient],
    name: str,
    partitions: int,
    configs: dict[str, str],
    code: int,
) -> None:
    """By kafka-python, which sends what it is given."""
    client = started_clients(KafkaPythonClient)
    with pytest.raises(Refused) as refusal:
        client.create_topic(name, partitions, configs)
    assert refusal.value.code == code
    assert name not in client.topics()


def test_records_are_deleted_up_to_the_end_and_not_beyond(
    reference: ForeignClient, topic: str
) -> None:
    reference.produce(topic, samples.text_records(10))
    with pytest.raises(Refused) as refusal:
        reference.delete_records(topic, 11)
    assert refusal.value.code == OFFSET_OUT_OF_RANGE
    reference.delete_records(topic, OFFSET_END)
    assert reference.watermarks(topic) == (10, 10)
    reference.produce(topic, samples.text_records(1))
    assert reference.watermarks(topic) == (10, 11)


def test_a_broker_describes_its_own_configs(broker: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    [node_id] = admin.list_topics(timeout=WAIT_SECONDS).brokers
    resource = ConfigResource(ConfigResource.Type.BROKER, str(node_id))
    [described] = admin.describe_configs([resource]).values()
    configs = described.result(timeout=WAIT_SECONDS)
    assert configs["log.segment.bytes"].value == "1073741824"
    assert configs["log.segment.bytes"].is_default
    assert configs["message.max.bytes"].value == "1048588"
    assert configs["auto.create.topics.enable"].value == "true"


def test_log_dirs_tell_how_much_lies_there(reference: ForeignClient, topic: str) -> None:
    records = [samples.incompressible(10_000) for _ in range(10)]
    reference.produce(topic, records)
    admin = KafkaAdminClient(bootstrap_servers=reference.bootstrap)
    try:
        described = admin.describe_log_dirs()
    finally:
        admin.close()
    sizes = [
        partition["partition_size"]
        for each_broker in described
        for log_dir in each_broker["log_dirs"]
        for found in log_dir["topics"]
        if found["name"] == topic
        for partition in found["partitions"]
    ]
    assert len(sizes) == 1
    assert 100_000 < sizes[0] < 110_000


def _eventually(holds: Callable[[], bool]) -> None:
    """A broker tells of a change when its own image of the cluster has it, which may take a bit."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"


def test_a_group_is_configured_before_anybody_is_in_it(broker: Broker, topic_name: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    key = "consumer.session.timeout.ms"

    def set_to(value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        kind = ConfigResource.Type.GROUP
        resource = ConfigResource(kind, topic_name, incremental_configs=[entry])
        [altered] = admin.incremental_alter_configs([resource]).values()
        altered.result(timeout=WAIT_SECONDS)

    def value() -> str:
        resource = ConfigResource(ConfigResource.Type.GROUP, topic_name)
        [described] = admin.describe_configs([resource]).values()
        return str(described.result(timeout=WAIT_SECONDS)[key].value)

    assert value() == "45000"
    set_to("50000")
    _eventually(lambda: value() == "50000")
    with pytest.raises(KafkaException) as refused:
        set_to("1000")
    assert refused.value.args[0].code() == INVALID_CONFIG
    assert value() == "50000"
