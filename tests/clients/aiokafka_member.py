"""A member of a group with aiokafka, whose loop runs in a thread of its own: its heartbeats do not
wait for the next poll.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from clients.foreign_client import WAIT_SECONDS
from clients.group_member import HEARTBEAT_MS, SESSION_MS, GroupMember, Read

Answer = TypeVar("Answer")


class AioKafkaMember(GroupMember):
    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aiokafka member")
        self._thread.start()

        async def start() -> Any:
            consumer = AIOKafkaConsumer(
                topic,
                bootstrap_servers=bootstrap,
                group_id=group,
                group_instance_id=instance,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                partition_assignment_strategy=(RangePartitionAssignor,),
                session_timeout_ms=SESSION_MS,
                heartbeat_interval_ms=HEARTBEAT_MS,
            )
            await consumer.start()
            return consumer

        self._consumer = self._run(start())

    def poll(self) -> list[Read]:
        polled = self._run(self._consumer.getmany(timeout_ms=100))
        return [
            Read(record.partition, record.offset, record.value)
            for records in polled.values()
            for record in records
        ]

    def assignment(self) -> set[int]:
        return {assigned.partition for assigned in self._consumer.assignment()}

    def commit(self) -> None:
        self._run(self._consumer.commit())

    def close(self) -> None:
        self._run(self._consumer.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)
