"""Producers over a line that loses requests and answers, and delays them beyond the client's
patience: nothing is doubled, nothing changes places, and nothing that was acknowledged is lost.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import ottla
from clients.confluent_transactor import ConfluentTransactor
from clients.kafka_python_transactor import KafkaPythonTransactor
from clients.ottla_transactor import OttlaTransactor
from clients.protocol import (
    API_ADD_OFFSETS_TO_TXN,
    API_ADD_PARTITIONS_TO_TXN,
    API_END_TXN,
    API_FIND_COORDINATOR,
    API_INIT_PRODUCER_ID,
    API_METADATA,
    API_PRODUCE,
    API_TXN_OFFSET_COMMIT,
    Connection,
)
from clients.transactor import Source, Transactor
from cluster.ottla_process import OttlaProcess
from cluster.records import create_topic
from cluster.sender import IN_FLIGHT, REQUEST_TIMEOUT_MS, ConfluentSender, OttlaSender, Sender
from cluster.transactors import TRANSACTORS
from cluster.turmoil import Turmoil
from cluster.unreliable_line import (
    Mishap,
    UnreliableLine,
    at_random,
    calm,
    once,
    unreliable_line,
)
from interop.kafka import free_port

PARTITIONS = 2
SEED = 20_261_122
LATE_SECONDS = REQUEST_TIMEOUT_MS / 1_000 + 0.2
WAIT_SECONDS = 90.0
PACE_SECONDS = 0.001
KILLS = 2
MISHAPS_BETWEEN = 2
TRANSFERS = 20
OF_TRANSACTIONS = {
    API_PRODUCE,
    API_FIND_COORDINATOR,
    API_INIT_PRODUCER_ID,
    API_ADD_PARTITIONS_TO_TXN,
    API_ADD_OFFSETS_TO_TXN,
    API_TXN_OFFSET_COMMIT,
    API_END_TXN,
}
"""What a producer asks for that consumes, produces, and commits both."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def listen() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def line(listen: str) -> Iterator[UnreliableLine]:
    with unreliable_line(listen, LATE_SECONDS) as line:
        yield line


@pytest.fixture
def turmoil(listen: str, line: UnreliableLine, tmp_path: Path) -> Iterator[Turmoil]:
    """A broker that every client reaches over the line alone."""
    overrides = {
        "advertised.listeners": f"PLAINTEXT://{line.address}",
        "group.initial.rebalance.delay.ms": "0",
    }
    with (
        OttlaProcess(tmp_path / "data", listen=listen, overrides=overrides) as broker,
        ExitStack() as stack,
    ):
        yield Turmoil(broker, tmp_path, stack, bootstrap=line.address)


def test_what_befalls_a_request_is_what_was_asked_for(
    turmoil: Turmoil, line: UnreliableLine
) -> None:
    everything = b"\xff\xff\xff\xff"
    for mishap, has_arrived in ((Mishap.REQUEST_LOST, False), (Mishap.ANSWER_LOST, True)):
        line.fate = once(API_METADATA, mishap)
        with Connection(turmoil.bootstrap) as connection:
            connection.send(API_METADATA, 1, everything)
            half = connection.drain()
            assert bool(half) == has_arrived
        with Connection(turmoil.bootstrap) as connection:
            whole = connection.request(API_METADATA, 1, everything).data
            assert len(half) < len(whole)
    line.fate = once(API_METADATA, Mishap.ANSWER_LATE)
    with Connection(turmoil.bootstrap) as connection:
        asked = time.monotonic()
        connection.request(API_METADATA, 1, everything)
        assert time.monotonic() - asked >= LATE_SECONDS
    assert line.befallen == {(mishap, API_METADATA): 1 for mishap in Mishap}


@pytest.mark.parametrize(
    ("kind", "in_flight"),
    # Librdkafka may have more on their way, but here it has one of each partition.
    [(OttlaSender, IN_FLIGHT), (ConfluentSender, PARTITIONS)],
)
def test_an_idempotent_producer_is_exact_however_the_line_and_the_broker_fail(
    turmoil: Turmoil, line: UnreliableLine, kind: type[Sender], in_flight: int
) -> None:
    create_topic(turmoil.bootstrap, "load", PARTITIONS)
    sent: list[str] = []
    with turmoil.own_history() as notes, kind(turmoil.bootstrap, notes) as sender:
        line.fate = at_random(random.Random(SEED), 0.1)
        for kills in range(KILLS + 1):
            if kills > 0:
                turmoil.kill_broker()
            before = line.befallen.copy()
            deadline = time.monotonic() + WAIT_SECONDS
            while min((line.befallen - before)[m, API_PRODUCE] for m in Mishap) < MISHAPS_BETWEEN:
                assert time.monotonic() < deadline, line.befallen
                sent.append(str(len(sent)))
                sender.send("load", len(sent) % PARTITIONS, sent[-1])
                sender.listen(PACE_SECONDS)
        line.fate = calm
        sender.finish()
    read = turmoil.read({"load": PARTITIONS}, "read_uncommitted")["load"]
    turmoil.check()
    assert sorted(read) == sorted(sent)
    assert line.under_way_max[API_PRODUCE] >= in_flight


def test_transfers_are_whole_however_the_line_and_the_broker_fail(
    turmoil: Turmoil, line: UnreliableLine
) -> None:
    create_topic(turmoil.bootstrap, "accounts", PARTITIONS)
    clerks = [
        turmoil.begin("cluster.banker", kind, f"clerk-{kind}", "accounts", str(PARTITIONS))
        for kind in TRANSACTORS
    ]
    turmoil.await_commits(clerks, TRANSFERS)
    line.fate = at_random(random.Random(SEED), 0.1)
    await_mishaps(turmoil, line)
    turmoil.kill_broker()
    await_mishaps(turmoil, line)
    # Libraries wait longer after each failure: who has to come on needs a line that is calm again.
    line.fate = calm
    turmoil.await_commits(clerks, TRANSFERS)
    for clerk in clerks:
        clerk.stop()
    turmoil.end()
    committed = turmoil.read({"accounts": PARTITIONS}, "read_committed")["accounts"]
    turmoil.check()
    assert sum(int(value.rsplit(" ", 1)[1]) for value in committed) == 0


def await_mishaps(turmoil: Turmoil, line: UnreliableLine) -> None:
    """Until every library has been struck in its transactions, and their ends in every way."""
    befallen, victims = line.befallen.copy(), line.victims.copy()

    def ends_are_struck() -> bool:
        news = line.befallen - befallen
        return all(news[mishap, API_END_TXN] >= MISHAPS_BETWEEN for mishap in Mishap)

    def all_are_struck() -> bool:
        news = line.victims - victims
        return all(
            sum(news[client_id, api] for api in OF_TRANSACTIONS) >= MISHAPS_BETWEEN
            for client_id in turmoil.programs
        )

    turmoil.await_all(ends_are_struck, all_are_struck)


# aiokafka gives up, which is for `test_transfers_are_whole`.
@pytest.mark.parametrize("kind", [OttlaTransactor, ConfluentTransactor, KafkaPythonTransactor])
def test_whichever_answer_of_a_transaction_is_lost_it_happens_once(
    turmoil: Turmoil, line: UnreliableLine, kind: type[Transactor]
) -> None:
    for topic in ("orders", "invoices"):
        create_topic(turmoil.bootstrap, topic)
    orders = [f"order {number}".encode() for number in range(1 + 2 * len(OF_TRANSACTIONS))]
    with ottla.Producer(turmoil.bootstrap) as producer:
        for order in orders:
            producer.produce("orders", order)
    # Which of the requests a library asks depends on the protocol that it speaks.
    process_one(turmoil, kind)
    asked = OF_TRANSACTIONS & line.asked.keys()
    assert {API_PRODUCE, API_INIT_PRODUCER_ID, API_TXN_OFFSET_COMMIT, API_END_TXN} <= asked
    for mishap, api in itertools.product((Mishap.REQUEST_LOST, Mishap.ANSWER_LOST), sorted(asked)):
        line.fate = once(api, mishap)
        process_one(turmoil, kind)
        assert line.befallen[mishap, api] == 1
    assert committed(turmoil.bootstrap, "invoices") == orders[: 1 + 2 * len(asked)]


BLOCKED_MS = 2_000
"""How long an impatient program waits: long enough for an answer that is not late."""


@pytest.fixture
def impatient(turmoil: Turmoil, line: UnreliableLine) -> Iterator[ottla.Producer]:
    """A producer whose calls give up long before an answer comes that is late."""
    line.late_seconds = 2 * BLOCKED_MS / 1_000
    create_topic(turmoil.bootstrap, "t")
    config = {"transactional.id": "till", "max.block.ms": BLOCKED_MS}
    with ottla.Producer(turmoil.bootstrap, config=config) as producer:
        # The coordinator's log is made for the first one, which takes its time.
        wait_on(producer.init_transactions)
        yield producer


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_became_of_a_commit_is_told_by_the_same_call(
    turmoil: Turmoil, line: UnreliableLine, impatient: ottla.Producer, *, has_ended: bool
) -> None:
    line.fate = once(API_END_TXN, Mishap.ANSWER_LATE)
    with pytest.raises(ottla.Timeout, match="call again"), impatient.transaction():
        impatient.produce("t", b"one")
    if has_ended:
        time.sleep(line.late_seconds)
    wait_on(impatient.commit_transaction)
    with impatient.transaction():
        impatient.produce("t", b"two")
    assert committed(turmoil.bootstrap, "t") == [b"one", b"two"]


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_is_being_committed_is_not_aborted(
    turmoil: Turmoil, line: UnreliableLine, impatient: ottla.Producer, *, has_ended: bool
) -> None:
    line.fate = once(API_END_TXN, Mishap.ANSWER_LATE)
    with pytest.raises(ottla.Timeout), impatient.transaction():
        impatient.produce("t", b"one")
    if has_ended:
        time.sleep(line.late_seconds)
    with pytest.raises(ottla.TransactionStateError):
        impatient.abort_transaction()
    assert committed(turmoil.bootstrap, "t") == [b"one"]


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LATE, Mishap.REQUEST_LOST])
def test_a_processor_whose_commit_takes_too_long_goes_on_with_the_next_record(
    turmoil: Turmoil, line: UnreliableLine, impatient: ottla.Producer, mishap: Mishap
) -> None:
    impatient.close()
    create_topic(turmoil.bootstrap, "copy")
    numbers = [str(number).encode() for number in range(10)]
    with ottla.Producer(turmoil.bootstrap) as producer:
        for number in numbers:
            producer.produce("t", number)
    late = 0
    with ottla.Processor(
        turmoil.bootstrap,
        group="copiers",
        source="t",
        transactional_id="till",
        max_rows=3,
        timeout=2.0,
        producer={"max.block.ms": BLOCKED_MS},
    ) as processor:
        line.fate = once(API_END_TXN, mishap)
        while True:
            try:
                for batch, out in processor:
                    out.write(batch, "copy")
                break
            except ottla.Timeout:
                late += 1
    assert late > 0 or mishap is Mishap.REQUEST_LOST
    assert line.befallen[mishap, API_END_TXN] == 1
    assert committed(turmoil.bootstrap, "copy") == numbers


def wait_on(call: Callable[[], None]) -> None:
    """As a program does that is told that it goes on."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return call()
        except ottla.Timeout:
            assert time.monotonic() < deadline


def committed(bootstrap: str, topic: str) -> list[bytes | None]:
    read = ottla.read(bootstrap, topic, isolation_level="read_committed")
    return [message.value for message in read]


def process_one(turmoil: Turmoil, kind: type[Transactor]) -> None:
    with kind(turmoil.bootstrap, "billing-1", Source("billing", "orders")) as transactor:
        [order] = transactor.take(1)
        transactor.begin()
        transactor.produce("invoices", order.value or b"")
        transactor.send_offsets()
        transactor.commit()
