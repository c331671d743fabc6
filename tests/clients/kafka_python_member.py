"""A member of a group with kafka-python."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor

from clients.group_member import HEARTBEAT_MS, SESSION_MS, GroupMember, Read


class KafkaPythonMember(GroupMember):
    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        self._consumer: Any = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group,
            group_instance_id=instance,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )

    def poll(self) -> list[Read]:
        polled = self._consumer.poll(timeout_ms=100)
        return [
            Read(record.partition, record.offset, record.value)
            for records in polled.values()
            for record in records
        ]

    def assignment(self) -> set[int]:
        return {assigned.partition for assigned in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit()

    def close(self) -> None:
        self._consumer.close()
