"""The produce loop of confluent-kafka in transactions, which commit after so many records."""

from __future__ import annotations

import uuid

from confluent_kafka import Producer

from benchmarks.programs.produce_confluent import CONFIG, FLUSH_SECONDS, POLL_SECONDS
from benchmarks.programs.stopwatch import Stopwatch
from benchmarks.programs.transaction_program import run


def plain(bootstrap: str, topic: str, count: int, value: bytes) -> None:
    """All records, and one wait at the end."""
    producer = Producer({"bootstrap.servers": bootstrap, **CONFIG})
    with Stopwatch() as stopwatch:
        for _ in range(count):
            produce(producer, topic, value)
        left = producer.flush(FLUSH_SECONDS)
    if left:
        raise SystemExit(f"{left} records were left")
    stopwatch.print_per_record(count)


def in_transactions(
    bootstrap: str, topic: str, count: int, value: bytes, per_transaction: int
) -> None:
    """Each transaction is committed before the next begins."""
    identity = uuid.uuid4().hex
    config = {"bootstrap.servers": bootstrap, "transactional.id": identity, **CONFIG}
    producer = Producer(config)
    producer.init_transactions(FLUSH_SECONDS)
    with Stopwatch() as stopwatch:
        for _ in range(count // per_transaction):
            producer.begin_transaction()
            for _ in range(per_transaction):
                produce(producer, topic, value)
            producer.commit_transaction(FLUSH_SECONDS)
    stopwatch.print_per_record(count)


def produce(producer: Producer, topic: str, value: bytes) -> None:
    """One record; while the queue is full, there is a wait for room."""
    while True:
        try:
            producer.produce(topic, value)
        except BufferError:
            producer.poll(POLL_SECONDS)
        else:
            return


if __name__ == "__main__":
    run(plain, in_transactions)
