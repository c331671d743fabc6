"""Start: from `import ottla` to the first record acknowledged from disk.

One Python process imports the package, starts a broker with its defaults (durability `disk`), and
sends one record; the clock runs from the first line of the program to the acknowledgement. The new
directory is empty. The others hold 6 partitions of 256 MiB each, written with durability `disk` by
a broker that was then stopped in order, or killed with SIGKILL while it still had them open; every
run starts on a fresh copy, synced before.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks import brokers, page_cache, program
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most

TOPIC = "events"
PARTITIONS = 6
PARTITION_BYTES = 256 << 20
LIMIT_MS = 100
FIGURE = "until the record is acknowledged, ms"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    partition_bytes = size.bytes(PARTITION_BYTES)
    # The killed directory, the clean one, and a copy.
    page_cache.warm(size.scratch, 3 * PARTITIONS * partition_bytes)
    killed = _filled(size.scratch / "killed", partition_bytes, kill=True)
    clean = _filled(size.scratch / "clean", partition_bytes, kill=False)
    work = size.scratch / "work"
    yield {
        "new directory": _fresh(work),
        "clean directory": _copied(clean, work),
        "killed directory": _copied(killed, work),
    }


def _filled(data_dir: Path, partition_bytes: int, *, kill: bool) -> Path:
    with brokers.ottla(data_dir) as broker:
        brokers.create_topic(broker, TOPIC, PARTITIONS)
        program.run("fill", broker.bootstrap, TOPIC, PARTITIONS, partition_bytes)
        if kill:
            broker.process.kill()
    return data_dir


def _fresh(work: Path) -> Run:
    numbers = itertools.count()

    def run() -> dict[str, float]:
        data_dir = work.with_name(f"new-{next(numbers)}")
        return program.run("first_acknowledgement", data_dir, TOPIC)

    return run


def _copied(filled: Path, work: Path) -> Run:
    def run() -> dict[str, float]:
        shutil.rmtree(work, ignore_errors=True)
        # Unlike shutil.copytree it keeps holes.
        program.check("cp", "--archive", filled, work)
        os.sync()
        return program.run("first_acknowledgement", work, TOPIC)

    return run


def _target(what: str, side: str) -> Target:
    return Target(what, f"{LIMIT_MS} ms", at_most(FIGURE, side, LIMIT_MS, "ms"))


SCENARIO = Scenario(
    name="start",
    description=__doc__,
    targets=[
        _target("first acknowledged record, new directory", "new directory"),
        _target("the same, directory of a clean run", "clean directory"),
        _target("the same, directory of a killed run", "killed directory"),
    ],
    sides=sides,
)
