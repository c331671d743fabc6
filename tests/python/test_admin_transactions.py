"""The admin client and `ottla transactions`: transactions of librdkafka's producer."""

from __future__ import annotations

import datetime as dt
import pickle
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer as ConfluentConsumer
from confluent_kafka import Producer as ConfluentProducer
from confluent_kafka import TopicPartition as ConfluentTopicPartition

import ottla
from cluster.ottla_command import Ottla

WAIT_SECONDS = 30.0


@pytest.fixture
def admin(ottla_broker: ottla.Broker) -> ottla.Admin:
    return ottla.Admin(ottla_broker)


@pytest.fixture
def command(ottla_broker: ottla.Broker) -> Ottla:
    return Ottla(f"{ottla_broker.host}:{ottla_broker.port}")


@pytest.fixture
def topic(admin: ottla.Admin) -> str:
    name = f"topic-{uuid.uuid4().hex[:8]}"
    admin.create_topic(name, partitions=2)
    return name


@pytest.fixture
def transactional_id() -> str:
    return f"id-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def producer(ottla_broker: ottla.Broker, transactional_id: str) -> Iterator[ConfluentProducer]:
    """A producer that has begun a transaction."""
    server = f"{ottla_broker.host}:{ottla_broker.port}"
    made = ConfluentProducer({"bootstrap.servers": server, "transactional.id": transactional_id})
    made.init_transactions(WAIT_SECONDS)
    made.begin_transaction()
    yield made
    made.abort_transaction(WAIT_SECONDS)


@pytest.fixture
def open_partition(producer: ConfluentProducer, topic: str) -> str:
    """A topic that the transaction has written to, in partition 1."""
    producer.produce(topic, b"one", partition=1)
    assert producer.flush(WAIT_SECONDS) == 0
    return topic


def states(admin: ottla.Admin, transactional_id: str) -> list[str]:
    return [row.state for row in admin.transactions() if row.transactional_id == transactional_id]


def test_a_transaction_is_listed_with_its_state(
    admin: ottla.Admin, open_partition: str, transactional_id: str
) -> None:
    assert open_partition
    [row] = [row for row in admin.transactions() if row.transactional_id == transactional_id]
    assert (row.state, row.coordinator) == ("Ongoing", 1)
    same = [row]
    assert admin.transactions(pattern=f"{transactional_id[:-1]}.") == same
    assert admin.transactions(states="ongoing", producer_ids=[row.producer_id]) == same
    assert admin.transactions(pattern=transactional_id[:-1]) == []
    assert admin.transactions(producer_ids=[row.producer_id + 1_000_000]) == []
    assert row not in admin.transactions(states=["Empty", "CompleteCommit"])
    assert row not in admin.transactions(open_for=dt.timedelta(hours=1))
    assert pickle.loads(pickle.dumps(row)) == row
    with pytest.raises(ValueError, match="`busy` is no state of a transaction"):
        admin.transactions(states="busy")


def test_a_transaction_is_described_with_its_partitions(
    admin: ottla.Admin, open_partition: str, transactional_id: str
) -> None:
    described = admin.describe_transaction(transactional_id)
    assert described.partitions == [ottla.TopicPartition(open_partition, 1)]
    assert (described.state, described.timeout) == ("Ongoing", dt.timedelta(minutes=1))
    assert described.started is not None
    age = dt.datetime.now(dt.UTC) - described.started
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)


def test_a_transactional_id_that_nobody_has_used_has_an_exception_of_its_own(
    admin: ottla.Admin, producer: ConfluentProducer, transactional_id: str
) -> None:
    assert producer is not None, "there is a coordinator"
    told = "transactional id nobody's: TRANSACTIONAL_ID_NOT_FOUND: no producer has used this"
    with pytest.raises(ottla.UnknownTransactionalIdError, match=told) as raised:
        admin.describe_transaction("nobody's")
    assert (raised.value.name, raised.value.code) == ("TRANSACTIONAL_ID_NOT_FOUND", 105)
    assert isinstance(raised.value, LookupError)
    assert not raised.value.retriable
    with pytest.raises(ottla.UnknownTransactionalIdError):
        admin.describe_transactions(transactional_id, "nobody's")


def test_a_partition_tells_where_a_transaction_is_open(
    admin: ottla.Admin, open_partition: str, transactional_id: str
) -> None:
    assert admin.producers(open_partition, 0) == []
    [known] = admin.producers(open_partition, 1)
    assert known.transaction_start_offset == 0
    assert known.last_sequence == 0
    assert known.producer_id == admin.describe_transaction(transactional_id).producer_id
    assert admin.producers(open_partition, 1, broker=1) == [known]
    with pytest.raises(ottla.UnknownTopicError):
        admin.producers("nothing-is-here")


def test_what_its_coordinator_knows_does_not_hang(admin: ottla.Admin, open_partition: str) -> None:
    time.sleep(0.01)
    found = admin.hanging_transactions(open_partition, transaction_timeout_max=dt.timedelta(0))
    assert found == []
    found = admin.hanging_transactions(broker=1, transaction_timeout_max=dt.timedelta(0))
    assert open_partition not in [row.topic for row in found]


def test_a_transaction_is_aborted_by_force_in_one_partition(
    admin: ottla.Admin, open_partition: str
) -> None:
    with pytest.raises(LookupError, match=f"{open_partition}-1: no transaction is open"):
        admin.abort_transaction(open_partition, 1, start_offset=7)
    admin.abort_transaction(open_partition, 1, start_offset=0)
    [known] = admin.producers(open_partition, 1)
    assert known.transaction_start_offset is None


def test_a_transaction_commits_the_offsets_that_it_was_sent(
    admin: ottla.Admin, ottla_broker: ottla.Broker, producer: ConfluentProducer, topic: str
) -> None:
    group = f"group-{uuid.uuid4().hex[:8]}"
    admin.alter_group_offsets(group, {(topic, 0): 3})
    server = f"{ottla_broker.host}:{ottla_broker.port}"
    consumer = ConfluentConsumer({"bootstrap.servers": server, "group.id": group})
    offsets = [ConfluentTopicPartition(topic, 0, 7), ConfluentTopicPartition(topic, 1, 8)]
    producer.produce(topic, b"one", partition=1)
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), WAIT_SECONDS)
    assert admin.group_offsets(group)[ottla.TopicPartition(topic, 0)].offset == 3
    producer.commit_transaction(WAIT_SECONDS)
    deadline = time.monotonic() + WAIT_SECONDS
    expected = {(topic, 0): 7, (topic, 1): 8}
    while {place: row.offset for place, row in admin.group_offsets(group).items()} != expected:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    consumer.close()
    # The next transaction, which the fixture aborts.
    producer.begin_transaction()


def test_the_commands_say_the_same(
    command: Ottla, admin: ottla.Admin, open_partition: str, transactional_id: str
) -> None:
    [row] = command.json("transactions", "list", "--transactional-id-pattern", transactional_id)
    described = admin.describe_transaction(transactional_id)
    assert row == {
        "transactional_id": transactional_id,
        "coordinator": 1,
        "producer_id": described.producer_id,
        "state": "Ongoing",
    }
    [shown] = command.json("transactions", "describe", "--transactional-id", transactional_id)
    assert shown["partitions"] == {open_partition: [1]}
    assert (shown["state"], shown["timeout_ms"]) == ("Ongoing", 60_000)
    place = ["--topic", open_partition, "--partition", "1"]
    [known] = command.json("transactions", "describe-producers", *place)
    assert known["transaction_start_offset"] == 0
    hanging = ["transactions", "find-hanging", "--max-transaction-timeout", "0"]
    assert command.json(*hanging, "--topic", open_partition) == []
    header = command.out("transactions", "list").decode().splitlines()[0].split()
    assert header == ["TRANSACTIONAL-ID", "COORDINATOR", "PRODUCER-ID", "TRANSACTION-STATE"]
    refused = command.run("transactions", "abort", *place, "--start-offset", "9")
    assert refused.returncode == 1
    assert b"no transaction is open that begins at offset 9" in refused.stderr
    aborted = command.out("transactions", "abort", *place, "--start-offset", "0").decode()
    told = f"{open_partition}-1: the transaction of producer {described.producer_id} is aborted\n"
    assert aborted == told
    unknown = command.run("transactions", "describe", "nobody's")
    assert unknown.returncode == 1
    assert b"transactional id nobody's: TRANSACTIONAL_ID_NOT_FOUND" in unknown.stderr
