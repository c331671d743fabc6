"""Transactions of foreign producers: what readers of committed records see, who is fenced, and
offsets that are part of a transaction.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from clients.aiokafka_transactions import AioKafkaTransactions
from clients.broker import Broker
from clients.confluent_transactions import ConfluentTransactions
from clients.foreign_client import WAIT_SECONDS, ForeignClient, Record
from clients.kafka_python_transactions import KafkaPythonTransactions
from clients.transactional_producer import Fenced, TransactionalProducer

KINDS: tuple[type[TransactionalProducer], ...] = (
    ConfluentTransactions,
    AioKafkaTransactions,
    KafkaPythonTransactions,
)

Begin = Callable[[str], TransactionalProducer]

pytestmark = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.fixture
def producer(broker: Broker, kind: Callable[[str, str], TransactionalProducer]) -> Iterator[Begin]:
    """Starts a producer for a transactional id."""
    with ExitStack() as stack:

        def start(transactional_id: str) -> TransactionalProducer:
            return stack.enter_context(closing(kind(broker.bootstrap, transactional_id)))

        yield start


@pytest.fixture
def transactional_id() -> str:
    return f"transactions-{uuid.uuid4().hex[:12]}"


def read(broker: Broker, topic: str, isolation: str) -> list[bytes]:
    """What a reader finds up to the end of what it may see."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "unused: consumption is by assignment",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        values: list[bytes] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error() is not None:
                return values
            values.append(message.value())
        raise AssertionError(f"no end of {topic} after {values}")
    finally:
        consumer.close()


def committed(broker: Broker, topic: str) -> list[bytes]:
    return read(broker, topic, "read_committed")


def committed_in_the_end(broker: Broker, topic: str, expected: list[bytes]) -> None:
    """A commit is told before its markers are written: the records come a moment later."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := committed(broker, topic)) != expected:
        assert time.monotonic() < deadline, found


def group_offset(broker: Broker, group: str, topic: str) -> int:
    """How far a group has come; below zero: nowhere. The first who asks a new cluster may find a
    coordinator that does not know of it yet.
    """
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while True:
            try:
                [found] = consumer.committed([TopicPartition(topic, 0)], timeout=WAIT_SECONDS)
            except KafkaException as refused:
                passes = refused.args[0].code() == KafkaError.NOT_COORDINATOR
                if not passes or time.monotonic() > deadline:
                    raise
            else:
                return int(found.offset)
    finally:
        consumer.close()


def test_what_is_committed_is_read_and_what_is_aborted_is_not(
    broker: Broker, topic: str, transactional_id: str, producer: Begin
) -> None:
    client = producer(transactional_id)
    expected: list[bytes] = []
    for number, commits in enumerate([True, False, True, True, False]):
        values = [f"{number}-{n}".encode() for n in range(20)]
        client.begin()
        client.send(topic, values)
        if commits:
            client.commit()
            expected += values
        else:
            client.abort()
    committed_in_the_end(broker, topic, expected)


def test_an_open_transaction_is_hidden_with_all_that_is_behind_it(
    broker: Broker,
    reference: ForeignClient,
    topic: str,
    transactional_id: str,
    producer: Begin,
) -> None:
    client = producer(transactional_id)
    reference.produce(topic, [Record(b"before")])
    client.begin()
    client.send(topic, [b"open"])
    reference.produce(topic, [Record(b"behind")])
    assert committed(broker, topic) == [b"before"]
    assert read(broker, topic, "read_uncommitted") == [b"before", b"open", b"behind"]
    client.commit()
    committed_in_the_end(broker, topic, [b"before", b"open", b"behind"])


def test_a_second_instance_fences_the_first(
    broker: Broker, topic: str, transactional_id: str, producer: Begin
) -> None:
    zombie = producer(transactional_id)
    zombie.begin()
    zombie.send(topic, [b"zombie"])
    instance = producer(transactional_id)
    with pytest.raises(Fenced):
        zombie.commit()
    instance.begin()
    instance.send(topic, [b"mine"])
    instance.commit()
    committed_in_the_end(broker, topic, [b"mine"])


def test_offsets_are_committed_with_the_records_or_not_at_all(
    broker: Broker, topic: str, transactional_id: str, producer: Begin
) -> None:
    client, group = producer(transactional_id), f"group-{transactional_id}"
    for offset, commits in [(3, False), (5, True), (8, False)]:
        client.begin()
        client.send(topic, [str(offset).encode()])
        client.send_offsets(group, {(topic, 0): offset})
        if commits:
            client.commit()
        else:
            client.abort()
    committed_in_the_end(broker, topic, [b"5"])
    assert group_offset(broker, group, topic) == 5


def test_a_pipeline_that_is_cut_short_processes_each_record_once(
    broker: Broker, reference: ForeignClient, topic: str, transactional_id: str, producer: Begin
) -> None:
    """Consume, process, produce, with the offsets in the transaction (KIP-98): whoever comes back
    begins where the last committed transaction has ended.
    """
    target, group = f"{topic}-processed", f"group-{transactional_id}"
    reference.create_topic(target, 1, {"retention.ms": "-1"})
    values = [str(number).encode() for number in range(30)]
    reference.produce(topic, [Record(value) for value in values])
    lives, done = 0, 0
    while done < len(values):
        lives += 1
        client = producer(transactional_id)
        done = max(0, group_offset(broker, group, topic))
        for _ in range(2):
            found = reference.consume(topic, done, 5)
            client.begin()
            client.send(target, [b"processed " + (record.value or b"") for record in found])
            done += len(found)
            client.send_offsets(group, {(topic, 0): done})
            client.commit()
        # The third one of each life is left open: the next instance has it aborted.
        client.begin()
        client.send(target, [b"never committed"])
    assert lives == 3
    committed_in_the_end(broker, target, [b"processed " + value for value in values])
