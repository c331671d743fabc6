"""Group consumption: what it costs over assignment, in CPU of client and broker.

A topic of one partition in an Ottla broker, filled once with records of 100 B. It is consumed from
its beginning, each time by a process of its own: by a consumer that is assigned the partition and
commits nothing, and by one that is the only member of a new group, with heartbeats and automatic
commits. Since a run takes seconds, both are 100 ms apart instead of 3 s and 5 s. Ottla's client
takes batches of up to 50,000 records, or single messages; confluent-kafka, beside it for
comparison, lists of up to 10,000 messages. The clock of the client covers making the consumer and
closing it; that of the broker runs from before the process to its end. The broker does not wait for
further members of a new group. Runs of the same side differ by more than the limit, so that it
takes many of them (`--runs 25`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most_of

BATCH_RECORDS = 10_000_000
MESSAGE_RECORDS = 2_000_000
FOREIGN_RECORDS = 500_000
VALUE_BYTES = 100
LIMIT = 1.05
CONFIGS = {"ottla.durability": "os", "group.initial.rebalance.delay.ms": "0"}
FIGURE = "CPU of client and broker, us a record"
ASSIGNED, GROUP = "assignment", "group"
BATCHES, MESSAGES, FOREIGN = "Ottla's batches", "Ottla's messages", "confluent-kafka"


def _by(what: str, how: str) -> str:
    return f"{what}, {how}"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    many, some = size.count(BATCH_RECORDS), size.count(MESSAGE_RECORDS)
    fewer = size.count(FOREIGN_RECORDS)
    page_cache.warm(size.scratch, 2 * (many + some) * VALUE_BYTES)
    with (
        brokers.ottla(size.scratch / "ottla", CONFIGS) as broker,
        brokers.fresh_topic(broker) as long,
        brokers.fresh_topic(broker) as short,
    ):
        for topic, records in ((long, many), (short, some)):
            place = [broker.bootstrap, topic, records]
            program.run("produce_confluent", *place, VALUE_BYTES, "no-results")
        yield {
            _by(what, how): _side(broker, name, topic, records, how, *shape)
            for what, name, topic, records, shape in (
                (BATCHES, "consume_ottla", long, many, ["batches"]),
                (MESSAGES, "consume_ottla", short, some, ["messages"]),
                (FOREIGN, "consume_confluent", short, fewer, []),
            )
            for how in (ASSIGNED, GROUP)
        }


def _side(broker: Broker, name: str, topic: str, records: int, *arguments: str) -> Run:
    def run() -> dict[str, float]:
        before = broker.cpu_seconds()
        consumed = program.run(name, broker.bootstrap, topic, records, *arguments)
        of_broker = (broker.cpu_seconds() - before) / records * 1e6
        return {FIGURE: consumed["client CPU, us a record"] + of_broker, **consumed}

    return run


def _target(what: str) -> Target:
    judge = at_most_of(FIGURE, _by(what, GROUP), _by(what, ASSIGNED), LIMIT)
    return Target(f"{what} in a group", f"{LIMIT} of its CPU by assignment", judge)


SCENARIO = Scenario(
    name="group-cost",
    description=__doc__,
    targets=[_target(BATCHES), _target(MESSAGES)],
    sides=sides,
)
