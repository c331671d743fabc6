"""A member of a group with aiokafka, whose loop runs in a thread of its own: its heartbeats do not
wait for the next poll.

Its `start` waits until the group has settled, which may need the polls of the other members: so it
goes on in the background, and there is nothing to poll until it has ended.
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

POLL_SECONDS = 0.1


class AioKafkaMember(GroupMember):
    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        self._loop = asyncio.new_event_loop()
        # A member that a failed test could not close must not keep the process alive.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="aiokafka member", daemon=True
        )
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

        self._started = asyncio.run_coroutine_threadsafe(start(), self._loop)

    def poll(self) -> list[Read]:
        try:
            consumer = self._started.result(POLL_SECONDS)
        except TimeoutError:
            return []
        polled = self._run(consumer.getmany(timeout_ms=int(POLL_SECONDS * 1_000)))
        return [
            Read(record.partition, record.offset, record.value)
            for records in polled.values()
            for record in records
        ]

    def assignment(self) -> set[int]:
        if not self._started.done():
            return set()
        return {assigned.partition for assigned in self._consumer().assignment()}

    def commit(self) -> None:
        self._run(self._consumer().commit())

    def close(self) -> None:
        self._run(self._consumer().stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _consumer(self) -> Any:
        return self._started.result(WAIT_SECONDS)

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)
