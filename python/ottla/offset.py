"""An offset, and what a group remembers with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class OffsetAndMetadata(int):
    """The offset of the record to read next, with whatever is committed beside it.

    It is a number like any other.

    Attributes
    ----------
    metadata
        What the program wants to remember, such as which of its instances has committed.
    leader_epoch
        The leader's epoch in which the record before was written, by which a log that was cut is
        found out (KIP-320); None if it is not known.

    Examples
    --------
    >>> offset = OffsetAndMetadata(7, metadata="host a")
    >>> offset + 1, offset
    (8, OffsetAndMetadata(7, metadata='host a'))
    >>> OffsetAndMetadata(7, leader_epoch=3)
    7
    """

    metadata: str
    leader_epoch: int | None

    def __new__(cls, offset: int, metadata: str = "", leader_epoch: int | None = None) -> Self:
        """Make one of a number."""
        made = super().__new__(cls, offset)
        made.metadata = metadata
        made.leader_epoch = leader_epoch
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all of it in a pickle."""
        return type(self), (int(self), self.metadata, self.leader_epoch)

    def __repr__(self) -> str:
        """Return the number, and the metadata if there are some."""
        if not self.metadata:
            return int.__repr__(self)
        return f"OffsetAndMetadata({int(self)}, metadata={self.metadata!r})"
