"""The consumer: positions, seeks, pauses, and how long it waits."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator

import pytest

import ottla
from ottla.position import Position

WAIT_SECONDS = 30.0


@pytest.fixture
def filled(ottla_broker: ottla.Broker, ottla_topic: str) -> str:
    """A topic with a hundred numbers, a second apart."""
    with ottla.Producer(ottla_broker) as producer:
        for number in range(100):
            producer.produce(ottla_topic, str(number), timestamp=number * 1000)
    return ottla_topic


@pytest.fixture
def consumer(ottla_broker: ottla.Broker, filled: str) -> Iterator[ottla.Consumer]:
    with ottla.Consumer(ottla_broker, topics=[filled], auto_offset_reset="earliest") as consumer:
        yield consumer


def number(message: ottla.Message | None) -> int:
    assert message is not None
    return int(message.value or b"")


def test_iterating_gives_every_record_in_order(consumer: ottla.Consumer) -> None:
    numbers = [number(message) for _, message in zip(range(100), consumer, strict=False)]
    assert numbers == list(range(100))


def test_a_poll_without_records_ends_with_its_timeout(consumer: ottla.Consumer) -> None:
    for _ in range(100):
        assert consumer.poll(WAIT_SECONDS) is not None
    begun = time.monotonic()
    assert consumer.poll(timeout=0.1) is None
    assert 0.1 <= time.monotonic() - begun < 5


def test_a_batch_that_is_not_full_does_not_wait_for_more(consumer: ottla.Consumer) -> None:
    begun = time.monotonic()
    batch = next(consumer.batches(max_rows=1000, max_wait=20))
    assert 0 < len(batch) <= 100
    assert time.monotonic() - begun < 10


def test_a_batch_waits_for_its_rows_no_longer_than_it_may(consumer: ottla.Consumer) -> None:
    begun = time.monotonic()
    batch = next(consumer.batches(max_rows=1000, min_rows=1000, max_wait=0.2))
    assert len(batch) == 100
    assert time.monotonic() - begun < 10


def test_a_batch_of_no_rows_is_refused(consumer: ottla.Consumer, filled: str) -> None:
    for max_rows in (0, -1):
        with pytest.raises(ValueError, match=f"max_rows={max_rows}"):
            next(consumer.batches(max_rows=max_rows))
    with pytest.raises(ValueError, match="max_rows=0"):
        ottla.read({"bootstrap.servers": "localhost:1"}, filled, max_rows=0)


def test_the_batches_end_after_a_time_without_records(consumer: ottla.Consumer) -> None:
    sizes = [len(batch) for batch in consumer.batches(max_rows=30, timeout=0.5)]
    assert sum(sizes) == 100
    assert max(sizes) <= 30


def test_the_position_is_that_of_the_next_record_to_be_given(
    consumer: ottla.Consumer, filled: str
) -> None:
    assert number(consumer.poll(WAIT_SECONDS)) == 0
    assert consumer.position(filled, 0) == 1
    assert number(consumer.poll(WAIT_SECONDS)) == 1
    assert consumer.position(filled, 0) == 2


def test_messages_and_batches_give_every_record_once(consumer: ottla.Consumer) -> None:
    numbers = [number(consumer.poll(WAIT_SECONDS)) for _ in range(10)]
    for batch in consumer.batches(max_rows=25):
        numbers.extend(number(message) for message in batch)
        if len(numbers) >= 50:
            break
    while len(numbers) < 100:
        numbers.append(number(consumer.poll(WAIT_SECONDS)))
    assert numbers == list(range(100))


def test_a_seek_forgets_what_was_fetched(consumer: ottla.Consumer, filled: str) -> None:
    assert number(consumer.poll(WAIT_SECONDS)) == 0
    consumer.seek(filled, 0, 42)
    assert number(consumer.poll(WAIT_SECONDS)) == 42
    consumer.seek(filled, 0, "earliest")
    assert number(consumer.poll(WAIT_SECONDS)) == 0
    consumer.seek(filled, 0, "latest")
    assert consumer.poll(timeout=0.2) is None
    with pytest.raises(ValueError, match="no position"):
        consumer.seek(filled, 0, "sometime")


def test_a_seek_to_a_time_finds_the_first_record_since(
    consumer: ottla.Consumer, filled: str
) -> None:
    consumer.seek_to_time(filled, dt.datetime.fromtimestamp(41.5, dt.UTC))
    assert number(consumer.poll(WAIT_SECONDS)) == 42
    found = consumer.offsets_for_time(dt.datetime.fromtimestamp(7, dt.UTC))
    assert found == {(filled, 0): 7}
    assert consumer.offsets_for_time("-1m") == {(filled, 0): None}


def test_a_paused_partition_is_silent_and_loses_nothing(
    consumer: ottla.Consumer, filled: str
) -> None:
    assert number(consumer.poll(WAIT_SECONDS)) == 0
    consumer.pause((filled, 0))
    assert consumer.paused == [(filled, 0)]
    assert consumer.poll(timeout=0.2) is None
    consumer.resume()
    assert consumer.paused == []
    assert number(consumer.poll(WAIT_SECONDS)) == 1


def test_watermarks_are_the_counts(consumer: ottla.Consumer, filled: str) -> None:
    assert consumer.beginning_offsets() == {(filled, 0): 0}
    assert consumer.end_offsets() == {(filled, 0): 100}
    assert consumer.assignment == [(filled, 0)]
    assert filled in repr(consumer)


def test_an_assignment_says_where_each_partition_starts(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    starts: list[tuple[Position, int]] = [
        (99, 99),
        ("earliest", 0),
        (dt.datetime.fromtimestamp(50, dt.UTC), 50),
    ]
    for start, first in starts:
        with ottla.Consumer(ottla_broker, assignment={(filled, 0): start}) as consumer:
            assert number(consumer.poll(WAIT_SECONDS)) == first


def test_records_that_come_later_are_given_at_once(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    start = {(ottla_topic, 0): "latest"}
    with (
        ottla.Consumer(ottla_broker, assignment=start) as consumer,
        ottla.Producer(ottla_broker, linger_ms=0) as producer,
    ):
        assert consumer.poll(timeout=0.2) is None
        producer.produce(ottla_topic, b"7")
        assert number(consumer.poll(WAIT_SECONDS)) == 7


def test_an_offset_that_is_not_there_is_an_error_if_there_is_no_reset(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    start = {(filled, 0): 1000}
    with ottla.Consumer(ottla_broker, assignment=start, auto_offset_reset="none") as consumer:
        with pytest.raises(ottla.OffsetOutOfRange) as raised:
            consumer.poll(WAIT_SECONDS)
        assert raised.value.name == "OFFSET_OUT_OF_RANGE"
        consumer.seek(filled, 0, 5)
        assert number(consumer.poll(WAIT_SECONDS)) == 5


def test_what_is_not_there_or_not_assigned_is_told_by_name(
    ottla_broker: ottla.Broker, consumer: ottla.Consumer
) -> None:
    with pytest.raises(ottla.ConsumeError, match="nowhere-3 is not assigned"):
        consumer.seek("nowhere", 3, 0)
    with pytest.raises(ottla.UnknownTopicError, match="nowhere"):
        ottla.Consumer(ottla_broker, topics=["nowhere"])
    with pytest.raises(ottla.ConfigError, match=r"session\.timeout\.ms"):
        ottla.Consumer(ottla_broker, group="g", group_protocol="consumer", session_timeout_ms=6000)
    with pytest.raises(ottla.ConfigError, match=r"no group\.id"):
        consumer.subscribe(["nowhere"])
    with pytest.raises(ottla.ConfigError, match=r"without a group\.id"):
        consumer.commit({("nowhere", 0): 1})
    with pytest.raises(TypeError, match="needs a group"):
        ottla.Consumer(ottla_broker, topics=re.compile("no.*"))
    with pytest.raises(ottla.ConfigError, match="no regular expression"):
        ottla.Consumer(ottla_broker, group="g", topics=re.compile("(?=x)"))


def test_a_closed_consumer_says_so_and_its_batches_stay_good(consumer: ottla.Consumer) -> None:
    batch = next(consumer.batches())
    consumer.close()
    consumer.close()
    with pytest.raises(ottla.ClosedError):
        consumer.poll(1)
    assert number(batch[0]) == 0
    assert repr(consumer) == "<ottla.Consumer, closed>"
