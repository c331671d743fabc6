"""Transactions in another language, in a process of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clients.foreign_client import Refused
from clients.group_member import SESSION_MS, Read
from clients.transactor import FENCED_CODES, TRANSACTION_MS, Fenced, Source, Transactor
from interop.driver import Driver, decode, encode


class DrivenTransactor(Transactor):
    """The only one in its driver."""

    def __init__(self, bootstrap: str, transactional_id: str, source: Source | None) -> None:
        self.driver = self.start(bootstrap)
        consumed: dict[str, Any] = {}
        if source is not None:
            consumed = {"group": source.group, "topic": source.topic, "session_ms": SESSION_MS}
        self._call(
            "transactor",
            transactional_id=transactional_id,
            transaction_ms=TRANSACTION_MS,
            **consumed,
        )

    @abstractmethod
    def start(self, bootstrap: str) -> Driver:
        """Starts the driver."""

    def take(self, count: int) -> list[Read]:
        taken = self._call("take", count=count)
        return [Read(read["partition"], read["offset"], decode(read["value"])) for read in taken]

    def begin(self) -> None:
        self._call("begin")

    def produce(self, topic: str, value: bytes, partition: int = 0) -> None:
        self._call("send", topic=topic, partition=partition, value=encode(value))

    def send_offsets(self) -> None:
        self._call("send_offsets")

    def commit(self) -> None:
        self._call("end", commit=True)

    def abort(self) -> None:
        self._call("end", commit=False)

    def close(self) -> None:
        self.driver.close()

    def _call(self, name: str, **arguments: Any) -> Any:
        with fencing():
            return self.driver.call(name, **arguments)


@contextmanager
def fencing() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if refused.code in FENCED_CODES:
            raise Fenced(str(refused)) from refused
        raise
