"""Coordinator restart: from the start of the process to the last group's committed offset.

1,000 groups have committed 100 partitions each, 360 times: 100,000 offsets after 36 million
commits, an hour's worth of 10,000 a second, in requests of 100 partitions. They lie in the 50
partitions of `__consumer_offsets`, compacted: the broker is stopped, in order, when all is clean
but the segments that are written to. Ottla has its defaults (durability `disk`). Kafka, which never
compacts the last 100 MiB of each partition, and so nothing of this, has segments of 1 MiB
(`offsets.topic.segment.bytes`), and otherwise its defaults; it is given a tenth of the commits,
since it takes minutes for them, and its log is the same once it is compacted. Then each run starts
the broker, and stops it in order: the clock runs from the start of the process until every group
has answered OffsetFetch with its last offset; those that are being loaded are asked again every 2
ms. All 100,000 offsets are compared afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import brokers, cleaner_checkpoint, load_generator, page_cache
from benchmarks.brokers import Broker
from benchmarks.load_generator import LoadGenerator
from benchmarks.process import MEBIBYTE, pss_mebibytes
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most

GROUPS = 1_000
PARTITIONS = 100
ROUNDS, KAFKA_ROUNDS, QUICK_ROUNDS = 360, 36, 2
RECORD_BYTES = 120
LIMIT_S = 1.0
CLEAN_SECONDS = 300.0
LOOK_SECONDS = 0.5
TOPIC, OFFSETS_TOPIC, OFFSETS_PARTITIONS = "events", "__consumer_offsets", 50
KAFKA_CONFIGS = {"offsets.topic.segment.bytes": str(MEBIBYTE)}
FIGURE = "until the last group has answered, s"
OURS, KAFKA = "Ottla", "Kafka"

Start = Callable[[Path], AbstractContextManager[Broker]]


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    generator = load_generator.build()
    page_cache.warm(size.scratch, size.bytes(GROUPS * PARTITIONS * ROUNDS * RECORD_BYTES))
    kafka = functools.partial(brokers.apache_kafka, configs=KAFKA_CONFIGS)
    brokers_of: dict[str, tuple[Start, int]] = {
        OURS: (brokers.ottla, ROUNDS),
        KAFKA: (kafka, KAFKA_ROUNDS),
    }
    yield {
        side: _filled(generator, start, rounds, size.scratch / side.lower(), size)
        for side, (start, rounds) in brokers_of.items()
    }


def _filled(generator: LoadGenerator, start: Start, rounds: int, data_dir: Path, size: Size) -> Run:
    """A directory that holds the offsets, and the run that starts a broker on it."""
    offsets = {
        "groups": size.count(GROUPS),
        "partitions": PARTITIONS,
        "rounds": QUICK_ROUNDS if size.is_quick else rounds,
    }
    with start(data_dir) as broker:
        brokers.create_topic(broker, TOPIC, PARTITIONS)
        filled = generator.run("fill-offsets", broker, TOPIC, **offsets)
        print(
            f"   {data_dir.name}: filled with {filled['commits_per_s']:,.0f} commits/s", flush=True
        )
        _await_clean(data_dir)
    logs = data_dir.glob(f"{OFFSETS_TOPIC}-*/*.log")
    log_mebibytes = sum(log.stat().st_size for log in logs) / MEBIBYTE

    def run() -> dict[str, float]:
        with start(data_dir) as broker:
            answered = generator.run("await-offsets", broker, TOPIC, **offsets)
            return {
                FIGURE: answered["answered_unix_s"] - broker.started_unix_s,
                "broker CPU until then and for all offsets, s": broker.cpu_seconds(),
                "memory of the broker, MiB": pss_mebibytes(broker.process.pid),
                "log of the offsets, MiB": log_mebibytes,
            }

    return run


def _await_clean(data_dir: Path) -> None:
    deadline = time.monotonic() + CLEAN_SECONDS
    partitions = range(OFFSETS_PARTITIONS)
    while not all(cleaner_checkpoint.is_clean(data_dir, OFFSETS_TOPIC, p) for p in partitions):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{OFFSETS_TOPIC} is not clean up to its active segments")
        time.sleep(LOOK_SECONDS)


SCENARIO = Scenario(
    name="coordinator-restart",
    description=__doc__,
    targets=[
        Target(
            "restart with 100,000 committed offsets",
            f"{LIMIT_S:.0f} s",
            at_most(FIGURE, OURS, LIMIT_S, "s"),
        )
    ],
    sides=sides,
)
