"""Transactions while their processes and the broker are killed: no money is made or lost, every
record is processed once, and no history of what clients were told is one that could not have been.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import ottla
from clients.ottla_transactor import OttlaTransactor
from cluster import history
from cluster.history import History
from cluster.lives import Lives
from cluster.ottla_process import OttlaProcess
from cluster.reader import read_to_the_end
from cluster.records import create_topic

PARTITIONS = 4
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.1
CLERKS = ("OttlaTransactor", "ConfluentTransactor", "KafkaPythonTransactor", "AioKafkaTransactor")
COMMITS_BETWEEN = 40
ORDERS, PIPELINES = 400, 3

pytestmark = pytest.mark.timeout(600)


class Turmoil:
    """A broker, the programs that use it, and the histories of them all."""

    def __init__(self, broker: OttlaProcess, folder: Path, stack: ExitStack) -> None:
        self.broker = broker
        self._folder, self._stack = folder, stack
        self._numbers = itertools.count()
        self._histories: list[Path] = []
        self.programs: dict[str, Lives] = {}
        """By transactional id."""

    def begin(self, module: str, kind: str, transactional_id: str, *arguments: str) -> Lives:
        fixed = [kind, self.broker.bootstrap, transactional_id, *arguments]
        lives = Lives(module, fixed, self._folder, self._numbers)
        self.programs[transactional_id] = self._stack.enter_context(lives)
        return lives

    def own_history(self) -> History:
        """Of a process in this one."""
        number = next(self._numbers)
        self._histories.append(self._folder / f"{number}.history")
        return History(self._histories[-1], number)

    def kill_broker(self) -> None:
        self.broker.kill()
        self.broker.start()

    def await_all(self, *done: Callable[[], bool]) -> None:
        """Until everything is done. Programs that have ended meanwhile begin anew."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not all(is_done() for is_done in done):
            for lives in self.programs.values():
                lives.begin_again_if_over()
            outputs = "\n".join(lives.output() for lives in self.programs.values())
            assert time.monotonic() < deadline, f"it does not go on:\n{outputs}"
            time.sleep(LOOK_SECONDS)

    def await_commits(self, programs: Sequence[Lives]) -> None:
        """Until each of them has committed some more."""

        def more(lives: Lives) -> Callable[[], bool]:
            wanted = lives.commits() + COMMITS_BETWEEN
            return lambda: lives.commits() >= wanted

        self.await_all(*[more(lives) for lives in programs])

    def end(self) -> None:
        """Of all programs. Whatever they have left open is aborted."""
        for transactional_id, lives in self.programs.items():
            lives.end()
            OttlaTransactor(self.broker.bootstrap, transactional_id, None).close()

    def read(self, topics: Sequence[str], isolation: str) -> dict[str, list[str]]:
        sizes = dict.fromkeys(topics, PARTITIONS)
        with self.own_history() as notes:
            return read_to_the_end(self.broker.bootstrap, sizes, isolation, notes)

    def check(self) -> None:
        of_programs = [path for lives in self.programs.values() for path in lives.histories]
        wrong = history.check([*of_programs, *self._histories])
        assert not wrong, wrong


@pytest.fixture
def turmoil(tmp_path: Path) -> Iterator[Turmoil]:
    overrides = {"group.initial.rebalance.delay.ms": "0"}
    with OttlaProcess(tmp_path / "data", overrides=overrides) as broker, ExitStack() as stack:
        yield Turmoil(broker, tmp_path, stack)


def test_no_money_is_made_or_lost_while_clerks_and_the_broker_are_killed(turmoil: Turmoil) -> None:
    create_topic(turmoil.broker.bootstrap, "accounts", PARTITIONS)
    clerks = [
        turmoil.begin("cluster.banker", kind, f"clerk-{kind}", "accounts", str(PARTITIONS))
        for kind in CLERKS
    ]
    turmoil.await_commits(clerks)
    for clerk in clerks:
        clerk.kill()
        turmoil.await_commits([clerk])
    for _ in range(2):
        turmoil.kill_broker()
        turmoil.await_commits(clerks)
    for clerk in clerks:
        clerk.stop()
    turmoil.end()
    committed = turmoil.read(["accounts"], "read_committed")["accounts"]
    everything = turmoil.read(["accounts"], "read_uncommitted")["accounts"]
    turmoil.check()
    assert sum(int(value.rsplit(" ", 1)[1]) for value in committed) == 0
    assert len(committed) >= 2 * sum(clerk.commits() for clerk in clerks)
    # Something was aborted, or the readers have not been told apart.
    assert len(everything) > len(committed)
    turmoil.broker.stop()


@pytest.mark.parametrize("kind", ["OttlaTransactor", "ConfluentTransactor"])
def test_every_record_is_processed_once_while_pipelines_and_the_broker_are_killed(
    turmoil: Turmoil, kind: str
) -> None:
    bootstrap = turmoil.broker.bootstrap
    for topic in ("orders", "invoices"):
        create_topic(bootstrap, topic, PARTITIONS)
    orders = [f"order {number}" for number in range(ORDERS)]
    write_in_one_transaction(turmoil, "orders", orders)

    def invoices_are(least: int) -> Callable[[], bool]:
        return lambda: count_of_committed(bootstrap, "invoices") >= least

    pipelines = [
        turmoil.begin(
            *("cluster.pipeline", kind, f"pipeline-{number}"),
            *("billing", "orders", "invoices", str(PARTITIONS)),
        )
        for number in range(PIPELINES)
    ]
    turmoil.await_all(invoices_are(ORDERS // 4))
    pipelines[0].kill()
    turmoil.await_all(invoices_are(ORDERS // 2))
    turmoil.kill_broker()
    turmoil.await_all(invoices_are(ORDERS))
    turmoil.end()
    read = turmoil.read(["orders", "invoices"], "read_committed")
    turmoil.check()
    billed = [value.split(" by ")[0] for value in read["invoices"]]
    assert sorted(billed) == sorted(read["orders"]) == sorted(orders)


def write_in_one_transaction(turmoil: Turmoil, topic: str, values: Sequence[str]) -> None:
    producer = OttlaTransactor(turmoil.broker.bootstrap, "writer", None)
    with turmoil.own_history() as notes, producer:
        notes.did("begin", producer.begin)
        for number, value in enumerate(values):
            partition = number % PARTITIONS
            notes.invoke({"send": {"partition": f"{topic}-{partition}", "value": value}})
            producer.produce(topic, value.encode(), partition)
        notes.did("commit", producer.commit)


def count_of_committed(bootstrap: str, topic: str) -> int:
    """As a reader sees it at this moment."""
    return len(ottla.read(bootstrap, topic, isolation_level="read_committed"))
