"""Transactions with confluent-kafka."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from clients.foreign_client import WAIT_SECONDS
from clients.group_member import SESSION_MS, Read
from clients.transactor import FENCED_CODES, TRANSACTION_MS, Fenced, Source, Transactor


class ConfluentTransactor(Transactor):
    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": transactional_id,
                "client.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_MS,
                "linger.ms": 0,
                # Once librdkafka 2.16 has bootstrapped anew, since every broker was away, it waits
                # for ever for a connection to the group's coordinator that it has given up.
                "metadata.recovery.strategy": "none",
            }
        )
        self._producer.init_transactions(WAIT_SECONDS)
        if source is not None:
            self._consumer = Consumer(
                {
                    "bootstrap.servers": bootstrap,
                    "group.id": source.group,
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": False,
                    "isolation.level": "read_committed",
                    "session.timeout.ms": SESSION_MS,
                }
            )
            self._consumer.subscribe([source.topic])
        self._source = source

    def take(self, count: int) -> list[Read]:
        taken: list[Read] = []
        while len(taken) < count:
            messages = self._consumer.consume(count - len(taken), timeout=WAIT_SECONDS)
            assert messages, f"{len(taken)} of {count} records came"
            for message in messages:
                error = message.error()
                if error is None:
                    taken.append(Read(message.partition(), message.offset(), message.value()))
                else:
                    # What librdkafka says while the topic's metadata is on its way.
                    assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART, error
        return taken

    def begin(self) -> None:
        self._producer.begin_transaction()

    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        self._producer.produce(topic, value, partition=partition)

    def send_offsets(self) -> None:
        positions = self._consumer.position(self._consumer.assignment())
        metadata = self._consumer.consumer_group_metadata()
        with fencing():
            self._producer.send_offsets_to_transaction(positions, metadata, WAIT_SECONDS)

    def commit(self) -> None:
        with fencing():
            self._producer.commit_transaction(WAIT_SECONDS)

    def abort(self) -> None:
        with fencing():
            self._producer.abort_transaction(WAIT_SECONDS)

    def close(self) -> None:
        if self._source is not None:
            self._consumer.close()


@contextmanager
def fencing() -> Iterator[None]:
    try:
        yield
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        if error.code() in FENCED_CODES | {KafkaError._FENCED}:  # noqa: SLF001
            raise Fenced(str(error)) from failure
        raise
