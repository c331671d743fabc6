"""kafka-python: the client in plain Python, from its third release on a new protocol layer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

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


class KafkaPythonClient(ForeignClient):
    name = "kafka-python"
    abilities = frozenset(Ability) - {Ability.NULL_HEADERS}
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = (False, True)

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)

    def close(self) -> None:
        self.admin.close()

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
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap,
            compression_type=None if codec == "none" else codec,
            enable_idempotence=idempotent,
            acks=acks if acks == "all" else int(acks),
            linger_ms=20,
            max_request_size=4_000_000,
        )
        try:
            futures = [
                producer.send(
                    topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=partition,
                    timestamp_ms=record.timestamp_ms,
                )
                for record in records
            ]
            producer.flush(timeout=WAIT_SECONDS)
            with _refusals():
                for future in futures:
                    future.get(timeout=WAIT_SECONDS)
        finally:
            producer.close()

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        assigned = TopicPartition(topic, partition)
        consumed: list[Consumed] = []
        with self._consumer() as consumer:
            consumer.assign([assigned])
            self._seek(consumer, assigned, start)
            deadline = time.monotonic() + WAIT_SECONDS
            while len(consumed) < count and time.monotonic() < deadline:
                polled = consumer.poll(timeout_ms=100, max_records=count - len(consumed))
                consumed.extend(_consumed(record) for record in polled.get(assigned, ()))
        return consumed

    def _seek(self, consumer: Any, assigned: TopicPartition, start: Position) -> None:
        match start:
            case Start.EARLIEST:
                consumer.seek_to_beginning(assigned)
            case Start.LATEST:
                consumer.seek_to_end(assigned)
            case FromTimestamp(timestamp_ms):
                consumer.seek(
                    assigned, consumer.offsets_for_times({assigned: timestamp_ms})[assigned].offset
                )
            case int():
                consumer.seek(assigned, start)

    @contextmanager
    def _consumer(self) -> Iterator[Any]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="none")
        try:
            yield consumer
        finally:
            consumer.close()

    def brokers(self) -> list[str]:
        described = self.admin.describe_cluster()
        return [f"{broker['host']}:{broker['port']}" for broker in described["brokers"]]

    def topics(self) -> dict[str, int]:
        return {topic["name"]: len(topic["partitions"]) for topic in self.admin.describe_topics()}

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        wanted = {"num_partitions": partitions, "configs": dict(configs)}
        with _refusals():
            self.admin.create_topics({topic: wanted})

    def delete_topic(self, topic: str) -> None:
        with _refusals():
            self.admin.delete_topics([topic])

    def add_partitions(self, topic: str, total: int) -> None:
        with _refusals():
            self.admin.create_partitions({topic: total})

    def topic_configs(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        with _refusals():
            described = self.admin.describe_configs([resource], config_filter="all")
        [entries] = [of_kind[topic] for of_kind in described.values() if topic in of_kind]
        return {name: entry["value"] for name, entry in entries.items()}

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={key: value})
        with _refusals():
            # An outcome is text here: `OK`, or `[Error 40] InvalidConfigurationError: ...`.
            [outcome] = [
                of_kind[topic] for of_kind in self.admin.alter_configs([resource]).values()
            ]
        refused = re.match(r"\[Error (\d+)\]", outcome)
        if refused:
            raise Refused(int(refused[1]), outcome)

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        asked = TopicPartition(topic, partition)
        with self._consumer() as consumer:
            low = consumer.beginning_offsets([asked])[asked]
            return low, consumer.end_offsets([asked])[asked]

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        asked = TopicPartition(topic, partition)
        with self._consumer() as consumer:
            found = consumer.offsets_for_times({asked: timestamp_ms})[asked]
            return None if found is None else found.offset

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        with _refusals():
            self.admin.delete_records({TopicPartition(topic, partition): before})


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except KafkaError as failure:
        code = getattr(failure, "errno", None)
        if not isinstance(code, int):
            raise
        raise Refused(code, str(failure)) from failure


def _consumed(record: Any) -> Consumed:
    return Consumed(
        offset=record.offset,
        timestamp_ms=record.timestamp,
        value=record.value,
        key=record.key,
        headers=tuple((key, value) for key, value in record.headers),
    )
