"""Transactions with confluent-kafka, of either version of their protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from clients.foreign_client import WAIT_SECONDS, Refused
from clients.transactional_producer import TIMEOUT_MS, Fenced, TransactionalProducer


class ConfluentTransactions(TransactionalProducer):
    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._bootstrap = bootstrap
        self._failures: list[KafkaError] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TIMEOUT_MS,
                "linger.ms": 0,
            }
        )
        self._producer.init_transactions(WAIT_SECONDS)

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send(self, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
        for value in values:
            self._producer.produce(
                topic, value=value, partition=partition, on_delivery=self._delivered
            )
        assert self._producer.flush(WAIT_SECONDS) == 0, "records are left in the queue"
        if self._failures:
            raise _translated(self._failures.pop())

    def send_offsets(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": group})
        positions = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        try:
            metadata = consumer.consumer_group_metadata()
            self._producer.send_offsets_to_transaction(positions, metadata, WAIT_SECONDS)
        finally:
            consumer.close()

    def commit(self) -> None:
        try:
            self._producer.commit_transaction(WAIT_SECONDS)
        except KafkaException as refused:
            raise _translated(refused.args[0]) from refused

    def abort(self) -> None:
        self._producer.abort_transaction(WAIT_SECONDS)

    def close(self) -> None:
        self._producer.purge()

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failures.append(error)


FENCED = -144
"""The code of librdkafka's own for a producer that was fenced."""


def _translated(error: KafkaError) -> Exception:
    fenced = {FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
    return Fenced(str(error)) if error.code() in fenced else Refused(error.code(), str(error))
