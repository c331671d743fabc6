"""A member of a group with kafkajs, in a process of its own."""

from __future__ import annotations

from clients.group_member import HEARTBEAT_MS, SESSION_MS
from interop.driver import DrivenMember, Driver
from interop.kafkajs_client import start_driver


class KafkaJsMember(DrivenMember):
    """Of the classic protocol, under an assignor that only kafkajs knows; never static."""

    def start(self, bootstrap: str, group: str, topic: str, instance: str | None) -> Driver:
        assert instance is None, "kafkajs has no static members"
        driver = start_driver(bootstrap)
        driver.call(
            "join", group=group, topic=topic, session_ms=SESSION_MS, heartbeat_ms=HEARTBEAT_MS
        )
        return driver
