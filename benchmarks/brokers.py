"""The brokers that are measured, each a process of its own, and topics in them."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from benchmarks.process import cpu_seconds
from interop import kafka

STOP_SECONDS = 60.0
REPLY_SECONDS = 30.0
# Of syslog's levels, which librdkafka uses.
CRITICAL = 2
# A deleted topic's files go at once, and with them their pages in the cache.
DELETE_AT_ONCE = {"log.segment.delete.delay.ms": "0"}

_numbers = itertools.count()


@dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    bootstrap: str
    process: subprocess.Popen[bytes]
    # By the clock on the wall, which other processes can read too.
    started_unix_s: float

    def cpu_seconds(self) -> float:
        """Processor time since it started."""
        return cpu_seconds(self.process.pid)


@contextlib.contextmanager
def ottla(data_dir: Path, configs: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """`ottla broker` with this interpreter's wheel; `configs` under Kafka's names."""
    port = kafka.free_port()
    overrides = [f"--override={key}={value}" for key, value in (configs or {}).items()]
    where = ["--data-dir", str(data_dir), "--listen", f"127.0.0.1:{port}"]
    with _running([*ottla_command(), "broker", *where, *overrides], port, data_dir) as broker:
        yield broker


@contextlib.contextmanager
def apache_kafka(data_dir: Path, configs: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """Apache Kafka of the version that the tests run against, one node."""
    port = kafka.free_port()
    command = kafka.prepare(port, data_dir, {**DELETE_AT_ONCE, **(configs or {})})
    with _running(command, port, data_dir) as broker:
        yield broker


@contextlib.contextmanager
def both(
    scratch: Path, durability: str, configs: Mapping[str, str] | None = None
) -> Iterator[tuple[Broker, Broker]]:
    """Ottla and Apache Kafka, side by side; `configs` are for both."""
    ours = {**DELETE_AT_ONCE, "ottla.durability": durability, **(configs or {})}
    with (
        ottla(scratch / "ottla", ours) as of_ours,
        apache_kafka(scratch / "kafka", configs) as of_theirs,
    ):
        yield of_ours, of_theirs


def ottla_command() -> list[str]:
    """The command of the wheel: beside the interpreter, or what OTTLA_COMMAND names."""
    return [os.environ.get("OTTLA_COMMAND") or str(Path(sys.executable).with_name("ottla"))]


@contextlib.contextmanager
def fresh_topic(
    broker: Broker, *, partitions: int = 1, configs: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A topic that is deleted when the block ends."""
    name = f"benchmark-{next(_numbers)}"
    create_topic(broker, name, partitions, configs)
    try:
        yield name
    finally:
        # The variable keeps the client alive until the answer is there.
        admin = _admin(broker)
        admin.delete_topics([name])[name].result(REPLY_SECONDS)


def create_topic(
    broker: Broker, name: str, partitions: int, configs: Mapping[str, str] | None = None
) -> None:
    """Makes a topic."""
    topic = NewTopic(name, partitions, replication_factor=1, config=dict(configs or {}))
    admin = _admin(broker)
    admin.create_topics([topic])[name].result(REPLY_SECONDS)


def set_topic_config(broker: Broker, topic: str, key: str, value: str | None) -> None:
    """Changes one of a topic's keys, or takes it back to its default."""
    operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
    entry = ConfigEntry(key, value or "", incremental_operation=operation)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = _admin(broker)
    admin.incremental_alter_configs([resource])[resource].result(REPLY_SECONDS)


def _admin(broker: Broker) -> AdminClient:
    # That a broker goes away at the end is no news.
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": CRITICAL})


@contextlib.contextmanager
def _running(command: list[str], port: int, data_dir: Path) -> Iterator[Broker]:
    log = data_dir.with_suffix(".log")
    with log.open("w") as output:
        started = time.time()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        kafka.await_port(process, port, log)
        yield Broker(f"127.0.0.1:{port}", process, started)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(STOP_SECONDS)
