"""A transaction that no coordinator knows: it is found and ended, and readers go on."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

import pytest

import ottla
from cluster.ottla_command import Ottla
from interop.hanging import UNVERIFIED, write_in_transaction

PRODUCER = (4_711, 3)
AT_ONCE = dt.timedelta(0)


@pytest.fixture(scope="module")
def broker() -> Iterator[ottla.Broker]:
    with ottla.Broker(config=UNVERIFIED) as broker:
        yield broker


@pytest.fixture
def admin(broker: ottla.Broker) -> Iterator[ottla.Admin]:
    with ottla.Admin(broker) as admin:
        yield admin


def hang(broker: ottla.Broker, topic: str) -> int:
    """Begins a transaction in a partition in which there is one more record."""
    now_ms, where = int(time.time() * 1e3), broker.bootstrap_servers
    start = write_in_transaction(where, topic, 0, PRODUCER, [b"hanging"], timestamp_ms=now_ms)
    with ottla.Producer(broker) as producer:
        producer.produce(topic, b"behind")
    return start


def committed(broker: ottla.Broker, topic: str) -> list[bytes | None]:
    batch = ottla.read(broker, topic, isolation_level="read_committed")
    return [message.value for message in batch]


def test_what_hangs_is_found_and_ended_by_the_api(broker: ottla.Broker, admin: ottla.Admin) -> None:
    admin.create_topic("api")
    start = hang(broker, "api")
    assert committed(broker, "api") == []
    assert admin.hanging_transactions("api") == [], "it may still come to its end"
    time.sleep(0.01)
    [found] = admin.hanging_transactions("api", transaction_timeout_max=AT_ONCE)
    assert (found.topic, found.partition, found.start_offset) == ("api", 0, start)
    assert (found.producer.producer_id, found.producer.producer_epoch) == PRODUCER
    assert found.producer.coordinator_epoch is None
    assert PRODUCER[0] not in [row.producer_id for row in admin.transactions()]
    admin.abort_transaction("api", 0, start_offset=start)
    assert admin.hanging_transactions("api", transaction_timeout_max=AT_ONCE) == []
    assert committed(broker, "api") == [b"behind"]


def test_what_hangs_is_found_and_ended_by_the_command(
    broker: ottla.Broker, admin: ottla.Admin
) -> None:
    admin.create_topic("command")
    start = hang(broker, "command")
    command = Ottla(broker.bootstrap_servers)
    asked = ("transactions", "find-hanging", "--topic", "command")
    assert command.json(*asked) == [], "it may still come to its end"
    at_once = (*asked, "--max-transaction-timeout", "0")
    [found] = command.json(*at_once)
    assert (found["producer_id"], found["producer_epoch"]) == PRODUCER
    assert (found["start_offset"], found["coordinator_epoch"]) == (start, None)
    place = ("--topic", "command", "--partition", "0")
    told = command.out("transactions", "abort", *place, "--start-offset", str(start)).decode()
    assert told == f"command-0: the transaction of producer {PRODUCER[0]} is aborted\n"
    assert command.json(*at_once) == []
    assert committed(broker, "command") == [b"behind"]
