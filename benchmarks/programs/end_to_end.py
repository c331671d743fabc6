"""Latency from `produce` in one process to the message in another, with confluent-kafka.

`end_to_end BOOTSTRAP TOPIC RECORDS_PER_SECOND SECONDS`. Each record carries the time at which it
was produced, by the machine's monotonic clock. The first second is not counted.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time

VALUE_BYTES = 100
SILENCE_SECONDS = 30.0
FLUSH_SECONDS = 30.0
WARM_UP_SECONDS = 1
CLOCK = struct.Struct(">q")


def main() -> None:
    bootstrap, topic, rate, seconds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    # Before the library has threads.
    producer = os.fork()
    if producer == 0:
        produce(bootstrap, topic, rate, rate * (seconds + WARM_UP_SECONDS))
        return
    latencies = consume(bootstrap, topic, rate * (seconds + WARM_UP_SECONDS))
    _, status = os.waitpid(producer, 0)
    if status != 0:
        raise SystemExit("the producer failed")
    latencies = sorted(latencies[rate * WARM_UP_SECONDS :])
    figures = {
        "p50, ms": latencies[len(latencies) // 2] / 1e6,
        "p99, ms": latencies[len(latencies) * 99 // 100] / 1e6,
    }
    print(json.dumps(figures))


def produce(bootstrap: str, topic: str, rate: int, count: int) -> None:
    """Sends at an even pace, one record at a time."""
    from confluent_kafka import Producer  # noqa: PLC0415

    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 0})
    padding = b"x" * (VALUE_BYTES - CLOCK.size)
    started = time.monotonic()
    for number in range(count):
        time.sleep(max(started + number / rate - time.monotonic(), 0))
        producer.produce(topic, CLOCK.pack(time.monotonic_ns()) + padding)
        producer.poll(0)
    if producer.flush(FLUSH_SECONDS):
        raise SystemExit("not every record was delivered")


def consume(bootstrap: str, topic: str, count: int) -> list[int]:
    """The latency of each record, in nanoseconds."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415

    config = {"bootstrap.servers": bootstrap, "group.id": "benchmark", "enable.auto.commit": False}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    latencies: list[int] = []
    while len(latencies) < count:
        message = consumer.poll(SILENCE_SECONDS)
        if message is None or message.error():
            raise SystemExit(f"{len(latencies)} of {count} records came: {message}")
        (produced_ns,) = CLOCK.unpack_from(message.value())
        latencies.append(time.monotonic_ns() - produced_ns)
    consumer.close()
    return latencies


if __name__ == "__main__":
    main()
