"""Small tables: rows with names, which Arrow and notebooks can read as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeVar

from ottla import _core

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

Row = TypeVar("Row", bound=NamedTuple)


class Table(Generic[Row]):
    """Rows in their order; a frame for whatever knows Arrow's PyCapsule interface.

    A subclass names its columns and their types: ``string``, ``int32``, ``int64`` or ``float64``.
    """

    __slots__ = ("_rows",)

    COLUMNS: ClassVar[dict[str, str]] = {}

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = tuple(rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the columns; types cannot be asked for."""
        del requested_schema
        return _core.table_stream(
            [(name, kind, [row[at] for row in self]) for at, (name, kind) in self._columns()]
        )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows."""
        return iter(self._rows)

    def __getitem__(self, row: int) -> Row:
        """Return a row."""
        return self._rows[row]

    def __eq__(self, other: object) -> bool:
        """Return whether it has the same rows."""
        if not isinstance(other, Table):
            return False
        rows = tuple(other)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return self._rows == rows

    def __hash__(self) -> int:
        """Return the same number for the same rows."""
        return hash(self._rows)

    def to_polars(self) -> pl.DataFrame:
        """Return a Polars data frame."""
        import polars as pl  # noqa: PLC0415

        return pl.DataFrame(self)

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

    def _columns(self) -> Iterable[tuple[int, tuple[str, str]]]:
        return enumerate(self.COLUMNS.items())


def _shown(cell: object) -> str:
    return "-" if cell is None else str(cell)
