"""A program that is killed and started anew; each of its lives keeps a history of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from cluster import history
from cluster.stuck import SIGN

TESTS = Path(__file__).resolve().parent.parent
END_SECONDS = 60.0


class Lives:
    """`python -m MODULE ARGUMENT ... PROCESS FILE`, with the number and the file of its life."""

    def __init__(
        self, module: str, arguments: Sequence[str], folder: Path, numbers: Iterator[int]
    ) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._folder, self._numbers = folder, numbers
        self.histories: list[Path] = []
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def commits(self) -> int:
        return sum(history.completed(path, "commit") for path in self.histories)

    def kill(self) -> None:
        self.end()
        self._begin()

    def begin_again_if_over(self) -> None:
        """Libraries give up in their own ways when a broker is killed: the program begins anew."""
        if self._process.poll() is not None:
            self._begin()

    def end(self) -> None:
        """Kills it for good."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Asks for an end in order."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(END_SECONDS)

    def stuck(self) -> int:
        """How many lives have ended because nothing came of them any more."""
        return sum(SIGN in p.with_suffix(".log").read_text() for p in self.histories)

    def output(self) -> str:
        return "\n".join(p.with_suffix(".log").read_text()[-2_000:] for p in self.histories)

    def _begin(self) -> None:
        number = next(self._numbers)
        path = self._folder / f"{number}.history"
        path.touch()
        self.histories.append(path)
        with path.with_suffix(".log").open("w") as log:
            self._process = subprocess.Popen(
                [*self._command, str(number), str(path)],
                env={**os.environ, "PYTHONPATH": str(TESTS)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
