"""confluent-kafka: librdkafka behind Python's most used client; also the suite's reference."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
)

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


class ConfluentClient(ForeignClient):
    name = "confluent-kafka"
    abilities = frozenset(Ability)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = (False, True)

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self.admin = AdminClient({"bootstrap.servers": bootstrap})

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
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "compression.type": codec,
                "enable.idempotence": idempotent,
                "acks": acks,
                "linger.ms": 20,
                "message.max.bytes": 4_000_000,
                "message.timeout.ms": int(WAIT_SECONDS * 1000),
            }
        )
        failures: list[Any] = []

        def delivered(error: Any, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        for record in records:
            options: dict[str, Any] = {}
            if record.timestamp_ms is not None:
                options["timestamp"] = record.timestamp_ms
            producer.produce(
                topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=partition,
                on_delivery=delivered,
                **options,
            )
        assert producer.flush(WAIT_SECONDS) == 0, "records are left in the queue"
        if failures:
            raise Refused(failures[0].code(), str(failures[0]))

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "unused: consumption is by assignment",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
            }
        )
        try:
            consumer.assign([self._position(consumer, topic, partition, start)])
            consumed: list[Consumed] = []
            deadline = time.monotonic() + WAIT_SECONDS
            while len(consumed) < count and time.monotonic() < deadline:
                for message in consumer.consume(count - len(consumed), timeout=0.1):
                    if message.error() is not None:
                        raise Refused(message.error().code(), str(message.error()))
                    consumed.append(_consumed(message))
            return consumed
        finally:
            consumer.close()

    def _position(
        self, consumer: Consumer, topic: str, partition: int, start: Position
    ) -> TopicPartition:
        match start:
            case Start.EARLIEST:
                return TopicPartition(topic, partition, OFFSET_BEGINNING)
            case Start.LATEST:
                return TopicPartition(topic, partition, OFFSET_END)
            case FromTimestamp(timestamp_ms):
                asked = [TopicPartition(topic, partition, timestamp_ms)]
                [found] = consumer.offsets_for_times(asked, timeout=WAIT_SECONDS)
                return found
            case int():
                return TopicPartition(topic, partition, start)
        raise AssertionError(f"no position: {start!r}")

    def brokers(self) -> list[str]:
        metadata = self.admin.list_topics(timeout=WAIT_SECONDS)
        return [f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()]

    def topics(self) -> dict[str, int]:
        metadata = self.admin.list_topics(timeout=WAIT_SECONDS)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        wanted = NewTopic(topic, num_partitions=partitions, config=dict(configs))
        self._await(self.admin.create_topics([wanted]))

    def delete_topic(self, topic: str) -> None:
        self._await(self.admin.delete_topics([topic]))

    def add_partitions(self, topic: str, total: int) -> None:
        self._await(self.admin.create_partitions([NewPartitions(topic, total)]))

    def topic_configs(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        entries = self._await(self.admin.describe_configs([resource]))
        return {name: entry.value for name, entry in entries.items()}

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self._await(self.admin.incremental_alter_configs([resource]))

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "unused"})
        try:
            asked = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(asked, timeout=WAIT_SECONDS)
            return low, high
        finally:
            consumer.close()

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "unused"})
        try:
            asked = TopicPartition(topic, partition, timestamp_ms)
            [found] = consumer.offsets_for_times([asked], timeout=WAIT_SECONDS)
            return None if found.offset == OFFSET_END else found.offset
        finally:
            consumer.close()

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        self._await(self.admin.delete_records([TopicPartition(topic, partition, before)]))

    @staticmethod
    def _await(futures: Mapping[Any, Any]) -> Any:
        [future] = futures.values()
        try:
            return future.result(timeout=WAIT_SECONDS)
        except KafkaException as failure:
            error = failure.args[0]
            raise Refused(error.code(), str(error)) from failure


def _consumed(message: Message) -> Consumed:
    return Consumed(
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        value=message.value(),
        key=message.key(),
        headers=tuple((key, value) for key, value in message.headers() or ()),
    )
