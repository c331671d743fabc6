"""Consumes a topic with confluent-kafka, in lists of messages, without looking into them.

`consume_confluent BOOTSTRAP TOPIC RECORDS [assignment|group]`; a group is a new one, of which it is
the only member.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.programs.stopwatch import Stopwatch

MESSAGES_PER_CALL = 10_000
SILENCE_SECONDS = 30.0
# A run takes seconds: what groups do every few of them happens often enough.
OFTEN = {"auto.commit.interval.ms": 100, "heartbeat.interval.ms": 100}


def main() -> None:
    bootstrap, topic, count_text, *how = sys.argv[1:]
    read = message_lists_of_group if how == ["group"] else message_lists
    with Stopwatch() as stopwatch:
        received = sum(len(messages) for messages in read(bootstrap, topic, int(count_text)))
    stopwatch.print_per_record(received)


def message_lists(bootstrap: str, topic: str, count: int) -> Iterator[list[Any]]:
    """All messages of partition 0, up to `count`."""
    config = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    yield from _received(consumer, count)


def message_lists_of_group(bootstrap: str, topic: str, count: int) -> Iterator[list[Any]]:
    """The same, as the only member of a new group."""
    group = {"group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest", **OFTEN}
    consumer = Consumer({"bootstrap.servers": bootstrap, **group})
    consumer.subscribe([topic])
    yield from _received(consumer, count)


def _received(consumer: Consumer, count: int) -> Iterator[list[Any]]:
    received = 0
    while received < count:
        wanted = min(MESSAGES_PER_CALL, count - received)
        messages = consumer.consume(wanted, timeout=SILENCE_SECONDS)
        if not messages:
            raise SystemExit(f"{received} of {count} records came")
        for message in messages:
            if message.error():
                raise SystemExit(f"not consumed: {message.error()}")
        received += len(messages)
        yield messages
    consumer.close()


if __name__ == "__main__":
    main()
