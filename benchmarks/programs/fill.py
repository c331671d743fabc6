"""Fills a topic's partitions evenly, for a broker that is to be started on them.

`fill BOOTSTRAP TOPIC PARTITIONS BYTES_PER_PARTITION`
"""

from __future__ import annotations

import sys

from confluent_kafka import Producer

from benchmarks.programs.stopwatch import Stopwatch

FLUSH_SECONDS = 300.0
POLL_SECONDS = 0.01
VALUE = b"x" * 1_024


def main() -> None:
    bootstrap, topic, partitions, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5})
    count = size // len(VALUE)
    with Stopwatch() as stopwatch:
        for _ in range(count):
            for partition in range(partitions):
                while True:
                    try:
                        producer.produce(topic, VALUE, partition=partition)
                        break
                    except BufferError:
                        producer.poll(POLL_SECONDS)
        left = producer.flush(FLUSH_SECONDS)
    if left:
        raise SystemExit(f"{left} records were not delivered")
    stopwatch.print_per_record(count * partitions)


if __name__ == "__main__":
    main()
