"""Configuration as Python writes it, turned into Kafka's keys and values."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

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
    if isinstance(cluster, str):
        where: dict[str, object] = {"bootstrap.servers": cluster}
    elif hasattr(cluster, "bootstrap_servers"):
        where = {"bootstrap.servers": cluster.bootstrap_servers}
    elif hasattr(cluster, "items"):
        where = dict(cluster.items())
    else:
        message = "a cluster is a Broker, 'host:port' or a dictionary of configuration keys"
        raise TypeError(f"{message}, not {type(cluster).__name__}")
    return pairs({**where, **(config or {})}, keywords)


def text(value: object) -> str:
    """Write a value as a properties file would.

    Examples
    --------
    >>> text(True), text(0.5), text(["a:1", "b:2"])
    ('true', '0.5', 'a:1,b:2')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(text(item) for item in value)
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    return str(value)


def warn(messages: Sequence[str]) -> None:
    """Warn of keys that are accepted and change nothing, at the line that made the object."""
    if messages:
        import warnings  # noqa: PLC0415

        from ottla.errors import ConfigWarning  # noqa: PLC0415

        for message in messages:
            warnings.warn(message, ConfigWarning, stacklevel=3)
