"""Configuration as Python writes it, turned into Kafka's keys and values."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from ottla.broker import Broker

    Cluster: TypeAlias = Broker | str | Mapping[str, object]
    """What a client connects to."""


def pairs(config: Mapping[str, object] | None, keywords: Mapping[str, object]) -> dict[str, str]:
    """Join a dotted dictionary and snake_case keywords, which go before it.

    Examples
    --------
    >>> pairs({"num.partitions": 3, "linger.ms": 5}, {"linger_ms": 0, "check_crcs": False})
    {'num.partitions': '3', 'linger.ms': '0', 'check.crcs': 'false'}
    """
    merged = dict(config or {})
    merged.update((key.replace("_", "."), value) for key, value in keywords.items())
    return {key: text(value) for key, value in merged.items() if value is not None}


def client_pairs(
    cluster: Cluster,
    config: Mapping[str, object] | None,
    keywords: Mapping[str, object],
) -> dict[str, str]:
    """Say where the cluster is, and how to talk to it.

    Examples
    --------
    >>> client_pairs("kafka:9092", None, {"linger_ms": 5})
    {'bootstrap.servers': 'kafka:9092', 'linger.ms': '5'}
    """
    # Not `isinstance`: that would import modules which a program may not need.
    where = {"bootstrap.servers": getattr(cluster, "bootstrap_servers", cluster)}
    if not isinstance(where["bootstrap.servers"], str):
        items = getattr(cluster, "items", None)
        if items is None:
            message = "a cluster is a Broker, 'host:port' or a dictionary of configuration keys"
            raise TypeError(f"{message}, not {type(cluster).__name__}")
        where = dict(items())
    return pairs({**where, **(config or {})}, keywords)


def text(value: Any) -> str:
    """Write a value as a properties file would.

    Examples
    --------
    >>> text(True), text(0.5), text(["a:1", "b:2"])
    ('true', '0.5', 'a:1,b:2')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    untyped: Any = value
    if isinstance(value, (list, tuple)):
        return ",".join(text(item) for item in untyped)
    if isinstance(value, os.PathLike):
        untyped = untyped.__fspath__()
    return str(untyped)


def warn(messages: Sequence[str]) -> None:
    """Warn of keys that are accepted and change nothing, at the line that made the object."""
    if messages:
        import warnings  # noqa: PLC0415

        from ottla.errors import ConfigWarning  # noqa: PLC0415

        for message in messages:
            warnings.warn(message, ConfigWarning, stacklevel=3)
