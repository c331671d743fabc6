"""New groups' first messages, with confluent-kafka.

`first_of_group_confluent BOOTSTRAP TOPIC GROUPS`
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from confluent_kafka import Consumer, Producer

FLUSH_SECONDS = 30.0
MESSAGE_SECONDS = 30.0


def main() -> None:
    bootstrap, topic, groups = sys.argv[1:]
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, b"first", partition=0)
    if producer.flush(FLUSH_SECONDS):
        raise SystemExit("the record was not delivered")
    times = [first_ms(bootstrap, topic, f"{topic}-{number}") for number in range(int(groups))]
    print(json.dumps({"until the first message, ms": statistics.median(times)}))


def first_ms(bootstrap: str, topic: str, group: str) -> float:
    """How long a new group takes."""
    started = time.perf_counter()
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(MESSAGE_SECONDS)
    elapsed = time.perf_counter() - started
    consumer.close()
    if message is None or message.error():
        raise SystemExit(f"no message came to {group}: {message and message.error()}")
    return elapsed * 1e3


if __name__ == "__main__":
    main()
