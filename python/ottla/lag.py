"""How far groups are behind: rows, and the same as Arrow columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from ottla import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import polars as pl


class PartitionLag(NamedTuple):
    """A partition of a group, and the member that reads it.

    `error` says why the end of the log is not known, if so; `lag` is None where it, or a committed
    offset, is missing.
    """

    group: str
    topic: str
    partition: int
    committed_offset: int | None
    end_offset: int | None
    lag: int | None
    member_id: str | None
    group_instance_id: str | None
    client_id: str | None
    host: str | None
    error: str | None


class Lag:
    """How far groups are behind, a row for each partition, by group, topic and number.

    Polars, DuckDB, pyarrow and whatever else knows Arrow's PyCapsule interface take it as it is.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
    ...     admin.create_topic("orders", partitions=2)
    ...     admin.alter_group_offsets("billing", {("orders", 0): 0, ("orders", 1): 0})
    ...     lag = admin.lag("billing")
    >>> lag, lag[0].end_offset
    (<ottla.Lag of 0 offsets in 2 partitions>, 0)
    """

    __slots__ = ("_core", "_rows")

    def __init__(self, core: _core.Lag) -> None:
        self._core = core
        self._rows = [PartitionLag(*row) for row in core.rows]

    @property
    def total(self) -> int:
        """The sum of what is known; a partition that was cut after its commit counts nothing."""
        return sum(max(row.lag, 0) for row in self._rows if row.lag is not None)

    def to_polars(self) -> pl.DataFrame:
        """Return a Polars data frame over the same memory."""
        import polars as pl  # noqa: PLC0415

        return pl.DataFrame(self)

    def to_arrow(self) -> Any:
        """Return a pyarrow table over the same memory (pyarrow has no types to declare it by)."""
        return import_module("pyarrow").table(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; pyarrow is not needed."""
        pd: Any = import_module("pandas")
        kinds = {"partition": "int32"} | dict.fromkeys(
            ("committed_offset", "end_offset", "lag"), "Int64"
        )
        frame = pd.DataFrame(self._rows, columns=list(PartitionLag._fields), dtype=object)
        return frame.astype(kinds)

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
        """Return the number of partitions."""
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> PartitionLag: ...
    @overload
    def __getitem__(self, row: slice) -> list[PartitionLag]: ...
    def __getitem__(self, row: int | slice) -> PartitionLag | list[PartitionLag]:
        """Return a row, or those of many."""
        return self._rows[row]

    def __iter__(self) -> Iterator[PartitionLag]:
        """Iterate over the rows."""
        return iter(self._rows)

    def __repr__(self) -> str:
        """Return how much it is, and of how many partitions."""
        return f"<ottla.Lag of {self.total} offsets in {len(self)} partitions>"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415

        def line(tag: str, cells: tuple[object, ...]) -> str:
            shown = ("" if cell is None else escape(str(cell)) for cell in cells)
            return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in shown)}</tr>"

        rows = "".join(line("td", row) for row in self._rows)
        return f"<table>{line('th', PartitionLag._fields)}{rows}</table>"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle the rows."""
        return _opened, (self._core.rows,)


def _opened(rows: list[_core.LagRow]) -> Lag:
    return Lag(_core.Lag.from_rows(rows))
