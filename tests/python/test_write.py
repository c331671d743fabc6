"""Frames to topics: from every library that exports Arrow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ottla

KEYS = ["ann", "ben", None]
VALUES = [b"1", None, b"3"]


def records(broker: ottla.Broker, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    return [(message.key, message.value) for message in ottla.read(broker, topic)]


def frames() -> dict[str, Any]:
    users = pa.table({"user": KEYS, "value": VALUES})
    return {
        "polars": pl.DataFrame({"user": KEYS, "value": VALUES}),
        "pandas": pd.DataFrame({"user": KEYS, "value": VALUES}),
        "pyarrow table": users,
        "pyarrow batch": users.to_batches()[0],
        "pyarrow reader": pa.RecordBatchReader.from_batches(users.schema, users.to_batches()),
        "duckdb": duckdb.sql("select * from users"),
    }


@pytest.mark.parametrize("library", frames())
def test_a_frame_of_every_library_becomes_records(
    ottla_broker: ottla.Broker, ottla_topic: str, library: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        assert producer.write(frames()[library], ottla_topic, key="user") == 3
    expected = [(b"ann", b"1"), (b"ben", None), (None, b"3")]
    assert records(ottla_broker, ottla_topic) == expected


def test_a_batch_is_a_frame_too(ottla_broker: ottla.Broker, ottla_topic: str) -> None:
    with ottla.Producer(ottla_broker) as producer:
        producer.produce(ottla_topic, b"v", b"k", timestamp=5)
        producer.flush()
        batch = ottla.read(ottla_broker, ottla_topic)
        producer.write(batch, ottla_topic, key="key", value="value", timestamp="timestamp")
    first, second = ottla.read(ottla_broker, ottla_topic)
    assert (first.key, first.value, first.timestamp_ms) == (b"k", b"v", 5)
    assert (second.key, second.value, second.timestamp_ms) == (b"k", b"v", 5)


def test_timestamps_and_partitions_are_those_of_the_frame(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    with ottla.Admin(ottla_broker) as admin:
        admin.add_partitions(ottla_topic, 2)
    moment = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    frame = pl.DataFrame({"text": ["a"], "at": [moment]})
    with ottla.Producer(ottla_broker) as producer:
        producer.write(frame, ottla_topic, value="text", timestamp="at", partition=1)
    (message,) = ottla.read(ottla_broker, ottla_topic)
    assert (message.partition, message.timestamp, message.value) == (1, moment, b"a")


def test_a_large_frame_arrives_whole_and_in_order(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    frame = pl.DataFrame({"value": [str(number) for number in range(100_000)]})
    with ottla.Producer(ottla_broker, compression_type="zstd") as producer:
        assert producer.write(frame, ottla_topic) == 100_000
    read = ottla.read(ottla_broker, ottla_topic).to_polars()
    assert read["value"].cast(pl.String).equals(frame["value"])


def test_a_column_that_is_missing_or_of_another_type_is_named(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    frame = pl.DataFrame({"value": ["a"], "price": [1.5]})
    with ottla.Producer(ottla_broker) as producer:
        with pytest.raises(ottla.ColumnError, match='no column "user"; the columns are value'):
            producer.write(frame, ottla_topic, key="user")
        with pytest.raises(ottla.ColumnError, match='"price" has the type Float64'):
            producer.write(frame, ottla_topic, value="price")
        with pytest.raises(TypeError, match="list is no frame"):
            producer.write([1, 2], ottla_topic)
    assert records(ottla_broker, ottla_topic) == []


def test_a_column_of_nothing_but_nulls_is_one_of_tombstones(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    nulls = pl.DataFrame({"key": ["a", "b"], "value": [None, None]})
    frames = [nulls, pa.table({"key": ["c"], "value": [None]})]
    with ottla.Producer(ottla_broker) as producer:
        for frame in frames:
            producer.write(frame, ottla_topic, key="key", partition=0)
    assert records(ottla_broker, ottla_topic) == [(b"a", None), (b"b", None), (b"c", None)]


def test_a_timestamp_is_that_of_kafka_a_null_the_time_of_sending(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    with ottla.Producer(ottla_broker) as producer:
        frame = pl.DataFrame({"value": ["a", "b"], "at": [0, None]})
        producer.write(frame, ottla_topic, timestamp="at")
        # As with `produce`: -1 is Kafka's mark of no timestamp, which its producer refuses as well.
        for number in (-1, -5):
            frame = pl.DataFrame({"value": ["c", "d"], "at": [5, number]})
            with pytest.raises(ottla.ColumnError, match='row 1 of column "at" is before 1970'):
                producer.write(frame, ottla_topic, timestamp="at")
    epoch, now = ottla.read(ottla_broker, ottla_topic)
    assert (epoch.value, epoch.timestamp_ms) == (b"a", 0)
    assert now.value == b"b"
    assert now.timestamp is not None
    assert begun <= now.timestamp <= dt.datetime.now(dt.UTC)


def header_columns() -> dict[str, Any]:
    rows = [[{"key": "a", "value": b"1"}, {"key": "a", "value": None}], None, []]
    structs = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
    maps = [[("a", b"1"), ("a", None)], None, []]
    wide = pa.large_list(structs.value_type)
    return {
        "polars": pl.DataFrame({"value": ["x", "y", "z"], "h": rows}),
        "pandas": pd.DataFrame({"value": ["x", "y", "z"], "h": rows}),
        "list": pa.table({"value": ["x", "y", "z"], "h": pa.array(rows, structs)}),
        "large list": pa.table({"value": ["x", "y", "z"], "h": pa.array(rows, wide)}),
        "map": pa.table(
            {
                "value": ["x", "y", "z"],
                "h": pa.array(maps, pa.map_(pa.string(), pa.binary())),
            }
        ),
    }


@pytest.mark.parametrize("kind", header_columns())
def test_headers_are_a_column_of_lists_or_maps(
    ottla_broker: ottla.Broker, ottla_topic: str, kind: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        producer.write(header_columns()[kind], ottla_topic, headers="h")
        producer.flush()
        batch = ottla.read(ottla_broker, ottla_topic)
        producer.write(batch, ottla_topic, headers="headers")
    expected = [[("a", b"1"), ("a", None)], [], []]
    assert [message.headers for message in ottla.read(ottla_broker, ottla_topic)] == expected * 2


def test_each_row_goes_to_the_partition_that_its_column_names(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    with ottla.Admin(ottla_broker) as admin:
        admin.add_partitions(ottla_topic, 3)
    frame = pl.DataFrame({"value": ["a", "b", "c"], "p": [2, 0, 1], "wrong": [0, 7, -1]})
    with ottla.Producer(ottla_broker) as producer:
        producer.write(frame, ottla_topic, partition="p")
        with pytest.raises(ottla.ColumnError, match='row 2 of column "wrong" is no partition: -1'):
            producer.write(frame, ottla_topic, partition="wrong")
        with pytest.raises(LookupError, match="no partition 7: it has 3"):
            producer.write(frame[1:2], ottla_topic, partition="wrong")
        with pytest.raises(ottla.ColumnError, match="partitions are of integer type"):
            producer.write(frame, ottla_topic, partition="value")
    places = {message.value: message.partition for message in ottla.read(ottla_broker, ottla_topic)}
    assert places == {b"a": 2, b"b": 0, b"c": 1}


def test_a_column_that_is_no_headers_is_named(ottla_broker: ottla.Broker, ottla_topic: str) -> None:
    with ottla.Producer(ottla_broker) as producer:
        frame = pl.DataFrame({"value": ["a"], "h": [[1, 2]]})
        with pytest.raises(ottla.ColumnError, match=r'"h" has the type .* headers are lists'):
            producer.write(frame, ottla_topic, headers="h")
        nameless = pa.table({"value": ["a"], "h": [[{"key": "", "value": b"1"}]]})
        null = pa.array([[{"key": None, "value": b"1"}]], nameless.schema.field("h").type)
        nameless = nameless.set_column(1, "h", null)
        with pytest.raises(ottla.ColumnError, match=r'row 0 of column "h" .* without a key'):
            producer.write(nameless, ottla_topic, headers="h")
    assert records(ottla_broker, ottla_topic) == []
