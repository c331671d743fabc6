"""Transactions with franz-go, in a process of its own. It sends the offsets of what it has consumed
with the end of the transaction.
"""

from __future__ import annotations

from interop.driven_transactor import DrivenTransactor
from interop.driver import Driver
from interop.franz_go_client import start_driver


class FranzGoTransactor(DrivenTransactor):
    def start(self, bootstrap: str) -> Driver:
        return start_driver(bootstrap)
