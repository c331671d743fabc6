"""Reads topics from their beginnings on, and notes what it is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Self

from confluent_kafka import Consumer, TopicPartition

import ottla
from cluster.history import History

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.01


class Reader:
    """A consumer of all partitions of topics that have so many each."""

    def __init__(
        self, bootstrap: str, topics: Mapping[str, int], isolation: str, history: History
    ) -> None:
        self._places = {
            f"{topic}-{partition}": (topic, partition)
            for topic, partitions in topics.items()
            for partition in range(partitions)
        }
        self._isolation, self._history = isolation, history
        self._consumer = ottla.Consumer(
            bootstrap,
            assignment=dict.fromkeys(self._places.values(), "earliest"),
            config={"isolation.level": isolation},
        )
        # One that reads what is committed is told that a log ends where a transaction is open.
        uncommitted = {"isolation.level": "read_uncommitted", "group.id": "unused"}
        self._watermarks = Consumer({"bootstrap.servers": bootstrap, **uncommitted})
        self._positions: dict[str, int] = dict.fromkeys(self._places, 0)
        history.position({**self._positions})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
        self._watermarks.close()

    def high_watermarks(self) -> dict[str, int]:
        ends = {}
        for name, place in self._places.items():
            _, end = self._watermarks.get_watermark_offsets(TopicPartition(*place), WAIT_SECONDS)
            ends[name] = end
        return ends

    def poll(self) -> list[ottla.Message]:
        """What has come, or comes in a moment."""
        asked = self._history.invoke({"poll": {"isolation": self._isolation}})
        batch = next(self._consumer.batches(timeout=POLL_SECONDS), None)
        messages = list(batch or ())
        records = [
            {
                "partition": f"{message.topic}-{message.partition}",
                "offset": message.offset,
                "value": (message.value or b"").decode(),
            }
            for message in messages
        ]
        for name, place in self._places.items():
            self._positions[name] = self._consumer.position(*place) or 0
        polled = {"records": records, "positions": as_list(self._positions)}
        self._history.ok(asked, {"polled": polled})
        return messages

    def read_to(self, ends: Mapping[str, int]) -> Iterator[ottla.Message]:
        """All there is up to these offsets; it waits for open transactions to end."""
        deadline = time.monotonic() + WAIT_SECONDS
        while any(self._positions[name] < end for name, end in ends.items()):
            assert time.monotonic() < deadline, f"{self._positions} are not the ends, {ends}"
            yield from self.poll()


def read_to_the_end(
    bootstrap: str, topics: Mapping[str, int], isolation: str, history: History
) -> dict[str, list[str]]:
    """By topic: every value, as a consumer from the beginning is shown it."""
    values: dict[str, list[str]] = {topic: [] for topic in topics}
    with Reader(bootstrap, topics, isolation, history) as reader:
        asked = history.invoke("end_offsets")
        ends = reader.high_watermarks()
        history.ok(asked, {"ends": {"ends": as_list(ends)}})
        for message in reader.read_to(ends):
            values[message.topic].append((message.value or b"").decode())
    return values


def as_list(offsets: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"partition": place, "offset": offset} for place, offset in offsets.items()]
