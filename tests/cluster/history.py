"""What a client asks for and is told, a line of JSON each, as `rust/history` judges it
(docs/design/history.md).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
Operation = str | dict[str, Any]
Answer = str | dict[str, Any]


class History:
    """Of one process. Each line is the system's before anything is asked for: the process may be
    killed at any time.
    """

    def __init__(self, path: Path, process: int) -> None:
        self._file = path.open("ab", buffering=0)
        self._process = process
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def invoke(self, operation: Operation) -> int:
        """Notes what is about to be asked for; if nothing more is heard of it, it is unknown."""
        number, self._number = self._number, self._number + 1
        self._write(number, invoke=operation)
        return number

    def ok(self, number: int, answer: Answer) -> None:
        self._write(number, ok=answer)

    def did(self, operation: Operation, act: Callable[[], None]) -> None:
        """Does it. An error says nothing of whether it has happened, and is raised."""
        number = self.invoke(operation)
        try:
            act()
        except Exception as error:
            self._write(number, unknown=repr(error))
            raise
        self.ok(number, "done")

    def position(self, offsets: Mapping[str, int | None]) -> None:
        """The consumer goes on there, or somewhere."""
        places = [{"partition": place, "offset": offset} for place, offset in offsets.items()]
        number, self._number = self._number, self._number + 1
        self._write(number, position=places)

    def _write(self, number: int, **what: object) -> None:
        # A clock that all processes of this machine share.
        now = {"at_us": time.monotonic_ns() // 1_000, "process": self._process, "number": number}
        self._file.write(json.dumps({**now, **what}).encode() + b"\n")


def completed(path: Path, operation: Operation) -> int:
    """How many operations of this kind have succeeded, as far as the file goes."""
    lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    asked = {(line["process"], line["number"]) for line in lines if line.get("invoke") == operation}
    done = {(line["process"], line["number"]) for line in lines if "ok" in line}
    return len(asked & done)


def check(paths: Sequence[Path], *, serializable: bool) -> str:
    """What is wrong with what these files say together; nothing, if that is all right."""
    command = ["cargo", "run", "--quiet", "--locked", "--package", "history"]
    command += ["--example", "check_history", "--", *(["--serializable"] if serializable else [])]
    done = subprocess.run(
        [*command, *map(str, paths)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
