"""A member of a group with confluent-kafka."""

from __future__ import annotations

from typing import Any, ClassVar

from confluent_kafka import Consumer, KafkaError, TopicPartition

from clients.group_member import HEARTBEAT_MS, SESSION_MS, GroupMember, Read


class ConfluentMember(GroupMember):
    """Of the classic protocol."""

    protocol: ClassVar[dict[str, Any]] = {
        "partition.assignment.strategy": "range",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
    }

    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        self._topic = topic
        self._next: dict[int, int] = {}
        config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **self.protocol,
        }
        if instance is not None:
            config["group.instance.id"] = instance
        self._consumer = Consumer(config)
        self._consumer.subscribe([topic])

    def poll(self) -> list[Read]:
        read = []
        for message in self._consumer.consume(500, timeout=0.1):
            error = message.error()
            if error is not None:
                # What librdkafka says while the topic's metadata is on its way.
                assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART, error
                continue
            read.append(Read(message.partition(), message.offset(), message.value()))
        self._next |= {record.partition: record.offset + 1 for record in read}
        return read

    def assignment(self) -> set[int]:
        return {assigned.partition for assigned in self._consumer.assignment()}

    def commit(self) -> None:
        offsets = [TopicPartition(self._topic, *position) for position in self._next.items()]
        for committed in self._consumer.commit(offsets=offsets, asynchronous=False):
            assert committed.error is None, committed.error

    def close(self) -> None:
        self._consumer.close()


class ConfluentConsumerMember(ConfluentMember):
    """Of the new protocol (KIP-848), where the broker says how often to heartbeat."""

    protocol: ClassVar[dict[str, Any]] = {"group.protocol": "consumer"}
