"""The produce loop of Ottla in transactions, which commit after so many records.

`transact_ottla BOOTSTRAP TOPIC RECORDS VALUE_BYTES RECORDS_PER_TRANSACTION`; a transaction of none
is no transaction: the same loop, plain.
"""

from __future__ import annotations

import sys
import uuid

import ottla
from benchmarks.programs.produce_ottla import CONFIG, FLUSH_SECONDS
from benchmarks.programs.stopwatch import Stopwatch


def main() -> None:
    bootstrap, topic, count_text, bytes_text, per_text = sys.argv[1:]
    count, value, per_transaction = int(count_text), b"x" * int(bytes_text), int(per_text)
    if per_transaction == 0:
        plain(bootstrap, topic, count, value)
    else:
        in_transactions(bootstrap, topic, count, value, per_transaction)


def plain(bootstrap: str, topic: str, count: int, value: bytes) -> None:
    """All records, and one wait at the end."""
    with ottla.Producer(bootstrap, config=CONFIG) as producer, Stopwatch() as stopwatch:
        produce = producer.produce
        for _ in range(count):
            produce(topic, value)
        producer.flush(FLUSH_SECONDS)
    stopwatch.print_per_record(count)


def in_transactions(
    bootstrap: str, topic: str, count: int, value: bytes, per_transaction: int
) -> None:
    """Each transaction is committed before the next begins."""
    identity = uuid.uuid4().hex
    with ottla.Producer(bootstrap, transactional_id=identity, config=CONFIG) as producer:
        producer.init_transactions()
        with Stopwatch() as stopwatch:
            produce = producer.produce
            for _ in range(count // per_transaction):
                with producer.transaction():
                    for _ in range(per_transaction):
                        produce(topic, value)
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
