"""Wheel: its size.

The file that `make build` leaves in `dist`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks.machine import ROOT
from benchmarks.process import MEBIBYTE
from benchmarks.scenario import Scenario, Sides, Size, Target, at_most

LIMIT_MIB = 15
FIGURE = "size, MiB"


@contextlib.contextmanager
def sides(_: Size) -> Iterator[Sides]:
    wheels = list((ROOT / "dist").glob("ottla-*.whl"))
    if len(wheels) != 1:
        raise FileNotFoundError(f"dist holds {len(wheels)} wheels: run `make build` first")
    yield {"wheel": lambda: {FIGURE: wheels[0].stat().st_size / MEBIBYTE}}


SCENARIO = Scenario(
    name="wheel",
    description=__doc__,
    targets=[Target("wheel", f"{LIMIT_MIB} MiB", at_most(FIGURE, "wheel", LIMIT_MIB, "MiB"))],
    sides=sides,
    is_repeated=False,
)
