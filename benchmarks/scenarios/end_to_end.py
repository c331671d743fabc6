"""End to end at 1,000 records/s, against Apache Kafka 4.3.1, with the same C client.

Two processes with confluent-kafka: one produces records of 100 B at an even pace (acks=all, linger
0), the other consumes them; latency is from the call of `produce` to the message in the consumer's
hands. Both brokers run beside each other and acknowledge from the page cache; one at a time is
loaded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most_of

RATE = 1_000
SECONDS = 8
RUN_BYTES = 16 << 20
OURS, KAFKA = "Ottla", "Kafka"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    page_cache.warm(size.scratch, 2 * RUN_BYTES)
    seconds = size.seconds(SECONDS)
    with brokers.both(size.scratch, durability="os") as (ours, kafka):
        yield {OURS: _side(ours, seconds), KAFKA: _side(kafka, seconds)}


def _side(broker: Broker, seconds: int) -> Run:
    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as topic:
            before = broker.cpu_seconds()
            figures = program.run("end_to_end", broker.bootstrap, topic, RATE, seconds)
            used = broker.cpu_seconds() - before
        return {**figures, "broker CPU, us a record": used / (RATE * seconds) * 1e6}

    return run


SCENARIO = Scenario(
    name="end-to-end",
    description=__doc__,
    targets=[Target("p50", "no more than Kafka's", at_most_of("p50, ms", OURS, KAFKA, 1))],
    sides=sides,
)
