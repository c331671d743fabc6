"""Transactions of every library: what is committed is seen whole, what is aborted never, and of two
producers with one transactional id the first is fenced.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from clients.aiokafka_transactor import AioKafkaTransactor
from clients.broker import Broker
from clients.confluent_transactor import ConfluentTransactor
from clients.foreign_client import WAIT_SECONDS, ForeignClient, Record, Start
from clients.kafka_python_client import KafkaPythonClient
from clients.kafka_python_transactor import KafkaPythonTransactor, kafka_python_for
from clients.ottla_transactor import OttlaTransactor
from clients.transactor import Fenced, Source, Transactor
from interop.franz_go_transactor import FranzGoTransactor
from interop.java_transactor import JavaTransactor

FROM_PYPI: tuple[type[Transactor], ...] = (
    ConfluentTransactor,
    AioKafkaTransactor,
    KafkaPythonTransactor,
    OttlaTransactor,
    # From the first with transactions on, each of these asks for some of them in another version.
    *(kafka_python_for(*version) for version in ((0, 11), (2, 0), (2, 5), (3, 0))),
)
FROM_ELSEWHERE: tuple[type[Transactor], ...] = (FranzGoTransactor, JavaTransactor)
"""These need more than Rust and Python: their tests carry the mark `interop`."""
WITH_OLDER_CLUSTERS: tuple[type[Transactor], ...] = (
    OttlaTransactor,
    ConfluentTransactor,
    JavaTransactor,
)
"""These also run where `transaction.version` is 0 and 1, as where Kafka was updated from before
KIP-890."""
PARTITIONS = 3
QUICK_TRANSACTIONS, QUICK_RECORDS = 50, 10

Begin = Callable[[type[Transactor]], Transactor]


def pairs() -> Iterator[object]:
    for level in (None, 0, 1):
        kinds = FROM_PYPI + FROM_ELSEWHERE if level is None else WITH_OLDER_CLUSTERS
        for kind in kinds:
            marks = [pytest.mark.interop] if kind in FROM_ELSEWHERE else []
            name = kind.__name__ if level is None else f"{kind.__name__}-level-{level}"
            yield pytest.param(level, kind, id=name, marks=marks)


with_transactors = pytest.mark.parametrize(
    ("broker", "kind"), list(pairs()), indirect=["broker"], scope="session"
)


@pytest.fixture
def transactional_id() -> str:
    return f"transactor-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def start(broker: Broker, transactional_id: str) -> Iterator[Begin]:
    """Makes producers with the test's transactional id, all of which are closed behind it."""
    with ExitStack() as stack:

        def transactor(kind: type[Transactor]) -> Transactor:
            return stack.enter_context(kind(broker.bootstrap, transactional_id, None))

        yield transactor


@pytest.fixture
def uncommitted(
    started_clients: Callable[[type[ForeignClient]], ForeignClient],
) -> ForeignClient:
    """A client whose consumer sees everything, unless it is told otherwise."""
    return started_clients(KafkaPythonClient)


@pytest.fixture
def topics(reference: ForeignClient, topic_name: str) -> tuple[str, str]:
    """A topic with records in it, and another one to write to."""
    source, target = f"{topic_name}-source", f"{topic_name}-target"
    for topic in (source, target):
        reference.create_topic(topic, PARTITIONS, {})
    reference.produce(source, [Record(b"one"), Record(b"two"), Record(b"three")])
    return source, target


@with_transactors
def test_what_is_committed_is_read_and_what_is_aborted_is_not(
    kind: type[Transactor], start: Begin, broker: Broker, uncommitted: ForeignClient, topic: str
) -> None:
    producer = start(kind)
    producer.begin()
    producer.produce(topic, b"committed")
    producer.commit()
    producer.begin()
    producer.produce(topic, b"aborted")
    # What has not been sent by then never is. In front of it are a record and a marker.
    wait_for_end(broker, topic, 0, 3)
    producer.abort()
    producer.begin()
    producer.produce(topic, b"committed too")
    producer.commit()
    assert committed_values(kind, broker, topic, 2) == [b"committed", b"committed too"]
    everything = uncommitted.consume(topic, Start.EARLIEST, 3)
    values = [record.value for record in everything]
    assert values == [b"committed", b"aborted", b"committed too"]


@with_transactors
def test_transactions_follow_at_once_on_each_other(
    kind: type[Transactor], start: Begin, broker: Broker, topic: str
) -> None:
    """A commit is told before its markers are written: the next batch may overtake them."""
    producer = start(kind)
    values = [str(number).encode() for number in range(QUICK_TRANSACTIONS * QUICK_RECORDS)]
    for first in range(0, len(values), QUICK_RECORDS):
        producer.begin()
        for value in values[first : first + QUICK_RECORDS]:
            producer.produce(topic, value)
        producer.commit()
    assert committed_values(kind, broker, topic, len(values)) == values


@with_transactors
def test_nothing_behind_an_open_transaction_is_read(
    kind: type[Transactor],
    start: Begin,
    broker: Broker,
    reference: ForeignClient,
    topics: tuple[str, str],
) -> None:
    _, target = topics
    producer = start(kind)
    producer.begin()
    for partition in range(PARTITIONS):
        producer.produce(target, b"in a transaction", partition)
    wait_for_end(broker, target, 0, 1)
    reference.produce(target, [Record(b"in none")])
    assert last_stable_offset(broker, target, 0) == 0
    producer.commit()
    values = committed_values(kind, broker, target, PARTITIONS + 1)
    assert sorted(value or b"" for value in values) == [b"in a transaction"] * 3 + [b"in none"]


@with_transactors
def test_a_second_producer_aborts_what_the_first_has_open_and_fences_it(
    kind: type[Transactor], start: Begin, broker: Broker, topic: str
) -> None:
    first = start(kind)
    first.begin()
    first.produce(topic, b"never seen")
    wait_for_end(broker, topic, 0, 1)
    second = start(kind)
    with pytest.raises(Fenced):
        first.commit()
    second.begin()
    second.produce(topic, b"seen")
    second.commit()
    assert committed_values(kind, broker, topic, 1) == [b"seen"]


@with_transactors
def test_offsets_are_committed_with_what_was_produced_or_not_at_all(
    kind: type[Transactor], transactional_id: str, broker: Broker, topics: tuple[str, str]
) -> None:
    source, target = topics
    group = f"group-{uuid.uuid4().hex[:12]}"
    for is_to_commit in (False, True):
        with kind(broker.bootstrap, transactional_id, Source(group, source)) as processor:
            values = [record.value for record in processor.take(3)]
            assert sorted(value or b"" for value in values) == [b"one", b"three", b"two"]
            processor.begin()
            for value in values:
                processor.produce(target, (value or b"").upper())
            processor.send_offsets()
            (processor.commit if is_to_commit else processor.abort)()
        assert committed_offset(broker, group, source) == (3 if is_to_commit else None)
    assert committed_values(kind, broker, target, 3) == [b"ONE", b"TWO", b"THREE"]


@with_transactors
def test_a_pipeline_that_is_cut_short_processes_each_record_once(
    kind: type[Transactor],
    transactional_id: str,
    broker: Broker,
    reference: ForeignClient,
    topic: str,
) -> None:
    """Whoever comes back aborts what was left open, and begins where the last transaction that was
    committed has ended.
    """
    target = f"{topic}-processed"
    reference.create_topic(target, 1, {})
    source = Source(f"group-{uuid.uuid4().hex[:12]}", topic)
    values = [str(number).encode() for number in range(20)]
    reference.produce(topic, [Record(value) for value in values])
    for done in range(0, len(values), 10):
        with kind(broker.bootstrap, transactional_id, source) as processor:
            for first in (done, done + 5):
                taken = [record.value for record in processor.take(5)]
                assert taken == values[first : first + 5]
                processor.begin()
                for value in taken:
                    processor.produce(target, value or b"")
                processor.send_offsets()
                processor.commit()
            processor.begin()
            processor.produce(target, b"never committed")
    assert committed_values(kind, broker, target, len(values)) == values


def committed_values(
    kind: type[Transactor], broker: Broker, topic: str, count: int
) -> list[bytes | None]:
    """The first records of a topic, as the library's own consumer sees those that are committed."""
    name = f"reader-{uuid.uuid4().hex[:12]}"
    with kind(broker.bootstrap, name, Source(name, topic)) as reader:
        return [record.value for record in reader.take(count)]


def wait_for_end(broker: Broker, topic: str, partition: int, offset: int) -> None:
    """Until a partition ends there: libraries send behind the back of their caller."""
    deadline = time.monotonic() + WAIT_SECONDS
    while end_offset(broker, topic, partition, IsolationLevel.READ_UNCOMMITTED) != offset:
        assert time.monotonic() < deadline, f"{topic}-{partition} does not end at {offset}"


def last_stable_offset(broker: Broker, topic: str, partition: int) -> int:
    return end_offset(broker, topic, partition, IsolationLevel.READ_COMMITTED)


def end_offset(broker: Broker, topic: str, partition: int, isolation: IsolationLevel) -> int:
    place = TopicPartition(topic, partition)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    found = admin.list_offsets({place: OffsetSpec.latest()}, isolation_level=isolation)
    offset: int = found[place].result(WAIT_SECONDS).offset
    return offset


def committed_offset(broker: Broker, group: str, topic: str) -> int | None:
    """Of partition 0; nothing if the group has committed nothing there."""
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    found = admin.list_consumer_group_offsets([asked], require_stable=True)[group]
    (place,) = found.result(WAIT_SECONDS).topic_partitions
    return None if place.offset < 0 else place.offset
