"""Commits: acknowledged OffsetCommits/s of 64 connections, one offset each.

`benchmarks/load_generator` opens 64 connections; each commits one offset for a group of its own,
waits for the answer, and commits again, on the same two cores as the broker. Ottla acknowledges
from the disk (durability `disk`). Kafka runs beside it twice: with `flush.messages=1` on
`__consumer_offsets`, which promises the same, and with its default, which acknowledges from the
page cache.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from benchmarks import brokers, load_generator, page_cache
from benchmarks.brokers import Broker
from benchmarks.load_generator import LoadGenerator
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_least

CONNECTIONS = 64
SECONDS = 5
RATE = 10_000
# More than any side was seen to write in a run.
RUN_BYTES = 64 << 20
OFFSETS_TOPIC = "__consumer_offsets"
FIGURE = "commits/s"
OURS, SYNCED, UNSYNCED = "Ottla", "Kafka synced", "Kafka unsynced"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    generator = load_generator.build()
    page_cache.warm(size.scratch, size.bytes(3 * RUN_BYTES))
    seconds = size.seconds(SECONDS)
    with brokers.both(size.scratch, durability="disk") as (ours, kafka):
        side = _side(generator, kafka, seconds)
        # Its topic for offsets is there once a group has been.
        side()

        def synced() -> Mapping[str, float]:
            brokers.set_topic_config(kafka, OFFSETS_TOPIC, "flush.messages", "1")
            try:
                return side()
            finally:
                brokers.set_topic_config(kafka, OFFSETS_TOPIC, "flush.messages", None)

        yield {OURS: _side(generator, ours, seconds), SYNCED: synced, UNSYNCED: side}


def _side(generator: LoadGenerator, broker: Broker, seconds: int) -> Run:
    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as topic:
            before = broker.cpu_seconds()
            loop = generator.run("commit", broker, topic, connections=CONNECTIONS, seconds=seconds)
            used = broker.cpu_seconds() - before
        return {
            FIGURE: loop["acks_per_s"],
            "p50, ms": loop["p50_us"] / 1e3,
            "p99, ms": loop["p99_us"] / 1e3,
            "broker CPU, us a commit": used / max(loop["acks"], 1) * 1e6,
        }

    return run


SCENARIO = Scenario(
    name="commits",
    description=__doc__,
    targets=[
        Target("synced commits", f"{RATE:,} a second", at_least(FIGURE, OURS, RATE, "a second"))
    ],
    sides=sides,
)
