"""A member of a group with our own consumer."""

from __future__ import annotations

from typing import Any, ClassVar

import ottla
from clients.group_member import HEARTBEAT_MS, SESSION_MS, GroupMember, Read


class OttlaMember(GroupMember):
    """Of the classic protocol."""

    protocol: ClassVar[dict[str, Any]] = {
        "partition.assignment.strategy": "range",
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
    }

    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        config: dict[str, Any] = {"enable.auto.commit": False, **self.protocol}
        if instance is not None:
            config["group.instance.id"] = instance
        self._consumer = ottla.Consumer(
            bootstrap, group=group, topics=[topic], auto_offset_reset="earliest", config=config
        )

    def poll(self) -> list[Read]:
        batch = next(self._consumer.batches(max_rows=500, timeout=0.1), None)
        if batch is None:
            return []
        return [Read(message.partition, message.offset, message.value) for message in batch]

    def assignment(self) -> set[int]:
        return {assigned.partition for assigned in self._consumer.assignment}

    def commit(self) -> None:
        self._consumer.commit()

    def close(self) -> None:
        self._consumer.close()


class OttlaConsumerMember(OttlaMember):
    """Of the new protocol (KIP-848), where the broker says how often to heartbeat."""

    protocol: ClassVar[dict[str, Any]] = {"group.protocol": "consumer"}
