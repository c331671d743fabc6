"""Idempotent producers that send and note what they are told, whatever library they are of."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

import ottla
from cluster.history import History

WAIT_SECONDS = 60.0
IN_FLIGHT = 5
REQUEST_TIMEOUT_MS = 1_000
CONFIG: dict[str, object] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 0,
    "max.in.flight.requests.per.connection": IN_FLIGHT,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 20,
    "retry.backoff.max.ms": 100,
}


class Sender(ABC):
    """One that gives up a request soon, and a record never."""

    def __init__(self, bootstrap: str, history: History) -> None:
        self._history = history
        self._start(bootstrap)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, topic: str, partition: int, value: str) -> None:
        place = {"partition": f"{topic}-{partition}", "value": value}
        number = self._history.invoke({"send": place})
        self._hand_over(number, topic, partition, value.encode())

    @abstractmethod
    def listen(self, seconds: float) -> None:
        """Takes so long to note what is known by now."""

    @abstractmethod
    def finish(self) -> None:
        """Until every record is acknowledged."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _start(self, bootstrap: str) -> None: ...

    @abstractmethod
    def _hand_over(self, number: int, topic: str, partition: int, value: bytes) -> None: ...

    def _sent(self, number: int, offset: int | None) -> None:
        # A broker that is sent what it has already need not know where.
        known = offset if offset is not None and offset >= 0 else None
        self._history.ok(number, {"sent": {"offset": known}})


class OttlaSender(Sender):
    def _start(self, bootstrap: str) -> None:
        times = {"request.timeout.ms": REQUEST_TIMEOUT_MS, "delivery.timeout.ms": 120_000}
        # Batches of a few records, so that there are many.
        config = {**CONFIG, **times, "batch.size": 200}
        self._producer = ottla.Producer(bootstrap, config=config)
        self._under_way: deque[tuple[int, ottla.Delivery]] = deque()

    def listen(self, seconds: float) -> None:
        time.sleep(seconds)
        while self._under_way and self._under_way[0][1].done():
            self._note_next()

    def finish(self) -> None:
        while self._under_way:
            self._note_next()

    def close(self) -> None:
        self._producer.close(0.0)

    def _hand_over(self, number: int, topic: str, partition: int, value: bytes) -> None:
        delivery = self._producer.send(topic, value, partition=partition)
        self._under_way.append((number, delivery))

    def _note_next(self) -> None:
        number, delivery = self._under_way.popleft()
        self._sent(number, delivery.result(WAIT_SECONDS).offset)


class ConfluentSender(Sender):
    def _start(self, bootstrap: str) -> None:
        # `socket.timeout.ms` is how long librdkafka waits for an answer.
        times = {"socket.timeout.ms": REQUEST_TIMEOUT_MS, "message.timeout.ms": 120_000}
        config = {**CONFIG, **times, "batch.num.messages": 5, "log_level": 0}
        self._producer = Producer({"bootstrap.servers": bootstrap, **config})

    def listen(self, seconds: float) -> None:
        self._producer.poll(seconds)

    def finish(self) -> None:
        assert self._producer.flush(WAIT_SECONDS) == 0, "records were not delivered in time"

    def close(self) -> None:
        self._producer.purge()
        self._producer.flush(0)

    def _hand_over(self, number: int, topic: str, partition: int, value: bytes) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            self._sent(number, message.offset())

        self._producer.produce(topic, value, partition=partition, on_delivery=delivered)
