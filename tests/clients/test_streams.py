"""Kafka Streams, unmodified, exactly once: word count goes on after kill -9 as if nothing was."""

from __future__ import annotations

import random
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError

from clients.broker import Broker
from clients.foreign_client import ForeignClient, Record
from interop.kafka import HERE, java

pytestmark = pytest.mark.interop

PARTITIONS = 2
LINES, WORDS_A_LINE = 400, 5
WORDS = ["log", "offset", "epoch", "leader", "batch", "marker", "group"]
PATIENCE_SECONDS = 120.0


def test_words_are_counted_exactly_once_though_the_counter_is_killed(
    broker: Broker, reference: ForeignClient, topic_name: str, tmp_path: Path
) -> None:
    source, target = f"{topic_name}-lines", f"{topic_name}-counts"
    for topic in (source, target):
        reference.create_topic(topic, PARTITIONS, {})
    rng = random.Random(1)
    lines = [rng.choices(WORDS, k=WORDS_A_LINE) for _ in range(LINES)]
    half = LINES // 2
    command = java("-XX:TieredStopAtLevel=1", str(HERE / "WordCount.java"))
    command += [broker.bootstrap, topic_name, source, target, str(tmp_path / "state")]
    counts = Counts(broker, target)
    with killed_after(command, tmp_path / "first.log"):
        reference.produce(source, records(lines[:half]), partition=0)
        counts.await_total(lines[:half])
        # It dies while it works on these.
        reference.produce(source, records(lines[half:]), partition=1)
        counts.await_change()
    with killed_after(command, tmp_path / "second.log"):
        counts.await_total(lines)


def records(lines: Sequence[Sequence[str]]) -> list[Record]:
    return [Record(" ".join(line).encode()) for line in lines]


class Counts:
    """The last count of every word that was committed."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.counts: Counter[str] = Counter()
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": uuid.uuid4().hex,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self._consumer.subscribe([topic])

    def await_total(self, lines: Sequence[Sequence[str]]) -> None:
        """Until the words of these lines are counted: no more of them, and no fewer."""
        total = Counter(word for line in lines for word in line)
        while self.counts != total:
            self.await_change()
            assert self.counts <= total, "a word was counted twice"

    def await_change(self) -> None:
        """Until something has been counted. A count only ever grows."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert time.monotonic() < deadline, f"nothing more was counted than {self.counts}"
            message = self._consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART, error
                continue
            key, value = message.key(), message.value()
            assert key is not None
            assert value is not None
            word, count = key.decode(), int(value)
            assert count > self.counts[word], f"{word} was counted again"
            self.counts[word] = count
            return


@contextmanager
def killed_after(command: Sequence[str], log: Path) -> Iterator[None]:
    """A process that is killed at the end of the block; what it said is shown if that fails."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
        except BaseException:
            print(log.read_text()[-4000:])
            raise
        finally:
            process.kill()
            process.wait()
