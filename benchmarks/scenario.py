"""What a benchmark is made of: sides that are measured in turns, and targets that judge them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import InitVar, dataclass, field
from pathlib import Path

# One run of one side: its figures by name, the unit in the name.
Run = Callable[[], Mapping[str, float]]
# Sides by name, in the order in which they take turns.
Sides = Mapping[str, Run]


@dataclass(frozen=True)
class Size:
    """How much work a run does, and where; a quick one only proves that the scripts work."""

    scratch: Path
    is_quick: bool

    def count(self, whole: int) -> int:
        """A number of records."""
        return max(whole // 1_000, 100) if self.is_quick else whole

    def bytes(self, whole: int) -> int:
        """An amount of data."""
        return whole // 256 if self.is_quick else whole

    def seconds(self, whole: int) -> int:
        """How long a load lasts."""
        return min(whole, 2) if self.is_quick else whole


@dataclass
class Measured:
    """The figures of all runs: by side, in their order, then by figure."""

    sides: InitVar[Sequence[str]]
    values: dict[str, dict[str, list[float]]] = field(init=False)

    def __post_init__(self, sides: Sequence[str]) -> None:
        self.values = {side: {} for side in sides}

    def add(self, side: str, figures: Mapping[str, float]) -> None:
        """Takes the figures of one run."""
        for figure, value in figures.items():
            self.values[side].setdefault(figure, []).append(value)

    def median(self, side: str, figure: str) -> float:
        """The median of a figure over the runs of a side."""
        return statistics.median(self.values[side][figure])

    def ratio(self, figure: str, side: str, other: str) -> float:
        """How much of the other side's figure a side has, median by median."""
        return self.median(side, figure) / self.median(other, figure)


@dataclass(frozen=True)
class Verdict:
    """What was measured, in words, and whether that is enough."""

    measured: str
    is_reached: bool


@dataclass(frozen=True)
class Target:
    """What must be reached, and the judge of it."""

    what: str
    must_reach: str
    judge: Callable[[Measured], Verdict]


@dataclass(frozen=True)
class Scenario:
    """A benchmark. Its description is its module's docstring: title, then method."""

    name: str
    description: str
    targets: Sequence[Target]
    sides: Callable[[Size], AbstractContextManager[Sides]]
    # What has a size, not a distribution, is measured once.
    is_repeated: bool = True

    @property
    def title(self) -> str:
        """The first line of the description."""
        return self.description.strip().partition("\n")[0]

    @property
    def method(self) -> str:
        """The rest of the description."""
        return self.description.strip().partition("\n")[2].strip()


def at_most(figure: str, side: str, limit: float, unit: str) -> Callable[[Measured], Verdict]:
    """Judges a figure by a limit of its own."""

    def judge(measured: Measured) -> Verdict:
        value = measured.median(side, figure)
        return Verdict(f"{value:.3g} {unit}", value <= limit)

    return judge


def at_least(figure: str, side: str, limit: float, unit: str) -> Callable[[Measured], Verdict]:
    """Judges a figure by what it must not fall below."""

    def judge(measured: Measured) -> Verdict:
        value = measured.median(side, figure)
        return Verdict(f"{value:,.0f} {unit}", value >= limit)

    return judge


def at_most_of(figure: str, side: str, other: str, limit: float) -> Callable[[Measured], Verdict]:
    """Judges a figure by its share of the other side's."""

    def judge(measured: Measured) -> Verdict:
        ratio = measured.ratio(figure, side, other)
        return Verdict(f"{ratio:.3g} of {other}", ratio <= limit)

    return judge


def at_least_times(
    figure: str, side: str, limits: Mapping[str, float]
) -> Callable[[Measured], Verdict]:
    """Judges a figure as a multiple of each of several other sides'."""

    def judge(measured: Measured) -> Verdict:
        ratios = {other: measured.ratio(figure, side, other) for other in limits}
        text = ", ".join(f"{ratio:.3g} times {other}" for other, ratio in ratios.items())
        return Verdict(text, all(ratios[other] >= limit for other, limit in limits.items()))

    return judge
