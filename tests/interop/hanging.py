"""Transactions that no coordinator knows: what a partition lets in that does not verify them.

This is how transactions came to hang before KIP-890: a batch that was late opens its producer's
transaction anew, after the marker that ended it.
"""

from __future__ import annotations

import struct
import time

from kafka.record.default_records import DefaultRecordBatchBuilder

from clients.protocol import API_PRODUCE, Connection, string

UNVERIFIED = {"transaction.partition.verification.enable": "false"}
"""How a broker is configured that lets them in."""

# The last version without tagged fields that all clients of Kafka 2.1 speak.
PRODUCE_VERSION = 7
UNLED = {3, 6}
WAIT_SECONDS = 30.0


def write_in_transaction(
    bootstrap: str,
    topic: str,
    partition: int,
    producer: tuple[int, int],
    values: list[bytes],
    *,
    timestamp_ms: int,
) -> int:
    """Begins a transaction of a producer (id, epoch) with these values; answers where it begins."""
    batch = _batch(producer, values, timestamp_ms)
    body = string("nobody's") + struct.pack(">hii", -1, 30_000, 1) + string(topic)
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    deadline = time.monotonic() + WAIT_SECONDS
    with Connection(bootstrap) as connection:
        while True:
            code, offset = _produce(connection, body, topic)
            # A topic is created before its partitions are led.
            if code not in UNLED or time.monotonic() > deadline:
                break
    assert code == 0, f"the batch was refused with error code {code}"
    return offset


def _batch(producer: tuple[int, int], values: list[bytes], timestamp_ms: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=True,
        producer_id=producer[0],
        producer_epoch=producer[1],
        base_sequence=0,
        batch_size=1 << 20,
    )
    for offset, value in enumerate(values):
        assert builder.append(offset, timestamp_ms, None, value, []) is not None
    return bytes(builder.build())


def _produce(connection: Connection, body: bytes, topic: str) -> tuple[int, int]:
    response = connection.request(API_PRODUCE, PRODUCE_VERSION, body)
    assert response.int32() == 1
    assert response.string() == topic
    assert response.int32() == 1
    response.int32()  # the partition
    return response.int16(), response.int64()
