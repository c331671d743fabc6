"""Consumes a topic with confluent-kafka, in lists of messages, without looking into them.

`consume_confluent BOOTSTRAP TOPIC RECORDS`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.programs.stopwatch import Stopwatch

MESSAGES_PER_CALL = 10_000
SILENCE_SECONDS = 30.0


def main() -> None:
    bootstrap, topic, count_text = sys.argv[1:]
    with Stopwatch() as stopwatch:
        received = sum(
            len(messages) for messages in message_lists(bootstrap, topic, int(count_text))
        )
    stopwatch.print_per_record(received)


def message_lists(bootstrap: str, topic: str, count: int) -> Iterator[list[Any]]:
    """All messages of partition 0, up to `count`."""
    config = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
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
