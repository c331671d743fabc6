"""Writes each of some keys again and again, for a cleaner that keeps the last of each.

`fill_keys BOOTSTRAP TOPIC RECORDS KEYS VALUE_BYTES`
"""

from __future__ import annotations

import sys

from confluent_kafka import Producer

from benchmarks.programs.stopwatch import Stopwatch

FLUSH_SECONDS = 300.0
POLL_SECONDS = 0.01
# Steps through all keys in an order that is not theirs, whatever their number (a large prime).
STRIDE = 1_000_000_007


def main() -> None:
    bootstrap, topic = sys.argv[1:3]
    records, keys, value_bytes = map(int, sys.argv[3:])
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5})
    value = b"x" * value_bytes
    with Stopwatch() as stopwatch:
        for number in range(records):
            key = f"key-{number * STRIDE % keys:012}".encode()
            while True:
                try:
                    producer.produce(topic, value, key, partition=0)
                    break
                except BufferError:
                    producer.poll(POLL_SECONDS)
        left = producer.flush(FLUSH_SECONDS)
    if left:
        raise SystemExit(f"{left} records were not delivered")
    stopwatch.print_per_record(records)


if __name__ == "__main__":
    main()
