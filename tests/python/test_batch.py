"""Batches: every library that knows Arrow reads them, as often as it likes."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ottla
from ottla.batch import COLUMNS

VALUES = [b"long enough to be no inline view", b"", None, b"\xff\x00"]
KEYS = [b"k", None, b"", b"a key that is longer than twelve bytes"]
HEADERS: list[list[tuple[str, bytes | None]]] = [
    [],
    [("same", b"1"), ("same", b"2")],
    [("none", None)],
    [("empty", b"")],
]


@pytest.fixture
def batch(ottla_broker: ottla.Broker, ottla_topic: str) -> ottla.Batch:
    with ottla.Producer(ottla_broker) as producer:
        for index, (value, key, headers) in enumerate(zip(VALUES, KEYS, HEADERS, strict=True)):
            producer.produce(ottla_topic, value, key, headers=headers, timestamp=1000 + index)
    return ottla.read(ottla_broker, ottla_topic)


@pytest.fixture
def empty(ottla_broker: ottla.Broker, ottla_topic: str) -> ottla.Batch:
    return ottla.read(ottla_broker, ottla_topic)


def test_polars_reads_a_batch(batch: ottla.Batch, ottla_topic: str) -> None:
    frame = batch.to_polars()
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].to_list() == VALUES
    assert frame["key"].to_list() == KEYS
    assert frame["topic"].cast(pl.String).to_list() == [ottla_topic] * 4
    assert frame["offset"].to_list() == [0, 1, 2, 3]
    assert frame["timestamp"].dt.epoch("ms").to_list() == [1000, 1001, 1002, 1003]
    headers = [
        [(header["key"], header["value"]) for header in row] for row in frame["headers"].to_list()
    ]
    assert headers == HEADERS
    assert batch.pl().equals(pl.DataFrame(batch))


def test_pandas_reads_a_batch(batch: ottla.Batch, ottla_topic: str) -> None:
    frame = batch.to_pandas()
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].tolist() == VALUES
    assert frame["key"].tolist() == KEYS
    assert frame["topic"].tolist() == [ottla_topic] * 4
    assert frame["offset"].tolist() == [0, 1, 2, 3]
    assert str(frame["timestamp"].dtype) == "datetime64[ms, UTC]"
    assert frame["timestamp"][1] == pd.Timestamp(1001, unit="ms", tz="UTC")
    assert frame["headers"].tolist() == HEADERS


def test_pandas_needs_no_pyarrow(batch: ottla.Batch, tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickle.dumps(batch))
    script = """
        import pickle, sys
        sys.modules["pyarrow"] = None
        batch = pickle.load(open(sys.argv[1], "rb"))
        assert batch.to_pandas()["offset"].tolist() == [0, 1, 2, 3]
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "batch")], check=True
    )


def test_pandas_reads_a_batch_through_arrow(batch: ottla.Batch) -> None:
    frame = pd.DataFrame.from_arrow(batch)
    assert frame["offset"].tolist() == [0, 1, 2, 3]
    assert frame["value"][0] == VALUES[0]


def test_pyarrow_reads_a_batch(batch: ottla.Batch) -> None:
    table = batch.to_arrow()
    assert tuple(table.column_names) == COLUMNS
    assert table["value"].to_pylist() == VALUES
    assert table["key"].null_count == 1
    assert table.schema.field("timestamp").type == pa.timestamp("ms", tz="UTC")
    assert pa.schema(batch) == table.schema
    table.validate(full=True)


def test_duckdb_reads_a_batch_by_name_as_often_as_it_likes(
    batch: ottla.Batch,  # noqa: ARG001
) -> None:
    for _ in range(2):
        rows = duckdb.execute('select "offset", value from batch order by 1').fetchall()
        assert rows == list(enumerate(VALUES))
    headers = duckdb.execute('select len(headers) from batch order by "offset"').fetchall()
    assert headers == [(0,), (2,), (1,), (1,)]


def test_an_empty_batch_is_read_by_all_of_them(empty: ottla.Batch) -> None:
    assert len(empty) == 0
    assert not empty
    assert list(empty) == []
    assert empty.to_polars().shape == (0, 8)
    assert empty.to_pandas().shape == (0, 8)
    assert empty.to_arrow().num_rows == 0
    assert tuple(empty.to_arrow().column_names) == COLUMNS
    assert duckdb.execute("select count(*) from empty").fetchall() == [(0,)]
    assert "0 records" in repr(empty)


def test_a_requested_schema_is_honoured(batch: ottla.Batch) -> None:
    fields = [
        ("offset", pa.int64()),
        ("value", pa.large_binary()),
        ("timestamp", pa.timestamp("us")),
    ]
    wanted = pa.schema(fields)
    table = pa.RecordBatchReader.from_stream(batch, schema=wanted).read_all()
    assert table.schema == wanted
    assert table["value"].to_pylist() == VALUES
    with pytest.raises(ottla.ColumnError, match="nothing"):
        batch.__arrow_c_stream__(pa.schema([("nothing", pa.int64())]).__arrow_c_schema__())


def test_a_batch_of_many_chunks_is_one_to_its_readers(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    with ottla.Producer(ottla_broker) as producer:
        for number in range(100):
            producer.produce(ottla_topic, str(number))
    parts = list(ottla.read(ottla_broker, ottla_topic, batches=True, max_rows=7))
    assert max(len(part) for part in parts) <= 7
    whole = ottla.Batch.concatenated(parts)
    assert [int(message.value or b"") for message in whole] == list(range(100))
    assert whole.to_polars()["offset"].to_list() == list(range(100))
    assert whole[-1].value == b"99"
    assert whole.next_offsets == {(ottla_topic, 0): 100}
    assert duckdb.execute('select max("offset") from whole').fetchall() == [(99,)]


def test_batches_and_messages_pickle(batch: ottla.Batch) -> None:
    copy = pickle.loads(pickle.dumps(batch))
    assert list(copy) == list(batch)
    assert copy.next_offsets == batch.next_offsets
    assert copy.to_polars().equals(batch.to_polars())
    message = batch[1]
    again = pickle.loads(pickle.dumps(message))
    assert again == message
    assert hash(again) == hash(message)
    assert again != batch[0]
    place = ottla.TopicPartition("t", 1)
    assert pickle.loads(pickle.dumps(place)) == place


def test_a_row_that_is_not_there_is_an_index_error(batch: ottla.Batch) -> None:
    with pytest.raises(IndexError):
        batch[4]
    with pytest.raises((IndexError, OverflowError)):
        batch[-5]


def test_a_batch_shows_itself_as_a_table(batch: ottla.Batch) -> None:
    html = batch._repr_html_()
    assert html.count("<tr>") == 5
    assert "long enough" in html
    assert "<script" not in html


def test_a_slice_of_a_batch_is_its_records(batch: ottla.Batch) -> None:
    assert [message.value for message in batch[1:3]] == VALUES[1:3]
    assert [message.value for message in batch[::-1]] == VALUES[::-1]
    assert batch[4:] == []
