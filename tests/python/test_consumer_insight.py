"""What a consumer tells of itself, what sees its records, and where it starts without an offset."""

from __future__ import annotations

import datetime as dt
import json
import logging
import pickle
import time
from typing import Any, cast

import polars as pl
import pytest

import ottla

WAIT_SECONDS = 30.0
RECORDS = 100


@pytest.fixture
def filled(ottla_broker: ottla.Broker, ottla_topic: str) -> str:
    """A topic with a hundred numbers as JSON, the last ones young."""
    now_ms = int(time.time() * 1000)
    with ottla.Producer(ottla_broker) as producer:
        for number in range(RECORDS):
            age_ms = (RECORDS - 1 - number) * 60_000
            producer.produce(ottla_topic, json.dumps(number), b"key", timestamp=now_ms - age_ms)
    return ottla_topic


def read(consumer: ottla.Consumer, count: int) -> list[ottla.Message]:
    messages: list[ottla.Message] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} of {count}"
        message = consumer.poll(timeout=0.2)
        if message is not None:
            messages.append(message)
    return messages


def test_the_lag_is_rows_and_a_frame(ottla_broker: ottla.Broker, filled: str) -> None:
    settings = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    with ottla.Consumer(ottla_broker, group=filled, topics=[filled], config=settings) as consumer:
        read(consumer, 30)
        consumer.commit({(filled, 0): 20})
        lag = consumer.lag()
        assert list(lag) == [ottla.ConsumerLagRow(filled, 0, 30, 20, RECORDS, 70)]
        assert lag.total == 70
        frame = pl.DataFrame(lag)
    assert frame.columns == ["topic", "partition", "position", "committed", "end_offset", "lag"]
    assert frame.rows() == [(filled, 0, 30, 20, RECORDS, 70)]
    assert frame.schema["partition"] == pl.Int32
    assert "<td>70</td>" in lag._repr_html_()


def test_a_lag_without_a_position_or_a_commit_is_null(ottla_broker: ottla.Broker) -> None:
    lag = ottla.ConsumerLag([ottla.ConsumerLagRow("t", 0, None, None, 5, None)])
    assert pl.DataFrame(lag)["lag"].to_list() == [None]
    assert pl.DataFrame(ottla.ConsumerLag()).schema["topic"] == pl.String
    with ottla.Consumer(ottla_broker) as consumer:
        assert consumer.lag() == ottla.ConsumerLag()


def test_an_offset_is_committed_with_metadata_and_an_epoch(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    place = (filled, 0)
    with ottla.Consumer(ottla_broker, group=filled) as consumer:
        consumer.commit({place: ottla.OffsetAndMetadata(7, metadata="host ä", leader_epoch=0)})
        committed = consumer.committed([place])[ottla.TopicPartition(*place)]
        assert committed == 7
        assert committed is not None
        assert (committed.metadata, committed.leader_epoch) == ("host ä", 0)
        copied = pickle.loads(pickle.dumps(committed))
        assert (copied, copied.metadata, copied.leader_epoch) == (7, "host ä", 0)
        consumer.commit({place: 8})
        committed = consumer.committed([place])[ottla.TopicPartition(*place)]
        assert committed is not None
        assert (committed.metadata, committed.leader_epoch) == ("", None)


@pytest.mark.parametrize("auto", [True, False])
def test_what_was_read_is_committed_with_the_epoch_of_its_leader(
    ottla_broker: ottla.Broker, filled: str, *, auto: bool
) -> None:
    settings = {"auto.offset.reset": "earliest", "enable.auto.commit": auto}
    with ottla.Consumer(ottla_broker, group=filled, topics=[filled], config=settings) as consumer:
        batch = next(consumer.batches())
        if not auto:
            consumer.commit(batch)
    with ottla.Consumer(ottla_broker, group=filled) as observer:
        (committed,) = observer.committed([(filled, 0)]).values()
    assert committed == len(batch)
    assert committed is not None
    assert committed.leader_epoch is not None


def test_metrics_say_what_was_done(ottla_broker: ottla.Broker, filled: str) -> None:
    settings = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    with ottla.Consumer(ottla_broker, group=filled, topics=[filled], config=settings) as consumer:
        assert consumer.metrics().rebalance_total == 0
        batch = next(consumer.batches())
        consumer.commit(batch)
        metrics = consumer.metrics()
    assert metrics.records_consumed_total == len(batch) == RECORDS
    assert metrics.bytes_consumed_total > RECORDS
    assert metrics.fetch_total >= 1
    assert metrics.fetch_seconds_total >= metrics.fetch_seconds_max > 0
    assert (metrics.commit_total, metrics.failed_commit_total) == (1, 0)
    assert (metrics.assigned_partitions, metrics.records_lag_max) == (1, 0)
    assert (metrics.rebalance_total, metrics.lost_total) == (1, 0)
    assert metrics.last_rebalance_cause == "this member joins"
    assert metrics.last_rebalance_seconds is not None


def test_every_rebalance_is_logged_with_its_cause(
    ottla_broker: ottla.Broker, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.INFO, logger="ottla"),
        ottla.Consumer(ottla_broker, group=filled, topics=[filled]) as consumer,
    ):
        deadline = time.monotonic() + WAIT_SECONDS
        while "the group has rebalanced" not in caplog.text:
            assert time.monotonic() < deadline
            consumer.poll(timeout=0.1)
    assert "this member joins" in caplog.text
    assert filled in caplog.text


class Recorder(ottla.Interceptor):
    """Remembers what it sees, and may hand out something else."""

    def __init__(self) -> None:
        self.consumed = 0
        self.committed: list[dict[ottla.TopicPartition, int]] = []

    def on_consume(self, records: ottla.Batch | ottla.Message) -> None:
        self.consumed += len(records) if isinstance(records, ottla.Batch) else 1

    def on_commit(self, offsets: dict[ottla.TopicPartition, int]) -> None:
        self.committed.append(offsets)


def test_interceptors_see_what_is_given_out_and_committed(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    recorder = Recorder()
    settings = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    with ottla.Consumer(
        ottla_broker, group=filled, topics=[filled], interceptors=[recorder], config=settings
    ) as consumer:
        read(consumer, 10)
        batch = next(consumer.batches(max_rows=30))
        assert recorder.consumed == 10 + len(batch)
        consumer.commit(batch)
        assert recorder.committed == [batch.next_offsets]
        consumer.commit({(filled, 0): 5}, wait=False)
    assert recorder.committed[1:] == [{(filled, 0): 5}]


def test_interceptors_see_what_is_committed_automatically(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    recorder = Recorder()
    with ottla.Consumer(
        ottla_broker,
        group=filled,
        topics=[filled],
        interceptors=[recorder],
        auto_offset_reset="earliest",
    ) as consumer:
        batch = next(consumer.batches())
    assert recorder.committed == [batch.next_offsets]


def test_an_interceptor_that_fails_keeps_nothing_from_happening(
    ottla_broker: ottla.Broker, filled: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(ottla.Interceptor):
        def on_consume(self, records: ottla.Batch | ottla.Message) -> None:
            raise RuntimeError(f"no luck with {records}")

    recorder = Recorder()
    assignment = {(filled, 0): "earliest"}
    with ottla.Consumer(
        ottla_broker, assignment=assignment, interceptors=[Failing(), recorder]
    ) as consumer:
        assert len(read(consumer, 3)) == 3
    assert recorder.consumed == 3
    assert "no luck" in caplog.text


def test_deserializers_make_objects_and_name_the_record_that_they_cannot_read(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        producer.produce(filled, b"{", b"key")
    with ottla.Consumer(
        ottla_broker,
        assignment={(filled, 0): RECORDS - 1},
        key_deserializer=bytes.decode,
        value_deserializer=json.loads,
    ) as consumer:
        good, bad = cast("list[Any]", read(consumer, 2))
        assert (good.key, good.value, good.offset) == ("key", RECORDS - 1, RECORDS - 1)
        with pytest.raises(ottla.DeserializationError, match=f"{filled}-0 at offset {RECORDS}"):
            _ = bad.value
        assert bad.key == "key"


def test_a_consumer_without_an_offset_starts_by_duration(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    # The records are a minute apart: the last ten and a half minutes have eleven of them.
    with ottla.Consumer(
        ottla_broker, topics=[filled], auto_offset_reset="by_duration:PT10M30S"
    ) as consumer:
        assert read(consumer, 1)[0].offset == RECORDS - 11
    with pytest.raises(ottla.ConfigError, match="by_duration:PT10M"):
        ottla.Consumer(ottla_broker, auto_offset_reset="by_duration:-PT1H")


def test_a_position_that_is_not_in_the_log_is_set_anew_by_duration(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    with ottla.Consumer(
        ottla_broker, assignment={(filled, 0): 5000}, auto_offset_reset="by_duration:PT1H"
    ) as consumer:
        first = read(consumer, 1)[0]
        assert first.offset == RECORDS - 60
        assert first.timestamp is not None
        assert dt.datetime.now(dt.UTC) - first.timestamp < dt.timedelta(hours=1)
        assert consumer.metrics().reset_total == 1


def test_a_position_that_is_not_in_the_log_is_an_error_if_nothing_else_is_wanted(
    ottla_broker: ottla.Broker, filled: str
) -> None:
    with ottla.Consumer(
        ottla_broker, assignment={(filled, 0): 5000}, auto_offset_reset="none"
    ) as consumer:
        with pytest.raises(ottla.OffsetOutOfRange, match="5000"):
            read(consumer, 1)
        consumer.seek(filled, 0, "earliest")
        assert read(consumer, 1)[0].offset == 0
