"""Transactions with kafka-python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError
from kafka.structs import OffsetAndMetadata, TopicPartition

from clients.foreign_client import WAIT_SECONDS, Refused
from clients.transactional_producer import TIMEOUT_MS, Fenced, TransactionalProducer


class KafkaPythonTransactions(TransactionalProducer):
    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._producer: Any = KafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id,
            transaction_timeout_ms=TIMEOUT_MS,
        )
        self._producer.init_transactions()

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send(self, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
        try:
            sent = [self._producer.send(topic, value, partition=partition) for value in values]
            for one in sent:
                one.get(timeout=WAIT_SECONDS)
        except KafkaError as refused:
            raise _translated(refused) from refused

    def send_offsets(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        wanted = {
            TopicPartition(*place): OffsetAndMetadata(offset, "", -1)
            for place, offset in offsets.items()
        }
        self._producer.send_offsets_to_transaction(wanted, group)

    def commit(self) -> None:
        try:
            self._producer.commit_transaction()
        except KafkaError as refused:
            raise _translated(refused) from refused

    def abort(self) -> None:
        self._producer.abort_transaction()

    def close(self) -> None:
        self._producer.close(timeout=0)


def _translated(error: KafkaError) -> Exception:
    if isinstance(error, ProducerFencedError | InvalidProducerEpochError):
        return Fenced(str(error))
    return Refused(getattr(error, "errno", -1), str(error))
