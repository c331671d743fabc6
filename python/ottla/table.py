"""Small tables: rows with names, which Arrow and notebooks can read as well."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from ottla import _core

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    import polars as pl

Row = TypeVar("Row", bound=NamedTuple)

_PANDAS_TYPES = {"string": "object", "int32": "Int32", "int64": "Int64", "float64": "Float64"}


class Table(Generic[Row]):
    """Rows in their order; a frame for whatever knows Arrow's PyCapsule interface.

    A subclass names its columns and their types: ``string``, ``int32``, ``int64`` or ``float64``.
    """

    __slots__ = ("_rows",)

    COLUMNS: ClassVar[dict[str, str]] = {}

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = tuple(rows)

    def to_polars(self) -> pl.DataFrame:
        """Return a Polars data frame."""
        import polars as pl  # noqa: PLC0415

        return pl.DataFrame(self)

    def to_arrow(self) -> Any:
        """Return a pyarrow table (pyarrow has no types to declare it by)."""
        return import_module("pyarrow").table(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; pyarrow is not needed."""
        pd: Any = import_module("pandas")
        frame = pd.DataFrame(self._rows, columns=list(self.COLUMNS), dtype=object)
        return frame.astype({name: _PANDAS_TYPES[kind] for name, kind in self.COLUMNS.items()})

    pl = to_polars
    df = to_pandas
    arrow = to_arrow

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the columns, in the types of `requested_schema` if there is one."""
        return _core.table_stream(self._columns(), requested_schema)

    def __arrow_c_schema__(self) -> object:
        """Export the schema, for who wants to see it before the data."""
        return _core.table_schema(self._columns())

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows."""
        return iter(self._rows)

    @overload
    def __getitem__(self, row: int) -> Row: ...
    @overload
    def __getitem__(self, row: slice) -> list[Row]: ...
    def __getitem__(self, row: int | slice) -> Row | list[Row]:
        """Return a row, or those of many."""
        return list(self._rows[row]) if isinstance(row, slice) else self._rows[row]

    def __eq__(self, other: object) -> bool:
        """Return whether it has the same rows."""
        if not isinstance(other, Table):
            return False
        rows = tuple(other)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return self._rows == rows

    def __hash__(self) -> int:
        """Return the same number for the same rows."""
        return hash(self._rows)

    def __str__(self) -> str:
        """Return the rows, one a line, in columns."""
        lines = [list(self.COLUMNS), *([_shown(cell) for cell in row] for row in self)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded)

    def __repr__(self) -> str:
        """Return how many rows there are."""
        return f"<ottla.{type(self).__name__} of {len(self)} rows>"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415

        def line(cells: Iterable[object], tag: str) -> str:
            return "".join(f"<{tag}>{escape(_shown(cell))}</{tag}>" for cell in cells)

        rows = "".join(f"<tr>{line(row, 'td')}</tr>" for row in self)
        return f"<table><tr>{line(self.COLUMNS, 'th')}</tr>{rows}</table>"

    def _columns(self) -> list[tuple[str, str, list[object]]]:
        columns = enumerate(self.COLUMNS.items())
        return [(name, kind, [row[at] for row in self]) for at, (name, kind) in columns]


def _shown(cell: object) -> str:
    return "-" if cell is None else str(cell)
