"""What the suite asks of a member of a group: the same small interface over every library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

SESSION_MS = 10_000
"""Well over what a busy machine takes between two heartbeats."""
HEARTBEAT_MS = 200
"""A member hears of a rebalance with its next heartbeat."""


@dataclass(frozen=True)
class Read:
    """A record that a member was given."""

    partition: int
    offset: int
    value: bytes | None


class GroupMember(ABC):
    """A consumer that has subscribed to one topic. It commits only when it is told to, and begins
    at the earliest record where its group has committed nothing.
    """

    @abstractmethod
    def poll(self) -> list[Read]:
        """What has come; it waits a moment, and takes part in whatever its group does."""

    @abstractmethod
    def assignment(self) -> set[int]:
        """The partitions that it has now."""

    @abstractmethod
    def commit(self) -> None:
        """Commits behind everything that it was given, and waits until that is stored."""

    @abstractmethod
    def close(self) -> None:
        """Goes; only a member that is not static tells its group."""
