"""Transactions with aiokafka, whose loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import ProducerFenced

from clients.foreign_client import WAIT_SECONDS
from clients.group_member import SESSION_MS, Read
from clients.transactor import TRANSACTION_MS, Fenced, Source, Transactor

Answer = TypeVar("Answer")


class AioKafkaTransactor(Transactor):
    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        self._loop = asyncio.new_event_loop()
        # One that a failed test could not close must not keep the process alive.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="aiokafka transactor", daemon=True
        )
        self._thread.start()
        self._group = source.group if source else ""
        self._producer, self._consumer = self._run(start(bootstrap, transactional_id, source))

    def take(self, count: int) -> list[Read]:
        async def take() -> list[Read]:
            taken = [await self._consumer.getone() for _ in range(count)]
            return [Read(record.partition, record.offset, record.value) for record in taken]

        return self._run(take())

    def begin(self) -> None:
        self._run(self._producer.begin_transaction())

    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        self._run(self._producer.send(topic, value, partition=partition))

    def send_offsets(self) -> None:
        async def send() -> None:
            assigned = self._consumer.assignment()
            offsets = {place: await self._consumer.position(place) for place in assigned}
            await self._producer.send_offsets_to_transaction(offsets, self._group)

        with fencing():
            self._run(send())

    def commit(self) -> None:
        with fencing():
            self._run(self._producer.commit_transaction())

    def abort(self) -> None:
        with fencing():
            self._run(self._producer.abort_transaction())

    def close(self) -> None:
        self._run(stop(self._producer, self._consumer))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)


async def start(bootstrap: str, transactional_id: str, source: Source | None) -> tuple[Any, Any]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=transactional_id,
        client_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_MS,
    )
    await producer.start()
    if source is None:
        return producer, None
    consumer = AIOKafkaConsumer(
        source.topic,
        bootstrap_servers=bootstrap,
        group_id=source.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        session_timeout_ms=SESSION_MS,
    )
    await consumer.start()
    return producer, consumer


async def stop(producer: Any, consumer: Any) -> None:
    if consumer is not None:
        await consumer.stop()
    await producer.stop()


@contextmanager
def fencing() -> Iterator[None]:
    try:
        yield
    except ProducerFenced as failure:
        raise Fenced(str(failure)) from failure
