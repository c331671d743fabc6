"""The `ottla` command as a process that does one thing and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# The command lies beside the interpreter that the wheel was installed for.
OTTLA = str(Path(sys.executable).with_name("ottla"))
WAIT_SECONDS = 60.0


class Ottla:
    """The command, told where the broker is by its environment."""

    def __init__(self, bootstrap: str) -> None:
        self.environment = {**os.environ, "OTTLA_BOOTSTRAP_SERVER": bootstrap}

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [OTTLA, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=WAIT_SECONDS,
            check=False,
        )

    def out(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What a command prints that does what it is told."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The one line of JSON that a command prints for programs."""
        text = self.out(*arguments, "--json").decode()
        assert text.count("\n") == 1, text
        return json.loads(text)

    def refused(self, status: int, *arguments: str, stdin: bytes = b"") -> str:
        """The one line that a command says when it fails."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        text = done.stderr.decode()
        assert text.startswith("error: "), text
        assert text.count("\n") == 1, text
        return text

    def start(
        self,
        *arguments: str,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [OTTLA, *arguments],
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )


def await_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()
