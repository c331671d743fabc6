"""Transactions with our own clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ottla
from clients.foreign_client import WAIT_SECONDS
from clients.group_member import SESSION_MS, Read
from clients.transactor import TRANSACTION_MS, Fenced, Source, Transactor


class OttlaTransactor(Transactor):
    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        config = {
            "transactional.id": transactional_id,
            "client.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_MS,
        }
        self._producer = ottla.Producer(bootstrap, config=config)
        self._producer.init_transactions()
        if source is not None:
            self._consumer = ottla.Consumer(
                bootstrap,
                group=source.group,
                topics=[source.topic],
                auto_offset_reset="earliest",
                config={
                    "enable.auto.commit": False,
                    "isolation.level": "read_committed",
                    "session.timeout.ms": SESSION_MS,
                },
            )
        self._source = source
        self._taken: dict[tuple[str, int], int] = {}

    def take(self, count: int) -> list[Read]:
        taken: list[Read] = []
        while len(taken) < count:
            message = self._consumer.poll(WAIT_SECONDS)
            assert message is not None, f"{len(taken)} of {count} records came"
            self._taken[message.topic, message.partition] = message.offset + 1
            taken.append(Read(message.partition, message.offset, message.value))
        return taken

    def begin(self) -> None:
        self._producer.begin_transaction()

    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        self._producer.produce(topic, value, partition=partition)

    def send_offsets(self) -> None:
        with fencing():
            self._producer.send_offsets(self._taken, self._consumer)

    def commit(self) -> None:
        with fencing():
            self._producer.commit_transaction()

    def abort(self) -> None:
        with fencing():
            self._producer.abort_transaction()

    def close(self) -> None:
        if self._source is not None:
            self._consumer.close()
        self._producer.close()


@contextmanager
def fencing() -> Iterator[None]:
    try:
        yield
    except ottla.ProducerFenced as failure:
        raise Fenced(str(failure)) from failure
