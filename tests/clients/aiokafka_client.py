"""aiokafka: the asyncio client, which still speaks the oldest versions of the protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from clients.foreign_client import (
    WAIT_SECONDS,
    Ability,
    Consumed,
    ForeignClient,
    FromTimestamp,
    Position,
    Record,
    Refused,
    Start,
)

Answer = TypeVar("Answer")


class AioKafkaClient(ForeignClient):
    name = "aiokafka"
    abilities = frozenset(Ability)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = (False, True)

    def produce(
        self,
        topic: str,
        records: Sequence[Record],
        *,
        partition: int = 0,
        codec: str = "none",
        idempotent: bool = False,
        acks: str = "all",
    ) -> None:
        async def send() -> None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.bootstrap,
                compression_type=None if codec == "none" else codec,
                enable_idempotence=idempotent,
                acks=acks if acks == "all" else int(acks),
                linger_ms=20,
                max_request_size=4_000_000,
            )
            await producer.start()
            try:
                futures = [
                    await producer.send(
                        topic,
                        value=record.value,
                        key=record.key,
                        headers=list(record.headers),
                        partition=partition,
                        timestamp_ms=record.timestamp_ms,
                    )
                    for record in records
                ]
                await producer.flush()
                await asyncio.gather(*futures)
            finally:
                await producer.stop()

        _run(send())

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        assigned = TopicPartition(topic, partition)

        async def receive() -> list[Consumed]:
            consumed: list[Consumed] = []
            async with self._consumer() as consumer:
                consumer.assign([assigned])
                await _seek(consumer, assigned, start)
                deadline = time.monotonic() + WAIT_SECONDS
                while len(consumed) < count and time.monotonic() < deadline:
                    wanted = count - len(consumed)
                    polled = await consumer.getmany(timeout_ms=100, max_records=wanted)
                    consumed.extend(_consumed(record) for record in polled.get(assigned, ()))
            return consumed

        return _run(receive())

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, auto_offset_reset="none", enable_auto_commit=False
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    def brokers(self) -> list[str]:
        async def ask() -> list[str]:
            async with self._admin() as admin:
                described = await admin.describe_cluster()
                return [f"{broker['host']}:{broker['port']}" for broker in described["brokers"]]

        return _run(ask())

    def topics(self) -> dict[str, int]:
        async def ask() -> dict[str, int]:
            async with self._admin() as admin:
                described = await admin.describe_topics()
                return {topic["topic"]: len(topic["partitions"]) for topic in described}

        return _run(ask())

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        async def ask() -> None:
            async with self._admin() as admin:
                wanted = NewTopic(topic, partitions, 1, topic_configs=dict(configs))
                _check((await admin.create_topics([wanted])).topic_errors)

        _run(ask())

    def delete_topic(self, topic: str) -> None:
        async def ask() -> None:
            async with self._admin() as admin:
                _check((await admin.delete_topics([topic])).topic_error_codes)

        _run(ask())

    def add_partitions(self, topic: str, total: int) -> None:
        async def ask() -> None:
            async with self._admin() as admin:
                wanted = {topic: NewPartitions(total_count=total)}
                _check((await admin.create_partitions(wanted)).topic_errors)

        _run(ask())

    def topic_configs(self, topic: str) -> dict[str, str]:
        async def ask() -> dict[str, str]:
            async with self._admin() as admin:
                resource = ConfigResource(ConfigResourceType.TOPIC, topic)
                [response] = await admin.describe_configs([resource])
                [(code, message, _kind, _name, entries)] = response.resources
                _check([(topic, code, message)])
                return {entry[0]: entry[1] for entry in entries}

        return _run(ask())

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        async def ask() -> None:
            async with self._admin() as admin:
                resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={key: value})
                for response in await admin.alter_configs([resource]):
                    _check([(topic, code, text) for code, text, *_ in response.resources])

        _run(ask())

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        asked = TopicPartition(topic, partition)

        async def ask() -> tuple[int, int]:
            async with self._consumer() as consumer:
                low = (await consumer.beginning_offsets([asked]))[asked]
                return low, (await consumer.end_offsets([asked]))[asked]

        return _run(ask())

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        asked = TopicPartition(topic, partition)

        async def ask() -> int | None:
            async with self._consumer() as consumer:
                found = (await consumer.offsets_for_times({asked: timestamp_ms}))[asked]
                return None if found is None else found.offset

        return _run(ask())

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        asked = TopicPartition(topic, partition)

        async def ask() -> None:
            async with self._admin() as admin:
                await admin.delete_records({asked: RecordsToDelete(before_offset=before)})

        _run(ask())


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        return asyncio.run(asyncio.wait_for(work, WAIT_SECONDS * 2))
    except KafkaError as failure:
        code = getattr(failure, "errno", None)
        if not isinstance(code, int):
            raise
        raise Refused(code, str(failure)) from failure


async def _seek(consumer: Any, assigned: TopicPartition, start: Position) -> None:
    match start:
        case Start.EARLIEST:
            await consumer.seek_to_beginning(assigned)
        case Start.LATEST:
            await consumer.seek_to_end(assigned)
        case FromTimestamp(timestamp_ms):
            found = await consumer.offsets_for_times({assigned: timestamp_ms})
            consumer.seek(assigned, found[assigned].offset)
        case int():
            consumer.seek(assigned, start)


def _check(results: Sequence[Sequence[Any]]) -> None:
    """Raises for the first (name, code, message?) whose code is an error."""
    for _name, code, *message in results:
        if code != 0:
            raise Refused(code, str(message))


def _consumed(record: Any) -> Consumed:
    return Consumed(
        offset=record.offset,
        timestamp_ms=record.timestamp,
        value=record.value,
        key=record.key,
        headers=tuple((key, value) for key, value in record.headers),
    )
