"""Consume, transform, produce, exactly once, with confluent-kafka, one transaction a list.

`process_confluent BOOTSTRAP SOURCE TARGET RECORDS`
"""

from __future__ import annotations

import sys
import uuid

from confluent_kafka import Consumer, Producer

from benchmarks.programs.produce_confluent import CONFIG, FLUSH_SECONDS
from benchmarks.programs.stopwatch import Stopwatch
from benchmarks.programs.transact_confluent import produce

MESSAGES_PER_CALL = 10_000
SILENCE_SECONDS = 30.0


def main() -> None:
    bootstrap, source, target, count_text = sys.argv[1:]
    count, processed = int(count_text), 0
    identity = uuid.uuid4().hex
    servers = {"bootstrap.servers": bootstrap}
    consumer = Consumer(
        {
            **servers,
            "group.id": identity,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    producer = Producer({**servers, "transactional.id": identity, **CONFIG})
    producer.init_transactions(FLUSH_SECONDS)
    with Stopwatch() as stopwatch:
        consumer.subscribe([source])
        while processed < count:
            messages = consumer.consume(MESSAGES_PER_CALL, timeout=SILENCE_SECONDS)
            if not messages:
                raise SystemExit(f"{processed} of {count} records were processed")
            producer.begin_transaction()
            for message in messages:
                produce(producer, target, message.value())
            positions = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
            producer.commit_transaction(FLUSH_SECONDS)
            processed += len(messages)
    consumer.close()
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
