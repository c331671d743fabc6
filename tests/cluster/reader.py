"""Reads topics to their ends, and notes what it is shown."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

import ottla
from cluster.history import History

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1


def read_to_the_end(
    bootstrap: str, topics: Mapping[str, int], isolation: str, history: History
) -> dict[str, list[str]]:
    """By topic, of so many partitions each: every value, as a consumer from the beginning is shown
    it. No transaction may be open.
    """
    places = {
        f"{topic}-{partition}": (topic, partition)
        for topic, partitions in topics.items()
        for partition in range(partitions)
    }
    asked = history.invoke("end_offsets")
    ends = {name: end_offset(bootstrap, *place) for name, place in places.items()}
    history.ok(asked, {"ends": {"ends": as_list(ends)}})
    positions = dict.fromkeys(places, 0)
    history.position({**positions})
    values: dict[str, list[str]] = {topic: [] for topic in topics}
    deadline = time.monotonic() + WAIT_SECONDS
    assignment = dict.fromkeys(places.values(), "earliest")
    config = {"isolation.level": isolation}
    with ottla.Consumer(bootstrap, assignment=assignment, config=config) as consumer:
        while positions != ends:
            assert time.monotonic() < deadline, f"{positions} are not the ends, {ends}"
            asked = history.invoke({"poll": {"isolation": isolation}})
            batch = next(consumer.batches(timeout=POLL_SECONDS), None)
            records = []
            for message in batch or ():
                value = (message.value or b"").decode()
                values[message.topic].append(value)
                name = f"{message.topic}-{message.partition}"
                records.append({"partition": name, "offset": message.offset, "value": value})
            for name, place in places.items():
                positions[name] = consumer.position(*place) or 0
            polled = {"records": records, "positions": as_list(positions)}
            history.ok(asked, {"polled": polled})
    return values


def as_list(offsets: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"partition": place, "offset": offset} for place, offset in offsets.items()]


def end_offset(bootstrap: str, topic: str, partition: int) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})
    try:
        place = TopicPartition(topic, partition)
        _, end = consumer.get_watermark_offsets(place, WAIT_SECONDS)
        return int(end)
    finally:
        consumer.close()
