"""A member of a group with franz-go, in a process of its own."""

from __future__ import annotations

from typing import ClassVar

from clients.group_member import HEARTBEAT_MS, SESSION_MS
from interop.driver import DrivenMember, Driver
from interop.franz_go_client import start_driver


class FranzGoMember(DrivenMember):
    """Of the classic protocol."""

    protocol: ClassVar[str] = "classic"

    def start(self, bootstrap: str, group: str, topic: str, instance: str | None) -> Driver:
        driver = start_driver(bootstrap)
        driver.call(
            "join",
            group=group,
            topic=topic,
            instance=instance,
            protocol=self.protocol,
            session_ms=SESSION_MS,
            heartbeat_ms=HEARTBEAT_MS,
        )
        return driver


class FranzGoConsumerMember(FranzGoMember):
    """Of the new protocol (KIP-848), where the broker says how often to heartbeat."""

    protocol: ClassVar[str] = "consumer"
