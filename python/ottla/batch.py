"""A batch of records: Arrow columns, and the same records as messages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from ottla import _core
from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    import polars as pl

COLUMNS = (
    "key",
    "value",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "timestamp_type",
    "headers",
)
"""The columns of every batch, in Spark's order."""

_ROWS_SHOWN = 10


class Batch:
    """Records in Arrow columns, which can be read again and again.

    Polars, DuckDB, pyarrow and whatever else knows Arrow's PyCapsule interface take it as it is,
    and keys and values are not copied for it. Iterating gives the records as messages.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one", key=b"k")
    ...     batch = ottla.read(broker, "orders")
    >>> len(batch), batch[0].value, batch.next_offsets
    (1, b'one', {TopicPartition(topic='orders', partition=0): 1})
    """

    __slots__ = ("_core",)

    def __init__(self, core: _core.Batch) -> None:
        self._core = core

    @classmethod
    def concatenated(cls, batches: Iterable[Batch]) -> Batch:
        """Make one batch of many; nothing is copied."""
        cores = [batch._core for batch in batches]  # noqa: SLF001
        return cls(_core.Batch.concatenated(cores))

    @property
    def next_offsets(self) -> dict[TopicPartition, int]:
        """Where a consumer goes on after this batch: what it would commit."""
        rows = self._core.next_offsets
        return {TopicPartition(topic, partition): offset for topic, partition, offset in rows}

    @property
    def nbytes(self) -> int:
        """The memory that it keeps, with what it shares with other batches."""
        return self._core.nbytes

    def to_polars(self) -> pl.DataFrame:
        """Return a Polars data frame over the same memory."""
        import polars as pl  # noqa: PLC0415

        return pl.DataFrame(self)

    def to_arrow(self) -> Any:
        """Return a pyarrow table over the same memory (pyarrow has no types to declare it by)."""
        return import_module("pyarrow").table(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; pyarrow is not needed."""
        np: Any = import_module("numpy")
        pd: Any = import_module("pandas")

        def numbers(column: str, kind: str) -> Any:
            return np.frombuffer(self._core.numbers(column), dtype=kind)

        columns: dict[str, Any] = {
            # Not a list: pandas would guess at what is in it.
            "key": pd.Series(self._core.objects("key"), dtype=object),
            "value": pd.Series(self._core.objects("value"), dtype=object),
            "topic": pd.Categorical(self._core.objects("topic")),
            "partition": numbers("partition", "i4"),
            "offset": numbers("offset", "i8"),
            "timestamp": pd.to_datetime(numbers("timestamp", "datetime64[ms]"), utc=True),
            "timestamp_type": numbers("timestamp_type", "i1"),
            "headers": pd.Series(self._core.objects("headers"), dtype=object),
        }
        return pd.DataFrame(columns)

    pl = to_polars
    df = to_pandas
    arrow = to_arrow

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the columns, in the types of `requested_schema` if there is one."""
        return self._core.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        """Export the schema, for who wants to see it before the data."""
        return self._core.__arrow_c_schema__()

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._core)

    def __bool__(self) -> bool:
        """Return whether there is a record."""
        return len(self._core) > 0

    @overload
    def __getitem__(self, row: int) -> _core.Message: ...
    @overload
    def __getitem__(self, row: slice) -> list[_core.Message]: ...
    def __getitem__(self, row: int | slice) -> _core.Message | list[_core.Message]:
        """Return the record in a row, negative numbers counting from the end; or those of many."""
        if isinstance(row, slice):
            return [self._core.message(index) for index in range(*row.indices(len(self)))]
        return self._core.message(row if row >= 0 else row + len(self))

    def __iter__(self) -> Iterator[_core.Message]:
        """Iterate over the records."""
        return (self._core.message(row) for row in range(len(self)))

    def __repr__(self) -> str:
        """Return how many records it has, and from where."""
        places = ", ".join(f"{topic}-{partition}" for topic, partition in self.next_offsets)
        return f"<ottla.Batch of {len(self)} records from {places or 'nowhere'}>"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415

        def cell(message: _core.Message, column: str) -> str:
            return f"<td>{escape(str(getattr(message, column)))[:80]}</td>"

        head = "".join(f"<th>{column}</th>" for column in COLUMNS)
        shown = self._core.slice(0, _ROWS_SHOWN)
        messages = [shown.message(row) for row in range(len(shown))]
        rows = "".join(
            f"<tr>{''.join(cell(message, column) for column in COLUMNS)}</tr>"
            for message in messages
        )
        return f"<table><tr>{head}</tr>{rows}</table><p>{len(self)} records</p>"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle the records themselves, without the memory that they were fetched into."""
        return _opened, (self._core.rows(), self._core.next_offsets)


def _opened(rows: list[_core.Row], next_offsets: list[tuple[str, int, int]]) -> Batch:
    return Batch(_core.Batch.from_rows(rows, next_offsets))
