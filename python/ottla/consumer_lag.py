"""How far behind a consumer is."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from ottla.table import Table


class ConsumerLagRow(NamedTuple):
    """How far behind a consumer is in one partition.

    Examples
    --------
    >>> ConsumerLagRow("orders", 0, position=90, committed=80, end_offset=100, lag=10).lag
    10
    """

    topic: str
    partition: int
    position: int | None
    """The offset of the next record that the program gets; None until it is known."""
    committed: int | None
    """What the group has committed; None if that is nothing."""
    end_offset: int
    """Where the log ends, for this consumer's ``isolation.level``."""
    lag: int | None
    """From the position to the end; from what is committed while there is no position."""


class ConsumerLag(Table[ConsumerLagRow]):
    """How far behind a consumer is, a row a partition, as a frame too.

    Examples
    --------
    >>> rows = [("orders", 0, 90, 80, 100, 10), ("orders", 1, 7, None, 7, 0)]
    >>> lag = ConsumerLag(ConsumerLagRow(*row) for row in rows)
    >>> lag.total
    10
    >>> print(lag)
    topic   partition  position  committed  end_offset  lag
    orders  0          90        80         100         10
    orders  1          7         -          7           0
    """

    __slots__ = ()

    COLUMNS: ClassVar[dict[str, str]] = {
        "topic": "string",
        "partition": "int32",
        "position": "int64",
        "committed": "int64",
        "end_offset": "int64",
        "lag": "int64",
    }

    @property
    def total(self) -> int:
        """Records ahead in all partitions whose position is known."""
        return sum(row.lag or 0 for row in self)


def measured(
    place: tuple[str, int], position: int | None, committed: int | None, end_offset: int
) -> ConsumerLagRow:
    """Return a row with the lag that follows: from where it is, or else from what is committed."""
    start = committed if position is None else position
    lag = None if start is None else max(end_offset - start, 0)
    return ConsumerLagRow(*place, position, committed, end_offset, lag)
