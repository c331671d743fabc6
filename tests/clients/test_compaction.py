"""Compacted topics: what is left of them is read across the holes by clients that expect none."""

from __future__ import annotations

import os
import time

import pytest

from clients.broker import Broker
from clients.conftest import await_leader
from clients.foreign_client import (
    WAIT_SECONDS,
    Ability,
    ForeignClient,
    Record,
    Refused,
    Start,
)
from clients.matrix import with_clients
from clients.protocol import fetch_batches

KEYS = 20
ROUNDS = 24
# Twenty-four rounds are nearly four segments of the least size.
VALUE_BYTES = 8_000
INVALID_RECORD = 87
COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(1 << 20),
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "0",
}


@with_clients(Ability.CONSUME)
def test_the_last_value_of_each_key_is_left_and_read_across_the_holes(
    client: ForeignClient, reference: ForeignClient, broker: Broker, topic_name: str
) -> None:
    reference.create_topic(topic_name, 1, COMPACTED)
    await_leader(broker, topic_name)
    reference.produce(topic_name, [Record(b"short-lived", b"deleted"), Record(None, b"deleted")])
    last: dict[bytes | None, bytes | None] = {}
    for number in range(ROUNDS):
        records = updates(number)
        reference.produce(topic_name, records, codec="lz4" if number % 3 == 1 else "none")
        last.update((record.key, record.value) for record in records)
    left = await_compaction(broker, topic_name, appended=2 + KEYS * ROUNDS)
    consumed = client.consume(topic_name, Start.EARLIEST, left)
    read = {record.key: record.value for record in consumed}
    assert not read.pop(b"deleted", None), "its value came back without the tombstone"
    assert read == last
    offsets = [record.offset for record in consumed]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == 2 + KEYS * ROUNDS - 1, "offsets stay what they were"
    # A consumer that was here before the compaction goes on at the next record that is left.
    in_a_hole = offsets[0] - 1
    assert [record.offset for record in client.consume(topic_name, in_a_hole, 1)] == offsets[:1]


def test_a_record_without_a_key_is_refused(
    reference: ForeignClient, broker: Broker, topic_name: str
) -> None:
    reference.create_topic(topic_name, 1, COMPACTED)
    await_leader(broker, topic_name)
    with pytest.raises(Refused) as refused:
        reference.produce(topic_name, [Record(b"no key")])
    assert refused.value.code == INVALID_RECORD


def updates(number: int) -> list[Record]:
    """One value for each key, of hexadecimal noise."""
    noise = os.urandom(VALUE_BYTES // 2).hex()
    return [
        Record(f"{number} {key} {noise}".encode(), f"key {key}".encode()) for key in range(KEYS)
    ]


def await_compaction(broker: Broker, topic: str, *, appended: int) -> int:
    """Waits until the cleaner has nothing to do, and answers how many records are left."""
    deadline = time.monotonic() + WAIT_SECONDS
    counts = [appended]
    while time.monotonic() < deadline:
        counts.append(count_records(broker, topic))
        # The cleaner looks for work every half second.
        if counts[-1] < appended and len(counts) > 4 and len(set(counts[-4:])) == 1:
            return counts[-1]
        time.sleep(0.5)
    raise TimeoutError(f"{topic} is not compacted, but has {counts[-1]} of {appended} records")


def count_records(broker: Broker, topic: str) -> int:
    count = offset = 0
    while batches := fetch_batches(broker.bootstrap, topic, offset, wait_ms_max=0):
        count += sum(batch.count for batch in batches)
        last = batches[-1]
        offset = last.base_offset + last.last_offset_delta + 1
    return count
