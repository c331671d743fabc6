"""The `ottla` command: the broker runs in Rust, the demonstration in Python."""

from __future__ import annotations

import signal
import sys

from ottla import _core


def main() -> int:
    """Run the command line of this process, and return the status to exit with."""
    arguments = sys.argv[1:]
    if arguments == ["help", "demo"]:
        arguments = ["demo", "--help"]
    if arguments[:1] == ["demo"]:
        from ottla import demo  # noqa: PLC0415

        return demo.main(arguments[1:])
    # Rust takes Ctrl-C and stops in order. Python's own handler, called as well, would end that
    # order with a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.run_command(["ottla", *arguments])
