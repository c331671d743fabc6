"""Configuration as Python writes it, turned into Kafka's keys and values."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


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
