"""EndTxn asked again, as by a producer that has lost the answer: by hand, since no library can be
made to ask twice.
"""

from __future__ import annotations

import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from clients.broker import Broker
from clients.foreign_client import WAIT_SECONDS
from clients.protocol import (
    API_ADD_PARTITIONS_TO_TXN,
    API_END_TXN,
    API_FIND_COORDINATOR,
    API_INIT_PRODUCER_ID,
    Connection,
    Reader,
    string,
)

NONE = 0
INVALID_TXN_STATE = 48
PRODUCER_FENCED = 90
NOT_YET = {14, 15, 16, 51}
"""COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR and
CONCURRENT_TRANSACTIONS."""
OLD, NEW = 4, 5
"""The last version of EndTxn that leaves the epoch as it is, and the first that bumps it."""


@dataclass(frozen=True)
class Producer:
    """As the coordinator knows it."""

    transactional_id: str
    id: int
    epoch: int

    def after(self, ends: int) -> Producer:
        """Itself after so many ends, each of which has bumped the epoch."""
        return replace(self, epoch=self.epoch + ends)


@pytest.fixture
def producer(broker: Broker) -> Producer:
    name = f"by-hand-{uuid.uuid4().hex[:12]}"
    with Connection(broker.bootstrap) as connection:
        connection.request(API_FIND_COORDINATOR, 1, string(name) + b"\x01")
    body = compact(name) + struct.pack(">iqhB", 60_000, -1, -1, 0)
    answer = settled(broker, API_INIT_PRODUCER_ID, 4, body)
    assert answer.int16() == NONE
    return Producer(name, answer.int64(), answer.int16())


@pytest.mark.parametrize("commit", [True, False])
def test_before_version_2_the_same_end_succeeds_again_and_another_does_not(
    broker: Broker, producer: Producer, topic: str, *, commit: bool
) -> None:
    begin(broker, producer, topic)
    for _ in range(3):
        assert end(broker, OLD, producer, commit=commit) == NONE
    assert end(broker, OLD, producer, commit=not commit) == INVALID_TXN_STATE
    # What comes next is another transaction.
    begin(broker, producer, topic)
    assert end(broker, OLD, producer, commit=not commit) == NONE


@pytest.mark.parametrize("commit", [True, False])
def test_with_version_2_the_epoch_tells_a_repetition_from_the_next_end(
    broker: Broker, producer: Producer, topic: str, *, commit: bool
) -> None:
    begin(broker, producer, topic)
    for _ in range(3):
        assert end(broker, NEW, producer, commit=commit) == producer.after(1)
    assert end(broker, NEW, producer, commit=not commit) == INVALID_TXN_STATE
    next_one = producer.after(1)
    # Nothing has begun: there is nothing to commit. An abort is harmless, and bumps the epoch.
    assert end(broker, NEW, next_one, commit=True) == INVALID_TXN_STATE
    assert end(broker, NEW, next_one, commit=False) == producer.after(2)
    # One end is told from the next, but not from the one after that.
    assert end(broker, NEW, producer, commit=commit) == PRODUCER_FENCED


def begin(broker: Broker, producer: Producer, topic: str) -> None:
    """Adds partition 0 of the topic."""
    added = b"\x02" + compact(topic) + b"\x02" + struct.pack(">iB", 0, 0)
    body = compact(producer.transactional_id) + struct.pack(">qh", producer.id, producer.epoch)

    def error(answer: Reader) -> int:
        assert answer.bytes(1 + len(compact(topic)) + 1) == b"\x02" + compact(topic) + b"\x02"
        assert answer.int32() == 0
        return answer.int16()

    answer = settled(broker, API_ADD_PARTITIONS_TO_TXN, 3, body + added + b"\0", error)
    assert error(answer) == NONE


def end(broker: Broker, version: int, producer: Producer, *, commit: bool) -> Producer | int:
    """The error, or who the producer is from then on if that is told."""
    answer = settled(broker, API_END_TXN, version, end_body(producer, commit=commit))
    error = answer.int16()
    if error != NONE or version < NEW:
        return error
    return replace(producer, id=answer.int64(), epoch=answer.int16())


def end_body(producer: Producer, *, commit: bool) -> bytes:
    who = struct.pack(">qh", producer.id, producer.epoch)
    return compact(producer.transactional_id) + who + struct.pack(">?B", commit, 0)


def settled(
    broker: Broker,
    api_key: int,
    version: int,
    body: bytes,
    error: Callable[[Reader], int] = Reader.int16,
) -> Reader:
    """The answer behind its throttle time, once it is not that it comes later."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with Connection(broker.bootstrap) as connection:
            answer = connection.request(api_key, version, body, flexible=True)
        # No tagged fields, and no throttling.
        assert answer.bytes(5) == bytes(5)
        if error(Reader(answer.data[answer.position :])) not in NOT_YET:
            return answer
        assert time.monotonic() < deadline, "the coordinator puts it off for ever"
        time.sleep(0.02)


def compact(text: str) -> bytes:
    """A short string as flexible versions have it."""
    encoded = text.encode()
    assert len(encoded) < 0x7F
    return bytes([len(encoded) + 1]) + encoded
