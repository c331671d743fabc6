"""Transactions as an operator sees them: `ottla transactions` and `ottla.Admin` beside Kafka's own
tool, which are to find the same on Kafka's broker and on ours, and to end what hangs on both.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer as ConfluentProducer

import ottla
from cluster.ottla_command import Ottla
from interop import kafka
from interop.hanging import UNVERIFIED, write_in_transaction

WAIT_SECONDS = 60.0
TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"
PARTITIONS = 3
SETTLED = {"Empty", "Ongoing", "CompleteCommit", "CompleteAbort"}
# No coordinator has given it to anybody.
UNKNOWN_PRODUCER = 4_711_000

Row = dict[str, str]

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", params=["kafka", "ottla"])
def bootstrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Kafka's broker, then ours; both let transactions in that nobody knows."""
    if request.param == "ottla":
        with ottla.Broker(config=UNVERIFIED) as broker:
            yield broker.bootstrap_servers
        return
    with kafka.running(tmp_path_factory.mktemp("transactions") / "data", UNVERIFIED) as where:
        yield where


@pytest.fixture(scope="module")
def admin(bootstrap: str) -> Iterator[ottla.Admin]:
    with ottla.Admin(bootstrap) as admin:
        yield admin


@pytest.fixture(scope="module")
def command(bootstrap: str) -> Ottla:
    return Ottla(bootstrap)


class Scene:
    """Transactional ids in every state that lasts, and two transactions that hang."""

    def __init__(self, bootstrap: str, admin: ottla.Admin) -> None:
        stem = uuid.uuid4().hex[:8]
        self.topic = f"topic-{stem}"
        self.ids = {
            state: f"{state}-{stem}" for state in ("empty", "ongoing", "committed", "aborted")
        }
        admin.create_topic(self.topic, partitions=PARTITIONS)
        producers = {state: self._producer(bootstrap, state) for state in self.ids}
        for state, partitions in (("committed", [0, 1]), ("aborted", [1]), ("ongoing", [0, 1])):
            producers[state].begin_transaction()
            for partition in partitions:
                producers[state].produce(self.topic, state, partition=partition)
            assert producers[state].flush(WAIT_SECONDS) == 0
        producers["committed"].commit_transaction(WAIT_SECONDS)
        producers["aborted"].abort_transaction(WAIT_SECONDS)
        self.ongoing = producers["ongoing"]
        deadline = time.monotonic() + WAIT_SECONDS
        while {row.state for row in admin.transactions()} - SETTLED:
            assert time.monotonic() < deadline
        # One of nobody's, and one of a producer that is known, and not to be in this partition.
        known = admin.describe_transaction(self.ids["empty"])
        now_ms = int(time.time() * 1e3)
        self.hanging = [
            write_in_transaction(bootstrap, self.topic, 2, producer, [b"h"], timestamp_ms=now_ms)
            for producer in ((UNKNOWN_PRODUCER, 0), (known.producer_id, known.producer_epoch))
        ]

    def _producer(self, bootstrap: str, state: str) -> ConfluentProducer:
        config = {"bootstrap.servers": bootstrap, "transactional.id": self.ids[state]}
        producer = ConfluentProducer({**config, "transaction.timeout.ms": 600_000})
        producer.init_transactions(WAIT_SECONDS)
        return producer


@pytest.fixture(scope="module")
def scene(bootstrap: str, admin: ottla.Admin) -> Iterator[Scene]:
    made = Scene(bootstrap, admin)
    yield made
    made.ongoing.abort_transaction(WAIT_SECONDS)


def kafkas(bootstrap: str, *arguments: str) -> list[Row]:
    """The table that Kafka's tool prints, a row by the names of its columns."""
    printed = kafka.run_tool(TRANSACTIONS, "--bootstrap-server", bootstrap, *arguments)
    lines = [[cell.strip() for cell in line.split("\t")] for line in printed.splitlines()]
    header = next(line for line in lines if line[-1] == "" and len(line) > 1)
    rows = [line for line in lines[lines.index(header) + 1 :] if len(line) == len(header)]
    return [dict(zip(header[:-1], row[:-1], strict=True)) for row in rows]


def narrowed(rows: list[Row], *columns: str) -> list[tuple[str, ...]]:
    return sorted(tuple(row[column] for column in columns) for row in rows)


def text(value: object, none: str = "None") -> str:
    return none if value is None else str(value)


@pytest.mark.parametrize(
    "filters",
    [
        [],
        ["--duration-filter", "0"],
        ["--duration-filter", "86400000"],
        ["--transactional-id-pattern", "(committed|aborted)-.*"],
        ["--transactional-id-pattern", "commit"],
    ],
    ids=lambda filters: " ".join(filters) or "all",
)
def test_transactions_are_listed_as_by_kafkas_tool(
    bootstrap: str, command: Ottla, scene: Scene, *, filters: list[str]
) -> None:
    columns = ("TransactionalId", "Coordinator", "ProducerId", "TransactionState")
    theirs = narrowed(kafkas(bootstrap, "list", *filters), *columns)
    keys = ("transactional_id", "coordinator", "producer_id", "state")
    listed = command.json("transactions", "list", *filters)
    assert sorted(tuple(str(row[key]) for key in keys) for row in listed) == theirs
    if not filters:
        states = {row[0]: row[3] for row in theirs}
        assert {states[name] for name in scene.ids.values()} == SETTLED


@pytest.mark.parametrize("state", ["empty", "ongoing", "committed", "aborted"])
def test_a_transaction_is_described_as_by_kafkas_tool(
    bootstrap: str, command: Ottla, scene: Scene, *, state: str
) -> None:
    [theirs] = kafkas(bootstrap, "describe", "--transactional-id", scene.ids[state])
    [ours] = command.json("transactions", "describe", "--transactional-id", scene.ids[state])
    keys = {
        "CoordinatorId": "coordinator",
        "TransactionalId": "transactional_id",
        "ProducerId": "producer_id",
        "ProducerEpoch": "producer_epoch",
        "TransactionState": "state",
        "TransactionTimeoutMs": "timeout_ms",
        "CurrentTransactionStartTimeMs": "started_ms",
    }
    assert {name: text(ours[key]) for name, key in keys.items()} == {
        name: theirs[name] for name in keys
    }
    partitions = {
        f"{topic}-{number}" for topic, numbers in ours["partitions"].items() for number in numbers
    }
    assert partitions == set(filter(None, theirs["TopicPartitions"].split(",")))
    # They have looked one after the other.
    is_open = theirs["TransactionDurationMs"] != "None"
    assert is_open == (ours["duration_ms"] is not None) == (ours["started_ms"] is not None)
    if state == "ongoing":
        assert int(theirs["TransactionDurationMs"]) <= ours["duration_ms"]


def test_a_transactional_id_that_nobody_has_used_is_not_found(
    bootstrap: str, admin: ottla.Admin, command: Ottla, scene: Scene
) -> None:
    nobodys = f"nobody's, and not {scene.topic}"
    with pytest.raises(kafka.ToolFailed) as failed:
        kafkas(bootstrap, "describe", "--transactional-id", nobodys)
    assert "Failed to describe transaction state of transactional-id" in failed.value.output
    told = "TRANSACTIONAL_ID_NOT_FOUND: no producer has used this transactional id"
    assert f"transactional id {nobodys}: {told}" in command.refused(
        1, "transactions", "describe", nobodys
    )
    with pytest.raises(ottla.UnknownTransactionalIdError, match=told):
        admin.describe_transaction(nobodys)


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_producers_are_described_as_by_kafkas_tool(
    bootstrap: str, command: Ottla, scene: Scene, *, partition: int
) -> None:
    place = ("--topic", scene.topic, "--partition", str(partition))
    theirs = kafkas(bootstrap, "describe-producers", *place)
    keys = {
        "ProducerId": ("producer_id", ""),
        "ProducerEpoch": ("producer_epoch", ""),
        "LatestCoordinatorEpoch": ("coordinator_epoch", "-1"),
        "LastSequence": ("last_sequence", ""),
        "LastTimestamp": ("last_timestamp_ms", ""),
        "CurrentTransactionStartOffset": ("transaction_start_offset", "None"),
    }
    described = command.json("transactions", "describe-producers", *place)
    ours = [tuple(text(row[key], none) for key, none in keys.values()) for row in described]
    assert sorted(ours) == narrowed(theirs, *keys)
    assert len(ours) == 2 + (partition == 1)


@pytest.mark.parametrize("minutes", ["0", "15"])
def test_what_hangs_is_found_as_by_kafkas_tool(
    bootstrap: str, command: Ottla, scene: Scene, *, minutes: str
) -> None:
    asked = ("find-hanging", "--topic", scene.topic, "--max-transaction-timeout", minutes)
    keys = {
        "Topic": ("topic", ""),
        "Partition": ("partition", ""),
        "ProducerId": ("producer_id", ""),
        "ProducerEpoch": ("producer_epoch", ""),
        "CoordinatorEpoch": ("coordinator_epoch", "-1"),
        "StartOffset": ("start_offset", ""),
        "LastTimestamp": ("last_timestamp_ms", ""),
    }
    theirs = narrowed(kafkas(bootstrap, *asked), *keys)
    found = command.json("transactions", *asked)
    ours = [tuple(text(row[key], none) for key, none in keys.values()) for row in found]
    assert sorted(ours) == theirs
    # One that is so young may still come to its end.
    expected = scene.hanging if minutes == "0" else []
    assert sorted(row["start_offset"] for row in found) == expected
    # Kafka's tool is told where to look, and ours may look everywhere.
    everywhere = command.json("transactions", asked[0], *asked[3:])
    starts = [row["start_offset"] for row in everywhere if row["topic"] == scene.topic]
    assert sorted(starts) == expected


@pytest.fixture
def stuck(bootstrap: str, admin: ottla.Admin) -> str:
    """A topic whose readers of committed records are held up by a transaction from offset 1 on."""
    name = f"topic-{uuid.uuid4().hex[:8]}"
    admin.create_topic(name)
    with ottla.Producer(bootstrap) as producer:
        producer.produce(name, b"before")
        producer.flush()
        now_ms = int(time.time() * 1e3)
        unknown = (UNKNOWN_PRODUCER, 0)
        start = write_in_transaction(bootstrap, name, 0, unknown, [b"hanging"], timestamp_ms=now_ms)
        producer.produce(name, b"behind")
    assert start == 1
    assert committed(bootstrap, name) == [b"before"]
    return name


def committed(bootstrap: str, topic: str) -> list[bytes | None]:
    batch = ottla.read(bootstrap, topic, isolation_level="read_committed")
    return [message.value for message in batch]


@pytest.mark.parametrize("by", ["kafka", "kafka by producer", "ottla", "ottla by producer", "api"])
def test_what_hangs_is_ended_by_force_and_readers_go_on(
    bootstrap: str, admin: ottla.Admin, command: Ottla, stuck: str, *, by: str
) -> None:
    [found] = admin.hanging_transactions(stuck, transaction_timeout_max=dt.timedelta(0))
    assert (found.start_offset, found.producer.producer_id) == (1, UNKNOWN_PRODUCER)
    place = ("abort", "--topic", stuck, "--partition", "0")
    epochs = ("--producer-epoch", "0", "--coordinator-epoch", "-1")
    by_producer = ("--producer-id", str(UNKNOWN_PRODUCER), *epochs)
    words = by_producer if by.endswith("by producer") else ("--start-offset", "1")
    if by == "api":
        admin.abort_transaction(stuck, 0, start_offset=1)
    elif by.startswith("ottla"):
        command.out("transactions", *place, *words)
    else:
        server = ("--bootstrap-server", bootstrap)
        kafka.run_tool(TRANSACTIONS, *server, *place, *words)
        # There is none any more, as both tools say.
        with pytest.raises(kafka.ToolFailed, match="Could not find any open transactions"):
            kafka.run_tool(TRANSACTIONS, *server, *place, "--start-offset", "1")
    assert committed(bootstrap, stuck) == [b"before", b"behind"]
    assert admin.hanging_transactions(stuck, transaction_timeout_max=dt.timedelta(0)) == []
    told = "no transaction is open that begins at offset 1"
    assert told in command.refused(1, "transactions", *place, "--start-offset", "1")
