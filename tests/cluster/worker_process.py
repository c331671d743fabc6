"""A member of a group in a process of its own, from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from clients.group_member import HEARTBEAT_MS, SESSION_MS
from cluster.worker import GIVEN_UP
from interop import kafka

TESTS = Path(__file__).resolve().parent.parent
LEAVE_SECONDS = 60.0
Noted = tuple[int, int, bytes]
"""Partition, offset and value."""


class WorkerProcess:
    """One member and what it has noted; it ends with the block."""

    def __init__(self, kind: str, bootstrap: str, group: str, topic: str, notes: Path) -> None:
        self.kind = kind
        self._notes = notes
        self._log = notes.with_suffix(".log")
        notes.touch()
        with self._log.open("w") as log:
            self._process = self._start(bootstrap, group, topic, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.kill()

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def has_given_up(self) -> bool:
        return self._process.poll() == GIVEN_UP

    def leave(self) -> None:
        """Asks the member to leave; more than one can be asked before they are waited for."""
        if self.kind == "KafkaJsMember":
            # Its `disconnect` does not return any more once the broker was away.
            self.kill()
        else:
            self._process.send_signal(signal.SIGTERM)

    def await_end(self) -> None:
        assert self._process.wait(LEAVE_SECONDS) in self._ends(), self.output()

    def noted(self) -> list[Noted]:
        """All that it was given; not of a line that it was killed in."""
        return [self._row(line) for line in self._notes.read_bytes().split(b"\n")[:-1]]

    def output(self) -> str:
        return f"{self.kind}:\n{self._log.read_text()[-4_000:]}"

    def _start(
        self, bootstrap: str, group: str, topic: str, log: IO[str]
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cluster.worker", self.kind, bootstrap, group, topic]
        return start([*command, str(self._notes)], output=log, log=log)

    def _row(self, line: bytes) -> Noted:
        partition, offset, value = line.split(b" ", 2)
        return int(partition), int(offset), value

    def _ends(self) -> tuple[int, ...]:
        return (-signal.SIGKILL,) if self.kind == "KafkaJsMember" else (0,)


class ConsoleWorkerProcess(WorkerProcess):
    """Kafka's console consumer: it prints what it is given, and commits with its next poll."""

    def _start(
        self, bootstrap: str, group: str, topic: str, log: IO[str]
    ) -> subprocess.Popen[bytes]:
        properties_of: dict[str, dict[str, object]] = {
            "ConsoleMember": {
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": HEARTBEAT_MS,
                "partition.assignment.strategy": (
                    "org.apache.kafka.clients.consumer.RangeAssignor"
                ),
            },
            "ConsoleConsumerMember": {"group.protocol": "consumer"},
        }
        options = [
            *["--bootstrap-server", bootstrap, "--topic", topic, "--group", group],
            *["--command-property", "auto.offset.reset=earliest"],
            *["--command-property", "auto.commit.interval.ms=100"],
            *["--formatter-property", "print.partition=true"],
            *["--formatter-property", "print.offset=true"],
        ]
        for key, value in properties_of[self.kind].items():
            options += ["--command-property", f"{key}={value}"]
        command = kafka.java("org.apache.kafka.tools.consumer.ConsoleConsumer", *options)
        with self._notes.open("w") as output:
            return start(command, output=output, log=log)

    def _row(self, line: bytes) -> Noted:
        partition, offset, value = line.split(b"\t", 2)
        return int(partition.split(b":")[1]), int(offset.split(b":")[1]), value

    def _ends(self) -> tuple[int, ...]:
        # Java's virtual machine ends by the signal after its hooks have run.
        return (0, 128 + signal.SIGTERM)


def start(command: Sequence[str], output: IO[str], log: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=log,
        # A driver in another language dies with its member.
        start_new_session=True,
    )
