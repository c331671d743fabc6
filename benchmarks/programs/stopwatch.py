"""What a stretch of a program costs, printed as the line that the runner reads."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Self


class Stopwatch:
    """Measures the block under `with`: wall clock, and CPU of all threads of this process."""

    def __enter__(self) -> Self:
        self.wall = -time.perf_counter()
        self.cpu = -time.process_time()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wall += time.perf_counter()
        self.cpu += time.process_time()

    def print_per_record(self, count: int) -> None:
        """Prints the figures of a block that dealt with so many records."""
        figures = {
            "client CPU, us a record": self.cpu / count * 1e6,
            "records/s": count / self.wall,
        }
        print(json.dumps(figures))
