"""A client in another language as a child process: one JSON object a line, each way.

    -> {"call": "watermarks", "topic": "t", "partition": 0}
    <- {"answer": [0, 10]}      or      {"code": 3, "error": "unknown topic or partition"}

Bytes travel as base64, a null as null.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clients.foreign_client import (
    WAIT_SECONDS,
    Consumed,
    FromTimestamp,
    Position,
    Record,
    Refused,
)
from clients.group_member import GroupMember, Read

POLL_MS = 100


class Driver:
    """The child; calls go one at a time."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, name: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"call": name, **arguments}), file=self._process.stdin, flush=True)
        # A child that hangs is ended, and the empty line that follows fails the test.
        watchdog = threading.Timer(WAIT_SECONDS * 2, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise AssertionError(f"the driver ended with {self._process.wait()} in {name}")
        answer = json.loads(line)
        if "code" in answer:
            raise Refused(answer["code"], answer["error"])
        if "error" in answer:
            raise AssertionError(f"{name}: {answer['error']}")
        return answer["answer"]

    def close(self) -> None:
        self._process.communicate()


class DrivenMember(GroupMember):
    """A member of a group that is the only one in its driver."""

    def __init__(self, bootstrap: str, group: str, topic: str, instance: str | None) -> None:
        self.driver = self.start(bootstrap, group, topic, instance)

    @abstractmethod
    def start(self, bootstrap: str, group: str, topic: str, instance: str | None) -> Driver:
        """Starts the driver and has it join the group."""

    def poll(self) -> list[Read]:
        polled = self.driver.call("poll", wait_ms=POLL_MS)
        return [Read(read["partition"], read["offset"], decode(read["value"])) for read in polled]

    def assignment(self) -> set[int]:
        return set(self.driver.call("assignment"))

    def commit(self) -> None:
        self.driver.call("commit")

    def close(self) -> None:
        self.driver.close()


def encode(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def decode(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def encode_records(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [
        {
            "value": encode(record.value),
            "key": encode(record.key),
            "headers": [[key, encode(value)] for key, value in record.headers],
            "timestamp_ms": record.timestamp_ms,
        }
        for record in records
    ]


def decode_consumed(consumed: Sequence[dict[str, Any]]) -> list[Consumed]:
    return [
        Consumed(
            offset=record["offset"],
            timestamp_ms=record["timestamp_ms"],
            value=decode(record["value"]),
            key=decode(record["key"]),
            headers=tuple((key, decode(value)) for key, value in record["headers"]),
        )
        for record in consumed
    ]


def encode_position(start: Position) -> dict[str, Any]:
    match start:
        case FromTimestamp(timestamp_ms):
            return {"timestamp_ms": timestamp_ms}
        case int():
            return {"offset": start}
        case named:
            return {"name": named.value}
