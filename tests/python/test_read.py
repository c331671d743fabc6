"""Bounded reads: from where to where, and not a moment longer."""

from __future__ import annotations

import datetime as dt
import time

import pytest

import ottla


@pytest.fixture
def topic(ottla_broker: ottla.Broker, ottla_topic: str) -> str:
    """Four partitions of ten numbers each, a second apart."""
    with ottla.Admin(ottla_broker) as admin:
        admin.add_partitions(ottla_topic, 4)
    with ottla.Producer(ottla_broker) as producer:
        for number in range(40):
            at = (number // 4) * 1000
            producer.produce(ottla_topic, str(number), partition=number % 4, timestamp=at)
    return ottla_topic


def numbers(batch: ottla.Batch) -> list[int]:
    return sorted(int(message.value or b"") for message in batch)


def test_a_read_has_everything_in_the_order_of_each_partition(
    ottla_broker: ottla.Broker, topic: str
) -> None:
    batch = ottla.read(ottla_broker, topic)
    assert numbers(batch) == list(range(40))
    frame = batch.to_polars()
    for _, part in frame.group_by("partition"):
        assert part["offset"].to_list() == list(range(10))
    assert batch.next_offsets == {(topic, partition): 10 for partition in range(4)}


def test_offsets_bound_a_read(ottla_broker: ottla.Broker, topic: str) -> None:
    assert numbers(ottla.read(ottla_broker, topic, start=9)) == [36, 37, 38, 39]
    assert numbers(ottla.read(ottla_broker, topic, end=1)) == [0, 1, 2, 3]
    assert numbers(ottla.read(ottla_broker, topic, start={2: 8, 3: "latest"})) == [34, 38]
    assert numbers(ottla.read(ottla_broker, topic, start={0: 0}, end={0: 2})) == [0, 4]


def test_times_bound_a_read(ottla_broker: ottla.Broker, topic: str) -> None:
    def second(number: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(number, dt.UTC)

    assert numbers(ottla.read(ottla_broker, topic, start=second(9))) == [36, 37, 38, 39]
    assert numbers(ottla.read(ottla_broker, topic, second(1), second(2))) == [4, 5, 6, 7]
    assert numbers(ottla.read(ottla_broker, topic, start="-10m")) == []


def test_what_is_read_ends_where_the_log_ended(ottla_broker: ottla.Broker, topic: str) -> None:
    assert numbers(ottla.read(ottla_broker, topic, end=1_000_000)) == list(range(40))
    assert numbers(ottla.read(ottla_broker, topic, start="latest")) == []
    batches = ottla.read(ottla_broker, topic, batches=True, max_rows=1)
    first = next(batches)
    with ottla.Producer(ottla_broker) as producer:
        producer.produce(topic, b"99", partition=0)
    assert 99 not in numbers(ottla.Batch.concatenated([first, *batches]))


def test_many_records_over_several_partitions_are_read_without_waiting(
    ottla_broker: ottla.Broker, topic: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        for number in range(20_000):
            producer.produce(topic, b"x" * 100, partition=number % 4)
    begun = time.monotonic()
    assert len(ottla.read(ottla_broker, topic)) == 20_040
    # A read that waited for a time-out, once for each partition, would take seconds.
    assert time.monotonic() - begun < 3


def test_what_is_not_there_is_told_by_name(ottla_broker: ottla.Broker, topic: str) -> None:
    with pytest.raises(ottla.UnknownTopicError, match="nowhere"):
        ottla.read(ottla_broker, "nowhere")
    with pytest.raises(LookupError, match=r"no partitions \[9\]"):
        ottla.read(ottla_broker, topic, start={9: 0})
    with pytest.raises(ValueError, match="-10 is no offset"):
        ottla.read(ottla_broker, topic, start=-10)
