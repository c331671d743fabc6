"""New groups' first messages, with a broker and consumers of Ottla's in this process.

`first_of_group_ottla DATA_DIR GROUPS`
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import ottla

TOPIC = "events"
MESSAGE_SECONDS = 30.0


def main() -> None:
    data_dir, groups = sys.argv[1:]
    with ottla.Broker(data_dir) as broker:
        broker.create_topic(TOPIC, partitions=1)
        with ottla.Producer(broker) as producer:
            producer.send(TOPIC, b"first").result(MESSAGE_SECONDS)
        # The very first group also creates the topic that groups are kept in.
        very_first, *others = [first_ms(broker, f"group-{n}") for n in range(1 + int(groups))]
    figures = {
        "until the first message, ms": statistics.median(others),
        "the same of the broker's very first group, ms": very_first,
    }
    print(json.dumps(figures))


def first_ms(broker: ottla.Broker, group: str) -> float:
    """How long a new group takes."""
    started = time.perf_counter()
    with ottla.Consumer(
        broker, group=group, topics=[TOPIC], auto_offset_reset="earliest"
    ) as consumer:
        message = consumer.poll(MESSAGE_SECONDS)
        elapsed = time.perf_counter() - started
    if message is None:
        raise SystemExit(f"no message came to {group}")
    return elapsed * 1e3


if __name__ == "__main__":
    main()
