"""The produce loop of Ottla.

`produce_ottla BOOTSTRAP TOPIC RECORDS VALUE_BYTES results|no-results [no-idempotence]`
"""

from __future__ import annotations

import sys

import ottla
from benchmarks.programs.stopwatch import Stopwatch

FLUSH_SECONDS = 120.0
# acks=all and idempotence are the defaults.
CONFIG = {"linger.ms": 5, "batch.size": 1_000_000}


def main() -> None:
    bootstrap, topic, count_text, bytes_text, mode, *without = sys.argv[1:]
    count, value = int(count_text), b"x" * int(bytes_text)
    config = {**CONFIG, "enable.idempotence": not without}
    delivered = 0

    def on_delivery(delivery: ottla.Delivery) -> None:
        nonlocal delivered
        error = delivery.error
        if error is not None:
            raise error
        delivered += 1

    with ottla.Producer(bootstrap, config=config) as producer, Stopwatch() as stopwatch:
        produce = producer.produce
        if mode == "results":
            for _ in range(count):
                produce(topic, value, on_delivery=on_delivery)
        else:
            for _ in range(count):
                produce(topic, value)
        producer.flush(FLUSH_SECONDS)
    if mode == "results" and delivered != count:
        raise SystemExit(f"{delivered} results came for {count} records")
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
