"""How far groups are behind: rows, and the same as Arrow columns."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from ottla.table import Table


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


class Lag(Table[PartitionLag]):
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

    __slots__ = ()

    COLUMNS: ClassVar[dict[str, str]] = {
        "group": "string",
        "topic": "string",
        "partition": "int32",
        "committed_offset": "int64",
        "end_offset": "int64",
        "lag": "int64",
        "member_id": "string",
        "group_instance_id": "string",
        "client_id": "string",
        "host": "string",
        "error": "string",
    }

    @property
    def total(self) -> int:
        """The sum of what is known; a partition that was cut after its commit counts nothing."""
        return sum(max(row.lag, 0) for row in self if row.lag is not None)

    def __repr__(self) -> str:
        """Return how much it is, and of how many partitions."""
        return f"<ottla.Lag of {self.total} offsets in {len(self)} partitions>"
