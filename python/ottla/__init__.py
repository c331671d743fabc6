"""Ottla: the streaming log you install with pip.

A broker that speaks Kafka's protocol, its clients, and Arrow batches, in one package.

Examples
--------
>>> import ottla
>>> with ottla.Broker() as broker:
...     print(broker.is_closed)
False
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ottla._core import __version__ as __version__
    from ottla.broker import Broker as Broker
    from ottla.errors import BrokerStartError as BrokerStartError
    from ottla.errors import ClosedError as ClosedError
    from ottla.errors import ConfigError as ConfigError
    from ottla.errors import ConfigWarning as ConfigWarning
    from ottla.errors import ForkedProcessError as ForkedProcessError
    from ottla.errors import OttlaError as OttlaError

__all__ = [
    "Broker",
    "BrokerStartError",
    "ClosedError",
    "ConfigError",
    "ConfigWarning",
    "ForkedProcessError",
    "OttlaError",
    "__version__",
]

# Where each name lives. A module is imported when its first name is used, so that `import ottla`
# costs next to nothing and a program pays for the parts that it uses.
_HOMES = {
    "Broker": "broker",
    "BrokerStartError": "errors",
    "ClosedError": "errors",
    "ConfigError": "errors",
    "ConfigWarning": "errors",
    "ForkedProcessError": "errors",
    "OttlaError": "errors",
    "__version__": "_core",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ottla' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value: object = getattr(import_module(f"ottla.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
