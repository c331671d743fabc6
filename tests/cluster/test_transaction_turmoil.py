"""Transactions while their processes and the broker are killed: no money is made or lost, every
record is processed once, lists are the same for all, and no history of what clients were told is
one that could not have been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import ottla
from clients.ottla_transactor import OttlaTransactor
from cluster.ottla_process import OttlaProcess
from cluster.records import create_topic
from cluster.transactors import TRANSACTORS
from cluster.turmoil import Turmoil

PARTITIONS = 4
TRANSFERS_BETWEEN = 40
APPENDS_BETWEEN = 10
ORDERS, PIPELINES = 400, 3

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def turmoil(tmp_path: Path) -> Iterator[Turmoil]:
    overrides = {"group.initial.rebalance.delay.ms": "0"}
    with OttlaProcess(tmp_path / "data", overrides=overrides) as broker, ExitStack() as stack:
        yield Turmoil(broker, tmp_path, stack)


def test_no_money_is_made_or_lost_while_clerks_and_the_broker_are_killed(turmoil: Turmoil) -> None:
    create_topic(turmoil.bootstrap, "accounts", PARTITIONS)
    clerks = [
        turmoil.begin("cluster.banker", kind, f"clerk-{kind}", "accounts", str(PARTITIONS))
        for kind in TRANSACTORS
    ]
    turmoil.storm(clerks, TRANSFERS_BETWEEN)
    for clerk in clerks:
        clerk.stop()
    turmoil.end()
    accounts = {"accounts": PARTITIONS}
    committed = turmoil.read(accounts, "read_committed")["accounts"]
    everything = turmoil.read(accounts, "read_uncommitted")["accounts"]
    turmoil.check()
    assert sum(int(value.rsplit(" ", 1)[1]) for value in committed) == 0
    assert len(committed) >= 2 * sum(clerk.commits() for clerk in clerks)
    # Something was aborted, or the readers have not been told apart.
    assert len(everything) > len(committed)
    turmoil.broker.stop()


@pytest.mark.parametrize("in_turn", [False, True], ids=["at-once", "in-turn"])
def test_lists_are_the_same_for_all_while_appenders_and_the_broker_are_killed(
    turmoil: Turmoil, tmp_path: Path, *, in_turn: bool
) -> None:
    """At once they are atomic, and no more (docs/design/history.md). In turn they are serialisable:
    what was committed before a turn is all there for whoever has it.
    """
    create_topic(turmoil.bootstrap, "lists", PARTITIONS)
    turns = str(tmp_path / "turns") if in_turn else "-"
    appenders = [
        turmoil.begin(
            *("cluster.list_appender", kind, f"appender-{kind}"), *("lists", str(PARTITIONS), turns)
        )
        for kind in TRANSACTORS
    ]
    turmoil.storm(appenders, APPENDS_BETWEEN)
    for appender in appenders:
        appender.stop()
    turmoil.end()
    committed = turmoil.read({"lists": PARTITIONS}, "read_committed")["lists"]
    everything = turmoil.read({"lists": PARTITIONS}, "read_uncommitted")["lists"]
    turmoil.check(serializable=in_turn)
    assert len(everything) > len(committed) > sum(appender.commits() for appender in appenders)
    turmoil.broker.stop()


@pytest.mark.parametrize("kind", ["OttlaTransactor", "ConfluentTransactor"])
def test_every_record_is_processed_once_while_pipelines_and_the_broker_are_killed(
    turmoil: Turmoil, kind: str
) -> None:
    bootstrap = turmoil.bootstrap
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
    read = turmoil.read(dict.fromkeys(("orders", "invoices"), PARTITIONS), "read_committed")
    turmoil.check()
    billed = [value.split(" by ")[0] for value in read["invoices"]]
    assert sorted(billed) == sorted(read["orders"]) == sorted(orders)


def write_in_one_transaction(turmoil: Turmoil, topic: str, values: Sequence[str]) -> None:
    producer = OttlaTransactor(turmoil.bootstrap, "writer", None)
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
