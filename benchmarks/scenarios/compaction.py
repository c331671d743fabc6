"""Compaction: how fast a log is cleaned, for how much memory, against Apache Kafka's cleaner.

A topic of one partition is filled with 512 MiB: records of 1,000 B, every key ten times, segments
of 64 MiB. Then its `cleanup.policy` becomes `compact`, with a cleaner that looks for work every 100
ms; otherwise cleaners have their defaults, one thread and at most 128 MiB for keys. The clock runs
from there until `cleaner-offset-checkpoint`, which both write, says that all but the active segment
is clean. Speed is that of the log as it was before. Memory is the proportional set size of the
broker's process, the highest of one look every 20 ms; what is added counts from before the change.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from benchmarks import brokers, page_cache, program
from benchmarks.process import MEBIBYTE, pss_mebibytes
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_least_times, at_most_of

LOG_BYTES = 512 << 20
SEGMENT_BYTES = 64 << 20
VALUE_BYTES = 1_000
RECORDS_PER_KEY = 10
WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.02
CONFIGS = {"log.cleaner.backoff.ms": "100"}
OURS, KAFKA = "Ottla", "Apache Kafka"
SPEED, ADDED = "log cleaned, MiB/s", "memory added while cleaning, MiB"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    ours, theirs = size.scratch / "ottla", size.scratch / "kafka"
    page_cache.warm(size.scratch, 3 * size.bytes(LOG_BYTES))
    durability = {"ottla.durability": "os"}
    with (
        brokers.ottla(ours, {**brokers.DELETE_AT_ONCE, **CONFIGS, **durability}) as ottla,
        brokers.apache_kafka(theirs, CONFIGS) as kafka,
    ):
        yield {OURS: _cleaned(ottla, ours, size), KAFKA: _cleaned(kafka, theirs, size)}


def _cleaned(broker: brokers.Broker, data_dir: Path, size: Size) -> Run:
    records = size.bytes(LOG_BYTES) // VALUE_BYTES
    segment_bytes = max(size.bytes(SEGMENT_BYTES), MEBIBYTE)
    configs = {
        "cleanup.policy": "delete",
        "min.cleanable.dirty.ratio": "0.01",
        "segment.bytes": str(segment_bytes),
    }

    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker, configs=configs) as topic:
            keys = max(records // RECORDS_PER_KEY, 1)
            program.run("fill_keys", broker.bootstrap, topic, records, keys, VALUE_BYTES)
            return _measure(broker, data_dir, topic)

    return run


def _measure(broker: brokers.Broker, data_dir: Path, topic: str) -> dict[str, float]:
    *sealed, active = sorted((data_dir / f"{topic}-0").glob("*.log"))
    sealed_bytes = sum(path.stat().st_size for path in sealed)
    end = int(active.stem)
    pid = broker.process.pid
    before = highest = pss_mebibytes(pid)
    cpu = -broker.cpu_seconds()
    started = time.perf_counter()
    _compact(broker, topic)
    while _cleaned_up_to(data_dir, topic) < end:
        if time.perf_counter() - started > WAIT_SECONDS:
            raise TimeoutError(f"{topic} is not clean up to {end}")
        time.sleep(LOOK_SECONDS)
        highest = max(highest, pss_mebibytes(pid))
    elapsed = time.perf_counter() - started
    cpu += broker.cpu_seconds()
    return {
        SPEED: sealed_bytes / MEBIBYTE / elapsed,
        "broker CPU, s a GiB": cpu / (sealed_bytes / (1 << 30)),
        "memory while cleaning, MiB": highest,
        ADDED: highest - before,
    }


def _compact(broker: brokers.Broker, topic: str) -> None:
    entry = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    # The variable keeps the client alive until the answer is there.
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(brokers.REPLY_SECONDS)


def _cleaned_up_to(data_dir: Path, topic: str) -> int:
    """What the file says: `topic partition offset` in each line behind two of its head."""
    try:
        lines = (data_dir / "cleaner-offset-checkpoint").read_text().splitlines()[2:]
    except FileNotFoundError:
        return -1
    fields = [line.split() for line in lines]
    return max((int(offset) for name, _, offset in fields if name == topic), default=-1)


SCENARIO = Scenario(
    name="compaction",
    description=__doc__,
    targets=[
        Target(
            "speed of the cleaner",
            "that of Kafka's",
            at_least_times(SPEED, OURS, {KAFKA: 1.0}),
        ),
        Target(
            "memory that cleaning takes",
            "no more than the whole of Kafka's broker",
            at_most_of("memory while cleaning, MiB", OURS, KAFKA, 1.0),
        ),
    ],
    sides=sides,
)
