"""A broker that is killed under load, over and over: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, read

KILLS = 10
PARTITIONS = 2
SEED = 20_260_101


class Load:
    """An idempotent producer that counts up in each partition until it is told to stop."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.acknowledged: list[set[int]] = [set() for _ in range(PARTITIONS)]
        self.failures: list[KafkaError] = []
        self.sent = 0
        self._topic = topic
        self._stop = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 1,
                "message.timeout.ms": 120_000,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "retry.backoff.ms": 20,
                "retry.backoff.max.ms": 100,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def wait_for_progress(self) -> None:
        """Returns when some record was acknowledged that was not before."""
        before = self._count()
        deadline = time.monotonic() + WAIT_SECONDS
        while self._count() == before:
            assert time.monotonic() < deadline, "nothing is acknowledged any more"
            time.sleep(0.01)

    def finish(self) -> None:
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(WAIT_SECONDS) == 0, "records were not delivered in time"

    def _run(self) -> None:
        while not self._stop.is_set():
            for partition in range(PARTITIONS):
                self._producer.produce(
                    self._topic,
                    str(self.sent).encode(),
                    partition=partition,
                    on_delivery=self._delivered,
                )
            self.sent += 1
            # About a thousand records a second: enough to be under way at every kill.
            self._producer.poll(0.002)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failures.append(error)
            return
        partition, value = message.partition(), message.value()
        assert partition is not None
        assert value is not None
        self.acknowledged[partition].add(int(value))

    def _count(self) -> int:
        return sum(len(numbers) for numbers in self.acknowledged)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("durability", ["disk", "os"])
def test_ten_kills_lose_and_double_nothing(tmp_path: Path, durability: str) -> None:
    rng = random.Random(SEED)
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "load", PARTITIONS, {"ottla.durability": durability})
        load = Load(broker.bootstrap, "load")
        try:
            for _ in range(KILLS):
                load.wait_for_progress()
                time.sleep(rng.uniform(0.0, 0.3))
                broker.kill()
                broker.start()
        finally:
            load.finish()
        assert load.failures == []
        expected = [str(number).encode() for number in range(load.sent)]
        for partition in range(PARTITIONS):
            assert load.acknowledged[partition] == set(range(load.sent))
            assert read(broker.bootstrap, "load", partition) == expected
        broker.stop()
