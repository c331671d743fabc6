"""Configuration as Python writes it, turned into Kafka's keys and values."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias, TypeVar

    from ottla.broker import Broker

    Cluster: TypeAlias = Broker | str | Mapping[str, object]
    """What a client connects to."""

    Made = TypeVar("Made")

_RESEMBLANCE_MIN = 0.7


def pairs(config: Mapping[str, object] | None, keywords: Mapping[str, object]) -> dict[str, str]:
    """Join a dotted dictionary and snake_case keywords, which go before it.

    Examples
    --------
    >>> pairs({"num.partitions": 3, "linger.ms": 5}, {"linger_ms": 0, "check_crcs": False})
    {'num.partitions': '3', 'linger.ms': '0', 'check.crcs': 'false'}
    """
    merged = _checked(config)
    merged.update((_dotted(key), value) for key, value in keywords.items())
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
    return pairs({**where, **_checked(config)}, keywords)


def made(
    make: Callable[[list[tuple[str, str]]], Made],
    configured: Mapping[str, str],
    keywords: Mapping[str, object],
    parameters: Iterable[str],
) -> Made:
    """Make what is configured; a key that it does not know is named as it was typed.

    A key may also be a misspelt parameter of the call.
    """
    from ottla.errors import UnknownKeyError  # noqa: PLC0415

    try:
        return make(list(configured.items()))
    except UnknownKeyError as unknown:
        key, nearest = unknown.key, unknown.nearest
        typed = _typed(key, keywords)
        if typed is not None:
            spelled = [] if nearest is None else [nearest.replace(".", "_")]
            key, nearest = typed, resembling(typed, [*parameters, *spelled]) or nearest
        raise UnknownKeyError(unknown.who, key, nearest) from None


def misspelt(message: str, keywords: Mapping[str, object], parameters: Iterable[str]) -> str | None:
    """Say which parameter was meant by a keyword that a broker refuses as a key, in `message`.

    Examples
    --------
    >>> misspelt("there is no key partitons", {"partitons": 3}, ["partitions"])
    '`partitons`: did you mean `partitions`?'
    """
    for keyword in keywords:
        parameter = resembling(keyword, parameters)
        if parameter is not None and _dotted(keyword) in message:
            return f"`{keyword}`: did you mean `{parameter}`?"
    return None


def resembling(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that is most like `word`, if any is.

    Examples
    --------
    >>> resembling("dat_dir", ["data_dir", "host"]), resembling("colour", ["data_dir", "host"])
    ('data_dir', None)
    """
    import difflib  # noqa: PLC0415

    return next(iter(difflib.get_close_matches(word, list(words), 1, _RESEMBLANCE_MIN)), None)


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


def _checked(config: object) -> dict[str, object]:
    items: Any = getattr({} if config is None else config, "items", None)
    if items is None:
        wanted = "config is a dictionary of configuration keys and values"
        raise TypeError(f"{wanted}, not {type(config).__name__}")
    checked: dict[Any, object] = dict(items())
    for key in checked:
        if not isinstance(key, str):
            raise TypeError(f"a key of config is text such as 'linger.ms', not {key!r}")
    return checked


def _dotted(keyword: str) -> str:
    return keyword.replace("_", ".")


def _typed(key: str, keywords: Mapping[str, object]) -> str | None:
    return next((keyword for keyword in keywords if _dotted(keyword) == key), None)


def warn(messages: Sequence[str]) -> None:
    """Warn of keys that are accepted and change nothing, at the line that made the object."""
    if messages:
        import warnings  # noqa: PLC0415

        from ottla.errors import ConfigWarning  # noqa: PLC0415

        for message in messages:
            warnings.warn(message, ConfigWarning, stacklevel=3)
