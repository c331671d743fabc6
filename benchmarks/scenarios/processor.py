"""Exactly once from topic to topic: records/s of 100 B, consumed, processed and produced.

One partition each, on the same Ottla broker (durability `os`), each client a process of its own on
the same two cores. Ottla's Processor takes frames and writes frames, one transaction a batch;
confluent-kafka takes lists of 10,000 messages and produces one by one, one transaction a list, on
the same broker and on Apache Kafka beside it. The clock covers joining the group.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_least

RECORDS, FOREIGN_RECORDS = 10_000_000, 1_000_000
VALUE_BYTES = 100
RATE = 1_000_000
CONFIGS = {"group.initial.rebalance.delay.ms": "0"}
FIGURE = "records/s"
OURS, FOREIGN, KAFKA = "Ottla's Processor", "confluent-kafka", "confluent-kafka on Kafka"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    many, some = size.count(RECORDS), size.count(FOREIGN_RECORDS)
    page_cache.warm(size.scratch, 2 * (many + 2 * some) * VALUE_BYTES)
    with contextlib.ExitStack() as stack:
        both = brokers.both(size.scratch, durability="os", configs=CONFIGS)
        ours, kafka = stack.enter_context(both)
        yield {
            side: _side(stack, broker, name, records)
            for side, broker, name, records in (
                (OURS, ours, "process_ottla", many),
                (FOREIGN, ours, "process_confluent", some),
                (KAFKA, kafka, "process_confluent", some),
            )
        }


def _side(stack: contextlib.ExitStack, broker: Broker, name: str, records: int) -> Run:
    """A source that is filled once, and the run that processes it into a new topic."""
    source = stack.enter_context(brokers.fresh_topic(broker))
    program.run("produce_confluent", broker.bootstrap, source, records, VALUE_BYTES, "no-results")

    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as target:
            before = broker.cpu_seconds()
            figures = program.run(name, broker.bootstrap, source, target, records)
            used = broker.cpu_seconds() - before
        return {**figures, "broker CPU, us a record": used / records * 1e6}

    return run


SCENARIO = Scenario(
    name="processor",
    description=__doc__,
    targets=[Target(OURS, f"{RATE:,} records/s", at_least(FIGURE, OURS, RATE, "records/s"))],
    sides=sides,
)
