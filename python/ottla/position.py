"""Where to start or end reading, as people say it."""

from __future__ import annotations

import datetime as dt
import time
from typing import TypeAlias

Position: TypeAlias = "int | str | dt.datetime | dt.timedelta"
"""An offset, ``"earliest"``, ``"latest"``, a time, or how long ago (``"-10m"``, a timedelta)."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse(position: Position | None) -> tuple[str, int]:
    """Return a word that says what is meant, and the offset or the milliseconds since 1970.

    Examples
    --------
    >>> parse(42), parse("earliest"), parse(None)
    (('offset', 42), ('earliest', 0), ('reset', 0))
    >>> parse(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    ('timestamp', 1767225600000)
    """
    if position is None:
        return "reset", 0
    if isinstance(position, dt.datetime):
        return "timestamp", round(position.timestamp() * 1000)
    if isinstance(position, dt.timedelta):
        return "timestamp", _ago(abs(position.total_seconds()))
    if isinstance(position, int) and not isinstance(position, bool):
        if position < 0:
            raise ValueError(f"{position} is no offset: offsets begin at 0")
        return "offset", position
    if position in {"earliest", "latest"}:
        return str(position), 0
    return "timestamp", _ago(_seconds(position))


def _seconds(text: object) -> float:
    if isinstance(text, str) and text.startswith("-"):
        number = text[1:].rstrip("mshdw")
        unit = _SECONDS.get(text[1 + len(number) :])
        try:
            if unit is not None:
                return float(number) * unit
        except ValueError:
            pass
    raise ValueError(
        f"{text!r} is no position: give an offset, 'earliest', 'latest', a datetime, "
        "or how long ago, such as '-90s', '-10m', '-2h', '-7d'"
    )


def _ago(seconds: float) -> int:
    return max(0, round((time.time() - seconds) * 1000))
