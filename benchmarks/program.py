"""Clients run as processes of their own, so that their CPU is theirs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.machine import ROOT

PROGRAM_SECONDS = 600.0


def run(name: str, *arguments: object) -> dict[str, float]:
    """Runs a module of `benchmarks.programs`, and answers the figures that it prints."""
    command = [sys.executable, "-m", f"benchmarks.programs.{name}"]
    return figures([*command, *map(str, arguments)])


def figures(command: list[str]) -> dict[str, float]:
    """Runs a command whose last line is a JSON object of numbers; its errors go to the terminal."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PROGRAM_SECONDS,
        check=True,
    )
    printed: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return printed


def check(*command: object) -> None:
    """Runs a command that must succeed."""
    subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, check=True)
