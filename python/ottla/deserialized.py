"""Messages whose keys and values go through the program's deserializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ottla.errors import DeserializationError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from ottla import _core

    Deserializer: TypeAlias = Callable[[bytes], object]


class DeserializedMessage:
    """A record whose key and value go through the consumer's deserializers when they are read.

    Everything else is that of the record as it was fetched, which is `raw`.
    """

    __slots__ = ("_deserializers", "raw")

    def __init__(
        self, raw: _core.Message, deserializers: tuple[Deserializer | None, Deserializer | None]
    ) -> None:
        self.raw = raw
        self._deserializers = deserializers

    @property
    def key(self) -> object:
        """The key; None stays None."""
        return self._read("key", self.raw.key, self._deserializers[0])

    @property
    def value(self) -> object:
        """The value; None stays None."""
        return self._read("value", self.raw.value, self._deserializers[1])

    @property
    def topic(self) -> str:
        """The topic."""
        return self.raw.topic

    @property
    def partition(self) -> int:
        """The partition."""
        return self.raw.partition

    @property
    def offset(self) -> int:
        """The offset."""
        return self.raw.offset

    @property
    def timestamp(self) -> dt.datetime | None:
        """When it was made or appended."""
        return self.raw.timestamp

    @property
    def timestamp_ms(self) -> int | None:
        """The same, in milliseconds since 1970."""
        return self.raw.timestamp_ms

    @property
    def timestamp_type(self) -> int:
        """What the timestamp says: 0 when it was made, 1 when it was appended."""
        return self.raw.timestamp_type

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """The headers, as bytes."""
        return self.raw.headers

    def __repr__(self) -> str:
        """Return the record as it was fetched."""
        return repr(self.raw)

    def _read(self, part: str, read: bytes | None, deserializer: Deserializer | None) -> object:
        if read is None or deserializer is None:
            return read
        try:
            return deserializer(read)
        except Exception as raised:
            place = f"{self.topic}-{self.partition} at offset {self.offset}"
            message = f"the {part} of {place} cannot be deserialized: {raised}"
            raise DeserializationError(message) from raised
