"""Kafka's protocol by hand, as little as the suite needs to see what really went over the wire."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Self

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
API_PRODUCE = 0
API_FETCH = 1
API_METADATA = 3
API_FIND_COORDINATOR = 10
API_VERSIONS = 18
API_INIT_PRODUCER_ID = 22
API_ADD_PARTITIONS_TO_TXN = 24
API_ADD_OFFSETS_TO_TXN = 25
API_END_TXN = 26
API_TXN_OFFSET_COMMIT = 28
BYTES_MAX = 10_000_000


class Connection:
    """One connection to a broker; requests are made of bytes that the caller lays out."""

    def __init__(self, bootstrap: str) -> None:
        host, port = bootstrap.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._correlation_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, api_key: int, version: int, body: bytes, *, flexible: bool = False) -> int:
        self._correlation_id += 1
        header = struct.pack(">hhi", api_key, version, self._correlation_id) + string("suite")
        frame = header + (b"\0" if flexible else b"") + body
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)
        return self._correlation_id

    def receive(self) -> Reader:
        """The response to the last request, after its correlation id."""
        correlation_id, response = self.receive_any()
        assert correlation_id == self._correlation_id
        return response

    def receive_any(self) -> tuple[int, Reader]:
        """The next response with its correlation id."""
        [size] = struct.unpack(">i", self._exactly(4))
        response = Reader(self._exactly(size))
        return response.int32(), response

    def request(self, api_key: int, version: int, body: bytes, *, flexible: bool = False) -> Reader:
        self.send(api_key, version, body, flexible=flexible)
        return self.receive()

    def drain(self) -> bytes:
        """Everything until the peer ends the connection, in order or not."""
        received = b""
        try:
            while part := self._socket.recv(65_536):
                received += part
        except ConnectionResetError:
            pass
        return received

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def is_closed_by_peer(self) -> bool:
        """Waits for the end of the connection; bytes or a time-out mean that it is open."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def _exactly(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise ConnectionError("the broker closed the connection inside of a response")
            received += part
        return bytes(received)


class Reader:
    """Big-endian fields, one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def bytes(self, count: int) -> bytes:
        end = self.position + count
        assert count >= 0
        assert end <= len(self.data), "the response ends inside of a field"
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def int16(self) -> int:
        return int.from_bytes(self.bytes(2), signed=True)

    def int32(self) -> int:
        return int.from_bytes(self.bytes(4), signed=True)

    def int64(self) -> int:
        return int.from_bytes(self.bytes(8), signed=True)

    def string(self) -> str:
        return self.bytes(self.int16()).decode()

    @property
    def is_at_end(self) -> bool:
        return self.position == len(self.data)


def string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded


@dataclass(frozen=True)
class Batch:
    """What a record batch says in its header (61 bytes, the records follow).

    base offset 8 | length 4 | leader epoch 4 | magic 1 | crc 4 | attributes 2 | last delta 4 |
    base timestamp 8 | max timestamp 8 | producer id 8 | epoch 2 | base sequence 4 | count 4
    """

    base_offset: int
    magic: int
    attributes: int
    last_offset_delta: int
    producer_id: int
    base_sequence: int
    count: int

    @property
    def codec(self) -> str:
        return CODECS[self.attributes & 0b111]

    @property
    def is_idempotent(self) -> bool:
        return self.producer_id >= 0


class FetchFailed(Exception):
    """The broker answered a partition of a Fetch with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the fetch was answered with error code {code}")
        self.code = code


def fetch_batches(
    bootstrap: str,
    topic: str,
    offset: int,
    *,
    wait_ms_max: int = 1_000,
    bytes_max: int = BYTES_MAX,
    partition_bytes_max: int = BYTES_MAX,
) -> list[Batch]:
    """The whole batches that one Fetch from `offset` of partition 0 brings."""
    body = fetch_body(
        topic,
        offset,
        wait_ms_max=wait_ms_max,
        bytes_max=bytes_max,
        partition_bytes_max=partition_bytes_max,
    )
    with Connection(bootstrap) as connection:
        response = connection.request(API_FETCH, 4, body)
    response.int32()  # throttle time
    assert response.int32() == 1
    assert response.string() == topic
    assert response.int32() == 1
    assert response.int32() == 0
    error_code = response.int16()
    if error_code != 0:
        raise FetchFailed(error_code)
    high_watermark, last_stable = response.int64(), response.int64()
    assert last_stable <= high_watermark
    for _aborted in range(max(0, response.int32())):
        response.bytes(16)
    batches = parse_batches(response.bytes(response.int32()))
    assert response.is_at_end
    return batches


def fetch_body(
    topic: str,
    offset: int,
    *,
    wait_ms_max: int = 1_000,
    bytes_max: int = BYTES_MAX,
    partition_bytes_max: int = BYTES_MAX,
) -> bytes:
    """A consumer's Fetch, version 4, of partition 0 that is to bring at least one byte."""
    body = struct.pack(">iiiibi", -1, wait_ms_max, 1, bytes_max, 0, 1) + string(topic)
    return body + struct.pack(">iiqi", 1, 0, offset, partition_bytes_max)


def parse_batches(data: bytes) -> list[Batch]:
    """Every whole batch; the last one may be cut off."""
    batches = []
    while len(data) >= 61:
        base_offset, length, _epoch, magic, _crc, attributes, last_offset_delta = struct.unpack(
            ">qiibIhi", data[:27]
        )
        producer_id, _producer_epoch, base_sequence, count = struct.unpack(">qhii", data[43:61])
        if len(data) < 12 + length:
            break
        batches.append(
            Batch(
                base_offset,
                magic,
                attributes,
                last_offset_delta,
                producer_id,
                base_sequence,
                count,
            )
        )
        data = data[12 + length :]
    return batches
