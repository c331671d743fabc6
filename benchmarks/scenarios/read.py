"""Topic to Polars: CPU of the client a record of 100 B, against confluent-kafka and Polars by hand.

One topic of one partition in an Ottla broker, filled once. Ottla's side is
`ottla.read(...).to_polars()`. The other consumes lists of 10,000 messages and builds a frame of
key, value, partition, offset and timestamp from each, then concatenates them. The clock covers the
connection, not the imports.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.scenario import Scenario, Sides, Size, Target, at_most_of

RECORDS = 2_000_000
VALUE_BYTES = 100
OURS, FOREIGN = "ottla.read", "confluent-kafka + Polars"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    records = size.count(RECORDS)
    page_cache.warm(size.scratch, 2 * records * VALUE_BYTES)
    with (
        brokers.ottla(size.scratch / "ottla", {"ottla.durability": "os"}) as broker,
        brokers.fresh_topic(broker) as topic,
    ):
        place = [broker.bootstrap, topic, records]
        program.run("produce_confluent", *place, VALUE_BYTES, "no-results")
        yield {
            OURS: lambda: program.run("frame_ottla", *place),
            FOREIGN: lambda: program.run("frame_confluent", *place),
        }


SCENARIO = Scenario(
    name="read",
    description=__doc__,
    targets=[
        Target(
            "topic to Polars",
            "1/8 of its CPU",
            at_most_of("client CPU, us a record", OURS, FOREIGN, 1 / 8),
        )
    ],
    sides=sides,
)
