"""The produce loop of confluent-kafka, the way its own examples write it.

`produce_confluent BOOTSTRAP TOPIC RECORDS VALUE_BYTES results|no-results [no-idempotence]`
"""

from __future__ import annotations

import sys
from typing import Any

from confluent_kafka import Producer

from benchmarks.programs.stopwatch import Stopwatch

FLUSH_SECONDS = 120.0
# A record is refused while the queue is full; the poll makes room.
POLL_SECONDS = 0.01
RECORDS_PER_POLL = 1_000

CONFIG = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,
    "batch.size": 1_000_000,
    "batch.num.messages": 100_000,
    "queue.buffering.max.messages": 500_000,
}


def main() -> None:
    bootstrap, topic, count_text, bytes_text, mode, *without = sys.argv[1:]
    count, value = int(count_text), b"x" * int(bytes_text)
    config = {**CONFIG, "enable.idempotence": not without}
    producer = Producer({"bootstrap.servers": bootstrap, **config})
    with_results = mode == "results"
    delivered = 0

    def on_delivery(error: Any, _message: Any) -> None:
        nonlocal delivered
        if error is not None:
            raise SystemExit(f"not delivered: {error}")
        delivered += 1

    with Stopwatch() as stopwatch:
        produce, poll = producer.produce, producer.poll
        for number in range(count):
            while True:
                try:
                    if with_results:
                        produce(topic, value, on_delivery=on_delivery)
                    else:
                        produce(topic, value)
                    break
                except BufferError:
                    poll(POLL_SECONDS)
            if number % RECORDS_PER_POLL == 0:
                poll(0)
        left = producer.flush(FLUSH_SECONDS)
    if left or (with_results and delivered != count):
        raise SystemExit(f"{left} records were left, {delivered} results came")
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
