"""Idempotence: what it costs over the same loop without it, in CPU of client and broker.

A loop produces records of 100 B to one partition of an Ottla broker (durability `os`, a new topic
each run) with acks=all, 5 ms of linger and batches of up to 1 MB, as a process of its own; with
`enable.idempotence` and without. confluent-kafka does the same beside it. The clock of the client
covers the loop and the flush at its end; that of the broker runs from before the process to its
end. Runs of the same side differ by more than the limit, so that it takes many of them
(`--runs 25`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most_of

RECORDS = 5_000_000
VALUE_BYTES = 100
LIMIT = 1.03
FIGURE = "CPU of client and broker, us a record"
OURS, OURS_WITHOUT = "Ottla", "Ottla without idempotence"
FOREIGN, FOREIGN_WITHOUT = "confluent-kafka", "confluent-kafka without idempotence"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    records = size.count(RECORDS)
    page_cache.warm(size.scratch, 2 * records * VALUE_BYTES)
    configs = {**brokers.DELETE_AT_ONCE, "ottla.durability": "os"}
    with brokers.ottla(size.scratch / "ottla", configs) as broker:

        def side(name: str, *without: str) -> Run:
            def run() -> dict[str, float]:
                with brokers.fresh_topic(broker) as topic:
                    place = [broker.bootstrap, topic, records, VALUE_BYTES, "no-results"]
                    before = broker.cpu_seconds()
                    produced = program.run(name, *place, *without)
                    of_broker = (broker.cpu_seconds() - before) / records * 1e6
                return {FIGURE: produced["client CPU, us a record"] + of_broker, **produced}

            return run

        yield {
            OURS: side("produce_ottla"),
            OURS_WITHOUT: side("produce_ottla", "no-idempotence"),
            FOREIGN: side("produce_confluent"),
            FOREIGN_WITHOUT: side("produce_confluent", "no-idempotence"),
        }


SCENARIO = Scenario(
    name="idempotence",
    description=__doc__,
    targets=[
        Target("idempotence", f"{LIMIT} of its CPU", at_most_of(FIGURE, OURS, OURS_WITHOUT, LIMIT))
    ],
    sides=sides,
)
