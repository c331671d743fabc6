"""Consumes a topic with Ottla, by assignment or as the only member of a new group.

`consume_ottla BOOTSTRAP TOPIC RECORDS assignment|group batches|messages`
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator

import ottla
from benchmarks.programs.stopwatch import Stopwatch

SILENCE_SECONDS = 30.0
# A run takes seconds: what groups do every few of them happens often enough.
OFTEN = {"auto.commit.interval.ms": 100, "heartbeat.interval.ms": 100}


def main() -> None:
    bootstrap, topic, count_text, how, shape = sys.argv[1:]
    count = int(count_text)
    read = {"batches": batches, "messages": messages}[shape]
    received = 0
    with Stopwatch() as stopwatch, consumer(bootstrap, topic, how) as opened:
        for records in read(opened):
            received += records
            if received >= count:
                break
    if received != count:
        raise SystemExit(f"{received} of {count} records came")
    stopwatch.print_per_record(received)


def consumer(bootstrap: str, topic: str, how: str) -> ottla.Consumer:
    """One that reads partition 0 from its beginning."""
    if how == "assignment":
        return ottla.Consumer(bootstrap, assignment={(topic, 0): "earliest"})
    return ottla.Consumer(
        bootstrap,
        group=uuid.uuid4().hex,
        topics=[topic],
        auto_offset_reset="earliest",
        config=OFTEN,
    )


def batches(consumer: ottla.Consumer) -> Iterator[int]:
    """How many records each batch has."""
    for batch in consumer.batches(timeout=SILENCE_SECONDS):
        yield len(batch)


def messages(consumer: ottla.Consumer) -> Iterator[int]:
    """One for each message."""
    while consumer.poll(SILENCE_SECONDS) is not None:
        yield 1


if __name__ == "__main__":
    main()
