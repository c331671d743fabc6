"""A producer's transactions where they go wrong, in words that its program can use."""

from __future__ import annotations

import time

import pytest

import ottla

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.02


def test_a_commit_that_comes_too_late_names_the_time_out() -> None:
    every_50_ms = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": 50}
    with (
        ottla.Broker(config=every_50_ms) as broker,
        ottla.Producer(
            broker, transactional_id="late", config={"transaction.timeout.ms": 100}
        ) as producer,
        ottla.Admin(broker) as admin,
    ):
        producer.init_transactions()
        too_late = pytest.raises(ottla.TransactionError, match=r"transaction\.timeout\.ms")
        with too_late, producer.transaction():
            producer.produce("t", b"never seen")
            producer.flush()
            await_state(admin, "late", "CompleteAbort")
        with ottla.Producer(broker, transactional_id="late") as another:
            another.init_transactions()
            with another.transaction():
                another.produce("t", b"seen")
        read = ottla.read(broker, "t", isolation_level="read_committed")
        assert [message.value for message in read] == [b"seen"]


def await_state(admin: ottla.Admin, transactional_id: str, state: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while admin.describe_transaction(transactional_id).state != state:
        assert time.monotonic() < deadline, f"{transactional_id} has not come to {state}"
        time.sleep(LOOK_SECONDS)
