"""Transactions with Kafka's own Java clients, in a process of its own."""

from __future__ import annotations

from interop.driven_transactor import DrivenTransactor
from interop.driver import Driver
from interop.kafka import HERE, java


class JavaTransactor(DrivenTransactor):
    def start(self, bootstrap: str) -> Driver:
        source = str(HERE / "Transactor.java")
        return Driver(java("-XX:TieredStopAtLevel=1", "-Xmx256M", source, bootstrap), HERE)
