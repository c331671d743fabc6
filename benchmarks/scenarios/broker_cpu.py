"""Broker CPU a record of 100 B, against Apache Kafka 4.3.1, with the same C client.

Both brokers run beside each other, and librdkafka (through confluent-kafka) produces to a new topic
of one partition in one of them at a time: acks=all, idempotence, 5 ms of linger, batches of up to 1
MB, acknowledged from the page cache on both sides (`ottla.durability=os`; Kafka's default). Then it
consumes the topic from its beginning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most_of

RECORDS = 3_000_000
VALUE_BYTES = 100
OURS, KAFKA = "Ottla", "Kafka"
PRODUCE, CONSUME = "broker CPU to produce, us a record", "broker CPU to consume, us a record"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    records = size.count(RECORDS)
    page_cache.warm(size.scratch, 4 * records * VALUE_BYTES)
    with brokers.both(size.scratch, durability="os") as (ours, kafka):
        yield {OURS: _side(ours, records), KAFKA: _side(kafka, records)}


def _side(broker: Broker, records: int) -> Run:
    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as topic:
            place = [broker.bootstrap, topic, records]
            before = broker.cpu_seconds()
            produced = program.run("produce_confluent", *place, VALUE_BYTES, "no-results")
            between = broker.cpu_seconds()
            consumed = program.run("consume_confluent", *place)
            after = broker.cpu_seconds()
        return {
            PRODUCE: (between - before) / records * 1e6,
            CONSUME: (after - between) / records * 1e6,
            "produced, records/s": produced["records/s"],
            "consumed, records/s": consumed["records/s"],
        }

    return run


SCENARIO = Scenario(
    name="broker-cpu",
    description=__doc__,
    targets=[
        Target("produce", "half of its CPU", at_most_of(PRODUCE, OURS, KAFKA, 0.5)),
        Target("consume", "half of its CPU", at_most_of(CONSUME, OURS, KAFKA, 0.5)),
    ],
    sides=sides,
)
