"""Closed loop: acknowledgements/s of 64 connections with one record of 1 KiB each, synced.

`benchmarks/load_generator` opens 64 connections; each sends one Produce of one record with
acks=all, waits for the answer, and sends the next. Ottla acknowledges from the disk (durability
`disk`). Kafka runs beside it twice: with `flush.messages=1`, which promises the same, and with its
default, which acknowledges from the page cache. Each run has a new topic, of one partition or of
64, one for each connection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from benchmarks import brokers, load_generator, page_cache
from benchmarks.brokers import Broker
from benchmarks.load_generator import LoadGenerator
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_least_times

CONNECTIONS = 64
RECORD_BYTES = 1_024
SECONDS = 5
# More than any side was seen to write in a run.
RUN_BYTES = 512 << 20
FIGURE = "acks/s"

OURS, SYNCED, UNSYNCED = "Ottla", "Kafka synced", "Kafka unsynced"


def _over(side: str, partitions: int) -> str:
    return f"{side}, {partitions} partition{'s' if partitions > 1 else ''}"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    generator = load_generator.build()
    page_cache.warm(size.scratch, size.bytes(2 * RUN_BYTES))
    with brokers.both(size.scratch, durability="disk") as (ours, kafka):

        def side(broker: Broker, partitions: int, configs: Mapping[str, str]) -> Run:
            def run() -> dict[str, float]:
                with brokers.fresh_topic(broker, partitions=partitions, configs=configs) as topic:
                    return _load(generator, broker, topic, partitions, size.seconds(SECONDS))

            return run

        yield {
            _over(OURS, 1): side(ours, 1, {}),
            _over(SYNCED, 1): side(kafka, 1, {"flush.messages": "1"}),
            _over(UNSYNCED, 1): side(kafka, 1, {}),
            _over(OURS, CONNECTIONS): side(ours, CONNECTIONS, {}),
            _over(SYNCED, CONNECTIONS): side(kafka, CONNECTIONS, {"flush.messages": "1"}),
            _over(UNSYNCED, CONNECTIONS): side(kafka, CONNECTIONS, {}),
        }


def _load(
    generator: LoadGenerator, broker: Broker, topic: str, partitions: int, seconds: int
) -> dict[str, float]:
    before = broker.cpu_seconds()
    loop = generator.run(
        "produce",
        broker,
        topic,
        partitions=partitions,
        connections=CONNECTIONS,
        record_bytes=RECORD_BYTES,
        seconds=seconds,
    )
    used = broker.cpu_seconds() - before
    return {
        FIGURE: loop["acks_per_s"],
        "p50, ms": loop["p50_us"] / 1e3,
        "p99, ms": loop["p99_us"] / 1e3,
        "broker CPU, us an ack": used / max(loop["acks"], 1) * 1e6,
    }


SCENARIO = Scenario(
    name="closed-loop",
    description=__doc__,
    targets=[
        Target(
            "one partition",
            "20 times Kafka synced, no less than Kafka unsynced",
            at_least_times(FIGURE, _over(OURS, 1), {_over(SYNCED, 1): 20, _over(UNSYNCED, 1): 1}),
        ),
        Target(
            f"{CONNECTIONS} partitions",
            "no less than Kafka unsynced",
            at_least_times(FIGURE, _over(OURS, CONNECTIONS), {_over(UNSYNCED, CONNECTIONS): 1}),
        ),
    ],
    sides=sides,
)
