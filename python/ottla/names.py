"""One name or several: a string is one, not the letters it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def names_of(given: str | Iterable[str]) -> list[str]:
    """Return what was given as a list."""
    return [given] if isinstance(given, str) else list(given)


def topics_of(given: Iterable[str] | str) -> list[str]:
    """Return the topics to subscribe to; raise `ValueError` if there are none."""
    topics = names_of(given)
    if not topics or not all(topics):
        raise ValueError(
            f"{topics!r} are no topics to subscribe to: name one or more, or a pattern; "
            "unsubscribe() leaves the group"
        )
    return topics
