"""A program that is stuck shows where, and ends: some libraries wait for ever for an answer that
was lost, or do not ask again.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager

STUCK_SECONDS = 30.0
SIGN = "Timeout (0:00:30)!"
"""What it prints then, before where each of its threads is."""


@contextmanager
def progress_expected() -> Iterator[None]:
    """The block comes to its end, or the program does."""
    faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
