"""Writes and reads whole partitions with confluent-kafka, by assignment."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

WAIT_SECONDS = 60.0


def create_topic(
    bootstrap: str, topic: str, partitions: int = 1, config: dict[str, str] | None = None
) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = NewTopic(topic, partitions, config=config or {})
    for created in admin.create_topics([new], operation_timeout=WAIT_SECONDS).values():
        created.result(WAIT_SECONDS)


def write(bootstrap: str, topic: str, values: list[bytes], partitions: int = 1) -> None:
    """Writes to the partitions in turn, from 0 on; every record must be acknowledged."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    for number, value in enumerate(values):
        producer.produce(topic, value, partition=number % partitions, on_delivery=delivered)
    assert producer.flush(WAIT_SECONDS) == 0, "records were not delivered in time"
    assert failures == []


def read(bootstrap: str, topic: str, partition: int = 0) -> list[bytes]:
    """All values of a partition, whose offsets must count from 0 without a gap."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False}
    )
    try:
        at = TopicPartition(topic, partition, 0)
        _, end = consumer.get_watermark_offsets(at, timeout=WAIT_SECONDS)
        consumer.assign([at])
        values: list[bytes] = []
        deadline = time.monotonic() + WAIT_SECONDS
        while len(values) < end:
            assert time.monotonic() < deadline, f"{len(values)} of {end} records were read"
            for message in consumer.consume(1_000, timeout=0.2):
                assert message.error() is None, message.error()
                assert message.offset() == len(values)
                values.append(message.value())
        return values
    finally:
        consumer.close()
