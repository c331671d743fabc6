"""Produce from Python: CPU of the client a record of 100 B, against confluent-kafka.

Every client is a process of its own and sends to the same Ottla broker (durability `os`, one
partition, a new topic each run) with acks=all, idempotence, 5 ms of linger and batches of up to 1
MB. The clock covers the loop and the flush at its end, not imports nor the connection. "With
results": each record has a delivery callback that counts it. The frame has one binary column of the
same values and is written with one call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most_of

RECORDS = 2_000_000
VALUE_BYTES = 100
FIGURE = "client CPU, us a record"

LOOP, LOOP_RESULTS = "Ottla's loop", "Ottla's loop with results"
FOREIGN, FOREIGN_RESULTS = "confluent-kafka's loop", "confluent-kafka's loop with results"
FRAME = "frame"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    records = size.count(RECORDS)
    page_cache.warm(size.scratch, 2 * records * VALUE_BYTES)
    configs = {**brokers.DELETE_AT_ONCE, "ottla.durability": "os"}
    with brokers.ottla(size.scratch / "ottla", configs) as broker:

        def side(name: str, *mode: str) -> Run:
            def run() -> dict[str, float]:
                with brokers.fresh_topic(broker) as topic:
                    return program.run(name, broker.bootstrap, topic, records, VALUE_BYTES, *mode)

            return run

        yield {
            LOOP: side("produce_ottla", "no-results"),
            FOREIGN: side("produce_confluent", "no-results"),
            LOOP_RESULTS: side("produce_ottla", "results"),
            FOREIGN_RESULTS: side("produce_confluent", "results"),
            FRAME: side("write_frame"),
        }


SCENARIO = Scenario(
    name="produce",
    description=__doc__,
    targets=[
        Target("produce loop", "1 of its CPU", at_most_of(FIGURE, LOOP, FOREIGN, 1)),
        Target(
            "produce loop with delivery result",
            "0.7 of its CPU",
            at_most_of(FIGURE, LOOP_RESULTS, FOREIGN_RESULTS, 0.7),
        ),
        Target("frame to topic", "0.2 of its CPU", at_most_of(FIGURE, FRAME, FOREIGN, 0.2)),
    ],
    sides=sides,
)
