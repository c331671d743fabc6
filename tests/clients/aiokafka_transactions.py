"""Transactions with aiokafka, which knows only the protocol before KIP-890."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.structs import TopicPartition

from clients.foreign_client import WAIT_SECONDS, Refused
from clients.transactional_producer import TIMEOUT_MS, Fenced, TransactionalProducer


class AioKafkaTransactions(TransactionalProducer):
    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._loop = asyncio.new_event_loop()

        async def start() -> Any:
            producer = AIOKafkaProducer(
                bootstrap_servers=bootstrap,
                transactional_id=transactional_id,
                transaction_timeout_ms=TIMEOUT_MS,
            )
            await producer.start()
            return producer

        self._producer = self._run(start())

    def begin(self) -> None:
        self._run(self._producer.begin_transaction())

    def send(self, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
        async def send() -> None:
            sent = [await self._producer.send(topic, v, partition=partition) for v in values]
            await asyncio.gather(*sent)

        self._run(send())

    def send_offsets(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        wanted = {TopicPartition(*place): offset for place, offset in offsets.items()}
        self._run(self._producer.send_offsets_to_transaction(wanted, group))

    def commit(self) -> None:
        self._run(self._producer.commit_transaction())

    def abort(self) -> None:
        self._run(self._producer.abort_transaction())

    def close(self) -> None:
        self._run(self._producer.stop())
        self._loop.close()

    def _run(self, work: Any) -> Any:
        try:
            return self._loop.run_until_complete(asyncio.wait_for(work, WAIT_SECONDS))
        except (ProducerFenced, InvalidProducerEpoch) as fenced:
            raise Fenced(str(fenced)) from fenced
        except KafkaError as refused:
            raise Refused(getattr(refused, "errno", -1), str(refused)) from refused
