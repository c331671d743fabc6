"""Transactions with kafka-python."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from clients.foreign_client import WAIT_SECONDS
from clients.group_member import SESSION_MS, Read
from clients.transactor import FENCED_CODES, TRANSACTION_MS, Fenced, Source, Transactor

REQUEST_MS, DELIVERY_MS = 5_000, 20_000
"""When it gives up a request, and a record: much sooner than a test gives up."""


class KafkaPythonTransactor(Transactor):
    api_version: tuple[int, ...] | None = None
    """Of the Kafka that it takes the broker for; without, it asks."""

    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        self._producer: Any = KafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id,
            client_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_MS,
            request_timeout_ms=REQUEST_MS,
            delivery_timeout_ms=DELIVERY_MS,
            api_version=self.api_version,
        )
        self._sent: list[Any] = []
        self._producer.init_transactions()
        self._consumer: Any = None
        if source is not None:
            self._consumer = KafkaConsumer(
                source.topic,
                bootstrap_servers=bootstrap,
                group_id=source.group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                isolation_level="read_committed",
                session_timeout_ms=SESSION_MS,
                api_version=self.api_version,
            )

    def take(self, count: int) -> list[Read]:
        taken: list[Read] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while len(taken) < count:
            assert time.monotonic() < deadline, f"{len(taken)} of {count} records came"
            polled = self._consumer.poll(timeout_ms=500, max_records=count - len(taken))
            taken += [
                Read(record.partition, record.offset, record.value)
                for records in polled.values()
                for record in records
            ]
        return taken

    def begin(self) -> None:
        self._sent.clear()
        self._producer.begin_transaction()

    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        self._sent.append(self._producer.send(topic, value, partition=partition))

    def send_offsets(self) -> None:
        offsets = {
            partition: OffsetAndMetadata(self._consumer.position(partition), "", -1)
            for partition in self._consumer.assignment()
        }
        with fencing():
            self._producer.send_offsets_to_transaction(offsets, self._consumer.group_metadata())

    def commit(self) -> None:
        """A record that was not delivered in time does not keep kafka-python 3.0 from committing
        the others: its program has to ask.
        """
        with fencing():
            for sent in self._sent:
                sent.get(timeout=WAIT_SECONDS)
            self._producer.commit_transaction()

    def abort(self) -> None:
        """What kafka-python 3.0 has not sent yet when it aborts, it sends in the next transaction,
        even in one batch with what belongs there: so all of it is sent before.
        """
        with fencing():
            self._producer.flush(timeout=WAIT_SECONDS)
            self._producer.abort_transaction()

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
        self._producer.close(timeout=WAIT_SECONDS)


def kafka_python_for(*version: int) -> type[KafkaPythonTransactor]:
    """One that asks as for a Kafka of this version, in the versions that requests had then."""

    class Older(KafkaPythonTransactor):
        api_version = version

    Older.__name__ = f"{KafkaPythonTransactor.__name__}-{'.'.join(map(str, version))}"
    return Older


@contextmanager
def fencing() -> Iterator[None]:
    try:
        yield
    except KafkaError as failure:
        causes = [failure, *failure.args, failure.__cause__]
        if FENCED_CODES & {getattr(cause, "errno", None) for cause in causes}:
            raise Fenced(str(failure)) from failure
        raise
