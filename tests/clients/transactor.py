"""What the suite asks of a transactional producer: the same small interface over every library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from clients.group_member import Read

TRANSACTION_MS = 60_000
"""Longer than any test: none is ended by its time-out."""
FENCED_CODES = frozenset({47, 90})
"""INVALID_PRODUCER_EPOCH, as brokers said it before KIP-588, and PRODUCER_FENCED."""


@dataclass(frozen=True)
class Source:
    """What a transactor consumes: a topic, as the only member of a group, from the earliest record
    on where the group has committed nothing.
    """

    group: str
    topic: str


class Fenced(Exception):
    """Another producer has taken over the transactional id."""


class Transactor(ABC):
    """A producer with a transactional id, which has fenced all before it when it is made, and a
    consumer that sees what is committed.
    """

    @abstractmethod
    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        """Takes the id over, which is its client id as well."""

    @abstractmethod
    def take(self, count: int) -> list[Read]:
        """The next records of the source: so many, and no fewer."""

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        """Sends within the transaction."""

    @abstractmethod
    def send_offsets(self) -> None:
        """Has the transaction commit behind everything that was taken."""

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def abort(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Gives back what it holds; an open transaction stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
