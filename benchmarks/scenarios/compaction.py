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

from benchmarks import brokers, cleaner_checkpoint, page_cache, program
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
    *sealed, _ = sorted((data_dir / f"{topic}-0").glob("*.log"))
    sealed_bytes = sum(path.stat().st_size for path in sealed)
    pid = broker.process.pid
    before = highest = pss_mebibytes(pid)
    cpu = -broker.cpu_seconds()
    started = time.perf_counter()
    brokers.set_topic_config(broker, topic, "cleanup.policy", "compact")
    while not cleaner_checkpoint.is_clean(data_dir, topic, 0):
        if time.perf_counter() - started > WAIT_SECONDS:
            raise TimeoutError(f"{topic} is not clean up to its active segment")
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
