"""The `ottla` command: the broker runs in Rust, the demonstration in Python."""

from __future__ import annotations

import sys

from ottla import _core


def main() -> int:
    """Run the command line of this process, and return the status to exit with."""
    return _core.run_command(sys.argv)
