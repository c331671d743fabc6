"""What a flush reports, partition by partition."""

from __future__ import annotations

from typing import NamedTuple

from ottla.errors import OttlaError


class PartitionReport(NamedTuple):
    """What became of one partition's records since the last flush.

    Records of a topic that is not known have no partition: it is None.

    Examples
    --------
    >>> PartitionReport("orders", 0, delivered=10).failed
    0
    """

    topic: str
    partition: int | None
    delivered: int = 0
    failed: int = 0
    pending: int = 0
    error: OttlaError | None = None


class FlushReport(tuple[PartitionReport, ...]):
    """The rows of all partitions that had a result, or still wait for one.

    Examples
    --------
    >>> report = FlushReport([PartitionReport("orders", 0, delivered=10)])
    >>> report.delivered, report.is_ok
    (10, True)
    >>> print(report)
    10 delivered, 0 failed, 0 pending
    """

    __slots__ = ()

    @property
    def delivered(self) -> int:
        """Records that are in the log."""
        return sum(row.delivered for row in self)

    @property
    def failed(self) -> int:
        """Records that are not, or of which nobody knows."""
        return sum(row.failed for row in self)

    @property
    def pending(self) -> int:
        """Records without a result."""
        return sum(row.pending for row in self)

    @property
    def is_ok(self) -> bool:
        """Whether everything was delivered."""
        return not self.failed and not self.pending

    def __str__(self) -> str:
        """Return the counts, and those of every partition that is not in order."""
        text = f"{self.delivered} delivered, {self.failed} failed, {self.pending} pending"
        for row in self:
            if row.failed or row.pending:
                place = row.topic if row.partition is None else f"{row.topic}-{row.partition}"
                text += f"; {place}: {row.failed} failed, {row.pending} pending"
                text += f" ({row.error})" if row.error is not None else ""
        return text

    def __repr__(self) -> str:
        """Return the counts."""
        return f"<ottla.FlushReport {self}>"
