"""A program that is stuck shows where, and ends: some libraries wait for ever for an answer that
was lost, or do not ask again.
"""

from __future__ import annotations

import faulthandler

STUCK_SECONDS = 30.0
SIGN = "Timeout (0:00:30)!"
"""What it prints then, before where each of its threads is."""


def expect_progress() -> None:
    """From now on, until this is called again."""
    faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
