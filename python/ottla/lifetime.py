"""How brokers and clients end: with their `with` block, with the interpreter, or by a fork."""

from __future__ import annotations

import atexit
import os
import weakref

from ottla import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

EXIT_SECONDS = 5.0
"""How long a program that ends goes on delivering what it has not waited for."""


class Closable:
    """A broker or client."""

    def close(self) -> None:
        """Close it. A second call does nothing."""
        raise NotImplementedError

    def close_at_exit(self) -> None:
        """Close it although the program forgot to."""
        self.close()

    def __enter__(self) -> Self:
        """Return it, open as it is."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


_clients: weakref.WeakSet[Closable] = weakref.WeakSet()
_brokers: weakref.WeakSet[Closable] = weakref.WeakSet()


def opened_client(client: Closable) -> None:
    """Remember a client, to close it if nobody else does."""
    _clients.add(client)


def opened_broker(broker: Closable) -> None:
    """Remember a broker, to close it after the clients, which may still need it."""
    _brokers.add(broker)


def _close_all() -> None:
    for client in list(_clients):
        client.close_at_exit()
    _core.drain(EXIT_SECONDS)
    for broker in list(_brokers):
        broker.close_at_exit()
    _core.drain(EXIT_SECONDS)


def _after_fork_in_child() -> None:
    _core.after_fork_in_child()
    _clients.clear()
    _brokers.clear()


_core.start_logging()
atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork_in_child)
