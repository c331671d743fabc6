"""The admin client: topics, configurations, records, the cluster."""

from __future__ import annotations

import time

import pytest

import ottla


@pytest.fixture
def admin(ottla_broker: ottla.Broker) -> ottla.Admin:
    return ottla.Admin(ottla_broker)


def test_a_topic_is_created_described_widened_and_deleted(admin: ottla.Admin) -> None:
    admin.create_topic("life", partitions=2, config={"retention.ms": 1000}, segment_ms=60_000)
    assert admin.topics()["life"] == 2
    admin.add_partitions("life", 3)
    described = admin.describe("life")
    assert (described.name, described.is_internal) == ("life", False)
    assert [partition.partition for partition in described.partitions] == [0, 1, 2]
    assert {partition.leader for partition in described.partitions} == {1}
    entries = admin.configs("life")
    assert (entries["retention.ms"].value, entries["segment.ms"].value) == ("1000", "60000")
    assert entries["retention.ms"].source == "topic"
    assert entries["max.message.bytes"].source == "default"
    admin.delete_topic("life")
    assert "life" not in admin.topics()


def test_a_check_creates_nothing(admin: ottla.Admin) -> None:
    admin.create_topic("checked", validate_only=True)
    assert "checked" not in admin.topics()


def test_refusals_have_classes_and_names(admin: ottla.Admin, ottla_topic: str) -> None:
    with pytest.raises(ottla.TopicExistsError, match=ottla_topic) as exists:
        admin.create_topic(ottla_topic)
    assert (exists.value.code, exists.value.name) == (36, "TOPIC_ALREADY_EXISTS")
    with pytest.raises(LookupError, match="nowhere"):
        admin.delete_topic("nowhere")
    with pytest.raises(ottla.ConfigError, match=r"retention\.ms"):
        admin.create_topic("bad", retention_m=5)
    with pytest.raises(ottla.ConfigError, match=r"cleanup\.policy"):
        admin.create_topic("bad", cleanup_policy="shred")
    with pytest.raises(ottla.OttlaError) as refused:
        admin.add_partitions(ottla_topic, 1)
    assert refused.value.name == "INVALID_PARTITIONS"


def test_an_argument_that_cannot_be_is_refused_by_its_name(admin: ottla.Admin) -> None:
    with pytest.raises(TypeError, match="name"):
        admin.create_topic(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="partitions"):
        admin.create_topic("bad", partitions="many")  # type: ignore[arg-type]
    for wrong in (-1, 0, 2**40):
        with pytest.raises(ValueError, match=f"partitions={wrong}"):
            admin.create_topic("bad", partitions=wrong)
        with pytest.raises(ValueError, match=f"replication_factor={wrong}"):
            admin.create_topic("bad", replication_factor=wrong)
        with pytest.raises(ValueError, match=f"total={wrong}"):
            admin.add_partitions("bad", wrong)
    with pytest.raises(ValueError, match="a topic needs a name"):
        admin.create_topic("")
    with pytest.raises(ottla.ConfigError, match="`partitons`: did you mean `partitions`"):
        admin.create_topic("bad", partitons=3)
    with pytest.raises(ottla.ConfigError, match=r"ottla\.durability"):
        admin.create_topic("bad", durability="forever")


def test_a_topic_has_the_durability_that_it_was_created_with(admin: ottla.Admin) -> None:
    admin.create_topic("light", durability="os")
    entry = admin.configs("light")["ottla.durability"]
    assert (entry.value, entry.source) == ("os", "topic")


def test_a_configuration_is_set_and_goes_back(admin: ottla.Admin, ottla_topic: str) -> None:
    admin.alter_configs(ottla_topic, {"max.message.bytes": 5000})
    assert admin.configs(ottla_topic)["max.message.bytes"].value == "5000"
    admin.alter_configs(ottla_topic, {"max.message.bytes": 7}, validate_only=True)
    admin.alter_configs(ottla_topic, {"max.message.bytes": None})
    assert admin.configs(ottla_topic)["max.message.bytes"].source == "default"


def test_records_are_deleted_from_the_front(
    ottla_broker: ottla.Broker, admin: ottla.Admin, ottla_topic: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        for number in range(10):
            producer.produce(ottla_topic, str(number))
    assert admin.delete_records({(ottla_topic, 0): 7}) == {(ottla_topic, 0): 7}
    assert [message.value for message in ottla.read(ottla_broker, ottla_topic)] == [
        b"7",
        b"8",
        b"9",
    ]


def test_the_cluster_and_its_directories_are_described(
    ottla_broker: ottla.Broker, admin: ottla.Admin, ottla_topic: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        producer.produce(ottla_topic, b"v")
    cluster = admin.cluster()
    assert cluster.id == ottla_broker.cluster_id
    assert [(broker.host, broker.port) for broker in cluster.brokers] == [
        (ottla_broker.host, ottla_broker.port)
    ]
    (directory,) = admin.log_directories()
    assert directory.path == ottla_broker.data_dir
    assert directory.partitions[ottla.TopicPartition(ottla_topic, 0)] > 0
    assert "log.dirs" in admin.broker_configs(ottla_broker.node_id)


def test_a_closed_admin_client_says_so(ottla_broker: ottla.Broker) -> None:
    with ottla.Admin(ottla_broker) as admin:
        pass
    with pytest.raises(ottla.ClosedError):
        admin.topics()
    assert repr(admin) == "<ottla.Admin, closed>"


def test_deleting_from_a_partition_that_does_not_exist_says_so_at_once(
    admin: ottla.Admin, ottla_topic: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(ottla.UnknownTopicError, match="no partition 7: it has 1"):
        admin.delete_records({(ottla_topic, 7): 1})
    with pytest.raises(ottla.UnknownTopicError, match="no-such-topic"):
        admin.delete_records({("no-such-topic", 0): 1})
    assert time.monotonic() - begun < 2


def test_a_misspelt_key_of_a_topic_names_the_nearest_as_it_is_typed(admin: ottla.Admin) -> None:
    with pytest.raises(ottla.ConfigError, match=r"retention\.mss; did you mean retention\.ms\?"):
        admin.create_topic("bad", config={"retention.mss": 5})
    with pytest.raises(ottla.ConfigError, match=r"did you mean retention\.ms\?"):
        admin.create_topic("bad", config={"retention_ms": 5})
    with pytest.raises(ottla.ConfigError, match=r"did you mean retention\.ms\?"):
        admin.create_topic("bad", retention_mss=5)
    assert "bad" not in admin.topics()
