"""Rebalance: how long 99 members take to settle after the hundredth has left.

`benchmarks/load_generator` runs a group of 100 members on a topic of 400 partitions, each member a
connection and a thread that does no more than the protocol asks of it: what a client library does
between two answers (librdkafka has timers of its own, and calls the program back) would be measured
instead of the broker, and would differ with the library. Heartbeats are 200 ms apart: in the
classic protocol as the members please, in that of KIP-848 as the broker says, whose minimums are
lowered for that (`group.consumer.min.heartbeat.interval.ms`,
`group.consumer.min.assignment.interval.ms`; `group.consumer.assignment.interval.ms` is 0). The
clock runs from the moment in which a member is told to leave until the others are all in one later
generation, or epoch, and have every partition once. A run has five leaves, with a new member
between each two, and counts the median. Groups do not wait for further members at their start.
Ottla has durability `disk`; Kafka acknowledges from the page cache.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, load_generator
from benchmarks.brokers import Broker
from benchmarks.load_generator import LoadGenerator
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most

MEMBERS, QUICK_MEMBERS = 100, 10
PARTITIONS_EACH = 4
LEAVES = 5
LIMIT_MS = 1_000
CONFIGS = {
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.min.heartbeat.interval.ms": "200",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.min.assignment.interval.ms": "0",
    "group.consumer.assignment.interval.ms": "0",
}
FIGURE = "settled after one has left, ms"
OURS, KAFKA = "Ottla", "Kafka"
CLASSIC, CONSUMER = "classic", "consumer"


def _of(side: str, protocol: str) -> str:
    return f"{side}, {protocol}"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    generator = load_generator.build()
    members = QUICK_MEMBERS if size.is_quick else MEMBERS
    with brokers.both(size.scratch, "disk", CONFIGS) as (ours, kafka):
        yield {
            _of(side, protocol): _side(generator, broker, protocol, members)
            for protocol in (CLASSIC, CONSUMER)
            for side, broker in ((OURS, ours), (KAFKA, kafka))
        }


def _side(generator: LoadGenerator, broker: Broker, protocol: str, members: int) -> Run:
    partitions = members * PARTITIONS_EACH

    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker, partitions=partitions) as topic:
            before = broker.cpu_seconds()
            times = generator.run(
                "rebalance",
                broker,
                topic,
                partitions=partitions,
                protocol=protocol,
                members=members,
                leaves=LEAVES,
            )
            used = broker.cpu_seconds() - before
        return {
            FIGURE: times["after_leave_ms"],
            "settled after one has joined, ms": times["after_join_ms"],
            "settled after all have joined at once, ms": times["first_ms"],
            "broker CPU of the run, ms": used * 1e3,
        }

    return run


def _target(what: str, protocol: str) -> Target:
    judge = at_most(FIGURE, _of(OURS, protocol), LIMIT_MS, "ms")
    return Target(what, f"{LIMIT_MS} ms", judge)


SCENARIO = Scenario(
    name="rebalance",
    description=__doc__,
    targets=[
        _target("100 members settle after one leaves, classic protocol", CLASSIC),
        _target("the same, protocol of KIP-848", CONSUMER),
    ],
    sides=sides,
)
