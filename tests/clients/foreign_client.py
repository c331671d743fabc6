"""What the suite asks of a client: one small interface, and the words to say which parts it has."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Headers = tuple[tuple[str, bytes | None], ...]

WAIT_SECONDS = 30.0
"""How long any client may take for one call of the suite before that is a failure."""


class Ability(enum.Enum):
    """One thing that a client can do; a test asks for those that it needs."""

    PRODUCE = enum.auto()
    BYTES = enum.auto()
    """Values, keys and headers of any bytes, empty ones and null values and keys included."""
    NULL_HEADERS = enum.auto()
    """Sends a header that has a name and no value."""
    TIMESTAMPS = enum.auto()
    """The sender sets a record's timestamp."""
    ACKS = enum.auto()
    CONSUME = enum.auto()
    CONSUME_FROM_TIMESTAMP = enum.auto()
    METADATA = enum.auto()
    CREATE_TOPIC = enum.auto()
    DELETE_TOPIC = enum.auto()
    ADD_PARTITIONS = enum.auto()
    DESCRIBE_CONFIGS = enum.auto()
    ALTER_CONFIGS = enum.auto()
    UNCHECKED_CONFIGS = enum.auto()
    """Leaves it to the broker to judge a new topic's configs."""
    WATERMARKS = enum.auto()
    OFFSET_FOR_TIMESTAMP = enum.auto()
    DELETE_RECORDS = enum.auto()


class Start(enum.Enum):
    """Where a consumer begins that names no offset."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True)
class FromTimestamp:
    """Where a consumer begins: at the first record that is not older."""

    timestamp_ms: int


Position = Start | FromTimestamp | int


@dataclass(frozen=True)
class Record:
    """What a producer sends; without a timestamp the client takes its clock's."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Consumed:
    """What a consumer was given."""

    offset: int
    timestamp_ms: int
    value: bytes | None
    key: bytes | None
    headers: Headers

    @property
    def content(self) -> tuple[bytes | None, bytes | None, Headers]:
        return (self.value, self.key, self.headers)


class Refused(Exception):
    """The broker said no: Kafka's error code, which every client has its own exception for."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"error code {code}: {message}")
        self.code = code


class ForeignClient(ABC):
    """A client library or tool, bent into the shape of the suite. Methods outside of its
    abilities are never called.
    """

    name: str
    abilities: frozenset[Ability]
    codecs: tuple[str, ...] = ()
    idempotence: tuple[bool, ...] = ()
    """The settings of enable.idempotence that the client knows."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def close(self) -> None:  # noqa: B027
        """Gives back what the client holds; nothing, for most."""

    @abstractmethod
    def produce(
        self,
        topic: str,
        records: Sequence[Record],
        *,
        partition: int = 0,
        codec: str = "none",
        idempotent: bool = False,
        acks: str = "all",
    ) -> None:
        """Sends in order and returns when all are acknowledged."""

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        """Reads `count` records by assignment, without a group."""
        raise NotImplementedError

    def brokers(self) -> list[str]:
        """Every broker as `host:port`."""
        raise NotImplementedError

    def topics(self) -> dict[str, int]:
        """Every topic with the count of its partitions."""
        raise NotImplementedError

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        raise NotImplementedError

    def delete_topic(self, topic: str) -> None:
        raise NotImplementedError

    def add_partitions(self, topic: str, total: int) -> None:
        raise NotImplementedError

    def topic_configs(self, topic: str) -> dict[str, str]:
        raise NotImplementedError

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        raise NotImplementedError

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        raise NotImplementedError

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        """The first record that is not older; nothing when there is none."""
        raise NotImplementedError

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        raise NotImplementedError
