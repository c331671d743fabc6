"""Memory: what `import ottla` and an idle broker add to a Python process.

The proportional set size of one process before the import, after it, and two seconds after a broker
with its defaults was started on an empty directory.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from benchmarks import program
from benchmarks.scenario import Scenario, Sides, Size, Target, at_most

LIMIT_MIB = 15


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    numbers = itertools.count()
    yield {
        "Ottla": lambda: program.run("idle_broker", size.scratch / f"data-{next(numbers)}"),
    }


SCENARIO = Scenario(
    name="memory",
    description=__doc__,
    targets=[
        Target(
            "memory added by import and idle broker",
            f"{LIMIT_MIB} MiB",
            at_most("added by import and broker, MiB", "Ottla", LIMIT_MIB, "MiB"),
        )
    ],
    sides=sides,
)
