"""One name or several: a string is one, not the letters it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def names_of(given: str | Iterable[str]) -> list[str]:
    """Return what was given as a list."""
    return [given] if isinstance(given, str) else list(given)
