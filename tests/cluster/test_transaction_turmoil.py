"""Transactions of several libraries while their processes and the broker are killed: the money of a
bank is all there, and no history of what clients were told is one that could not have been.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import Consumer, TopicPartition

import ottla
from clients.ottla_transactor import OttlaTransactor
from cluster import history
from cluster.history import History
from cluster.ottla_process import OttlaProcess
from cluster.records import create_topic

TOPIC, ACCOUNTS = "accounts", 4
CLERKS = ["OttlaTransactor", "ConfluentTransactor", "KafkaPythonTransactor", "AioKafkaTransactor"]
COMMITS_BETWEEN = 40
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.1
TESTS = Path(__file__).resolve().parent.parent


class Clerk:
    """A transactional id, and the processes that have had it, one after the other."""

    def __init__(self, kind: str, bootstrap: str, folder: Path, numbers: Iterator[int]) -> None:
        self.transactional_id = f"clerk-{kind}"
        self._kind, self._bootstrap, self._folder = kind, bootstrap, folder
        self._numbers = numbers
        self.histories: list[Path] = []
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def commits(self) -> int:
        return sum(history.completed(path, "commit") for path in self.histories)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._start()

    def start_again_if_it_has_ended(self) -> None:
        """Libraries give up in their own ways when a broker is killed: the program begins anew."""
        if self._process.poll() is not None:
            self._start()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(WAIT_SECONDS)

    def output(self) -> str:
        return "\n".join(p.with_suffix(".log").read_text()[-2_000:] for p in self.histories)

    def _start(self) -> None:
        number = next(self._numbers)
        path = self._folder / f"{number}.history"
        path.touch()
        self.histories.append(path)
        command = [sys.executable, "-m", "cluster.banker", self._kind, self._bootstrap]
        command += [self.transactional_id, TOPIC, str(ACCOUNTS), str(number), str(path)]
        with path.with_suffix(".log").open("w") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": str(TESTS)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OttlaProcess]:
    with OttlaProcess(tmp_path / "data") as running:
        yield running


@pytest.mark.timeout(600)
def test_no_money_is_made_or_lost_while_clerks_and_the_broker_are_killed(
    broker: OttlaProcess, tmp_path: Path
) -> None:
    create_topic(broker.bootstrap, TOPIC, ACCOUNTS)
    numbers = itertools.count()
    with ExitStack() as stack:
        clerks = [
            stack.enter_context(Clerk(kind, broker.bootstrap, tmp_path, numbers)) for kind in CLERKS
        ]
        await_commits(clerks)
        for clerk in clerks:
            clerk.kill()
            await_commits([clerk])
        for _ in range(2):
            broker.kill()
            broker.start()
            await_commits(clerks)
        for clerk in clerks:
            clerk.stop()
    for clerk in clerks:
        # What was left open is aborted for whoever comes next.
        OttlaTransactor(broker.bootstrap, clerk.transactional_id, None).close()
    readings = [tmp_path / f"{isolation}.history" for isolation in ISOLATION]
    read = [
        values_at_the_end(broker.bootstrap, isolation, path, next(numbers))
        for isolation, path in zip(ISOLATION, readings, strict=True)
    ]
    wrong = history.check([*itertools.chain(*(clerk.histories for clerk in clerks)), *readings])
    assert not wrong, wrong
    paid = [int(value.rsplit(" ", 1)[1]) for value in read[0]]
    assert sum(paid) == 0
    assert len(paid) >= 2 * sum(clerk.commits() for clerk in clerks)
    # Something was aborted, or the readers have not been told apart.
    assert len(read[1]) > len(read[0])
    broker.stop()


ISOLATION = ("read_committed", "read_uncommitted")


def await_commits(clerks: list[Clerk]) -> None:
    """Until each of them has committed some more."""
    wanted = [clerk.commits() + COMMITS_BETWEEN for clerk in clerks]
    deadline = time.monotonic() + WAIT_SECONDS
    while any(clerk.commits() < least for clerk, least in zip(clerks, wanted, strict=True)):
        for clerk in clerks:
            clerk.start_again_if_it_has_ended()
        outputs = "\n".join(clerk.output() for clerk in clerks)
        assert time.monotonic() < deadline, f"there are no more commits:\n{outputs}"
        time.sleep(LOOK_SECONDS)


def values_at_the_end(bootstrap: str, isolation: str, path: Path, process: int) -> list[str]:
    """Every value that a consumer is shown from the beginning to the end."""
    places = {f"{TOPIC}-{account}": account for account in range(ACCOUNTS)}
    with (
        History(path, process) as notes,
        ottla.Consumer(
            bootstrap,
            assignment={(TOPIC, account): "earliest" for account in places.values()},
            config={"isolation.level": isolation},
        ) as consumer,
    ):
        asked = notes.invoke("end_offsets")
        ends = {place: end_offset(bootstrap, account) for place, account in places.items()}
        notes.ok(asked, {"ends": {"ends": as_list(ends)}})
        notes.position(dict.fromkeys(places, 0))
        positions = dict.fromkeys(places, 0)
        values: list[str] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while positions != ends:
            assert time.monotonic() < deadline, f"{positions} are not the ends, {ends}"
            asked = notes.invoke({"poll": {"isolation": isolation}})
            batch = next(consumer.batches(timeout=LOOK_SECONDS), None)
            records = [
                {
                    "partition": f"{TOPIC}-{message.partition}",
                    "offset": message.offset,
                    "value": (message.value or b"").decode(),
                }
                for message in batch or ()
            ]
            positions |= {
                place: at
                for place, account in places.items()
                if (at := consumer.position(TOPIC, account)) is not None
            }
            notes.ok(asked, {"polled": {"records": records, "positions": as_list(positions)}})
            values += [str(record["value"]) for record in records]
    return values


def as_list(offsets: dict[str, int]) -> list[dict[str, object]]:
    return [{"partition": place, "offset": offset} for place, offset in offsets.items()]


def end_offset(bootstrap: str, account: int) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, account), WAIT_SECONDS)
        return int(end)
    finally:
        consumer.close()
