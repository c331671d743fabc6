"""Records to send: text that every client can carry, and bytes for those that can carry any."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from clients.foreign_client import Consumed, Headers, Record

DAY_MS = 86_400_000


def text_records(count: int, *, first: int = 0, size: int = 0, repeats: int = 1) -> list[Record]:
    """Records that a line of text can carry, filled up with hexadecimal noise to `size` bytes;
    repetition makes each of them worth its compression.
    """
    return [
        Record(
            value=f"värde {index} {os.urandom(size // 2).hex()}".encode() * repeats,
            key=f"key {index % 7}".encode(),
            headers=(("origin", b"suite"), ("trace", b"00-4bf9-01")),
        )
        for index in range(first, first + count)
    ]


def any_bytes(*, null_headers: bool = True) -> list[Record]:
    """Every distinction that a client or a broker might lose."""
    every_byte = bytes(range(256))
    nothing: Headers = (("null", None),) if null_headers else ()
    return [
        Record(value=every_byte, key=every_byte, headers=(("h", every_byte),)),
        Record(value=b"", key=b""),
        Record(value=None, key=b"a tombstone"),
        Record(value=b"no key", key=None),
        Record(value=b"twice", headers=(("same", b"1"), ("same", b"2"), ("same", b"1"))),
        Record(value=b"order", headers=(("z", b"1"), ("a", b"2"), ("m", b"3"))),
        Record(value=b"empty header", headers=(("empty", b""), *nothing)),
        Record(value=b"long" * 10_000, key=b"k" * 1_000),
    ]


def at_times(timestamps_ms: Sequence[int]) -> list[Record]:
    return [
        Record(value=f"at {timestamp_ms}".encode(), timestamp_ms=timestamp_ms)
        for timestamp_ms in timestamps_ms
    ]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def content(records: Sequence[Record]) -> list[tuple[bytes | None, bytes | None, Headers]]:
    return [(record.value, record.key, record.headers) for record in records]


def contents(consumed: Sequence[Consumed]) -> list[tuple[bytes | None, bytes | None, Headers]]:
    return [record.content for record in consumed]


def offsets(consumed: Sequence[Consumed]) -> list[int]:
    return [record.offset for record in consumed]


def incompressible(count: int) -> Record:
    return Record(os.urandom(count))
