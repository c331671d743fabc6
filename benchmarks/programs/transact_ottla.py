"""The produce loop of Ottla in transactions, which commit after so many records."""

from __future__ import annotations

import uuid

import ottla
from benchmarks.programs.produce_ottla import CONFIG, FLUSH_SECONDS
from benchmarks.programs.stopwatch import Stopwatch
from benchmarks.programs.transaction_program import run


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
    run(plain, in_transactions)
