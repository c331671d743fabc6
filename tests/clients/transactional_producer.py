"""What the suite asks of a transactional producer: the same small interface over every library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

TIMEOUT_MS = 30_000
"""After so long a transaction that nobody ends is aborted: well over what a busy machine takes."""


class Fenced(Exception):
    """Another producer has taken the transactional id over."""


class TransactionalProducer(ABC):
    """A producer that has taken its transactional id over when it is there."""

    @abstractmethod
    def begin(self) -> None:
        """Begins a transaction."""

    @abstractmethod
    def send(self, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
        """Sends values in the transaction, and waits until they are in the log."""

    @abstractmethod
    def send_offsets(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Lets a group have come so far when the transaction is committed, and not before. Nobody
        is in the group.
        """

    @abstractmethod
    def commit(self) -> None:
        """Ends the transaction; raises `Fenced` if it is not this producer's any more."""

    @abstractmethod
    def abort(self) -> None:
        """Ends the transaction, as if nothing had been sent."""

    @abstractmethod
    def close(self) -> None:
        """Gives back what it holds."""
