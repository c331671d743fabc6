"""RESULTS.md: one section a scenario, each replaced as a whole when it is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.scenario import Measured, Scenario

PATH = Path(__file__).with_name("RESULTS.md")
HEAD = """\
<!-- Written by benchmarks/run.py: `make bench`, or `make bench SCENARIOS=closed-loop`. -->
# Figures

Each section is one run of one script in `benchmarks/scenarios`, whose words on method are repeated
here. Figures are medians of the runs; the sides of a comparison take turns within each round, after
one round that is not counted. The page cache is warmed before each scenario. CPU is that of the
process named, all threads, user and system. Apache Kafka runs with its defaults and a heap of 512
MiB. A section is only written when the machine was quiet before it; what stands under a heading of
its own in a section was written by people and is kept.
"""
LARGE = 1_000
NOT_MEASURED = "not measured yet"


def write(scenarios: Sequence[Scenario], new: Mapping[str, str]) -> None:
    """Writes new sections; those of other scenarios that were measured stay as they are."""
    old = sections(PATH.read_text()) if PATH.exists() else {}
    PATH.write_text(merged(scenarios, old, new))


def merged(scenarios: Sequence[Scenario], old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The whole file. What people have written below a section's figures stays below them."""
    texts = []
    for scenario in scenarios:
        before = old.get(scenario.name, "")
        kept = before if before and NOT_MEASURED not in before else not_measured(scenario)
        text = new[scenario.name] + _notes(before) if scenario.name in new else kept
        texts.append(text)
    return "\n".join([HEAD, *texts])


def not_measured(scenario: Scenario) -> str:
    """The section of a scenario that has no figures."""
    rows = [[target.what, target.must_reach, NOT_MEASURED, "-"] for target in scenario.targets]
    return f"{_opening(scenario)}\n{_target_table(rows)}"


def measured(scenario: Scenario, figures: Measured, runs: int, origin: str) -> str:
    """The section of a scenario that was measured: verdicts, and the figures that they rest on."""
    verdicts = [(target, target.judge(figures)) for target in scenario.targets]
    rows = [
        [
            target.what,
            target.must_reach,
            verdict.measured,
            "yes" if verdict.is_reached else "**no**",
        ]
        for target, verdict in verdicts
    ]
    series = [
        [side, figure, _number(figures.median(side, figure)), *map(_number, _range(values))]
        for side, values_by_figure in figures.values.items()
        for figure, values in values_by_figure.items()
    ]
    table = _table(["side", "figure", "median", "least", "most"], series)
    origin = f"Runs: {runs}. {origin}"
    return f"{_opening(scenario)}\n{_target_table(rows)}\n{table}\n{origin}\n"


def _opening(scenario: Scenario) -> str:
    return f"## {scenario.name}\n\n{scenario.title}\n\n{scenario.method}\n"


def _target_table(rows: list[list[str]]) -> str:
    return _table(["what", "must reach", "measured", "reached"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _range(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _number(value: float) -> str:
    """Three digits that count; none behind the point of a large number."""
    return f"{value:,.0f}" if value >= LARGE else f"{value:.3g}"


def sections(text: str) -> dict[str, str]:
    """The sections of a file, by name."""
    _, *texts = text.split("\n## ")
    return {text.partition("\n")[0]: f"## {text.rstrip()}\n" for text in texts}


def _notes(section: str) -> str:
    """The part of a section that no program wrote: from its first heading on."""
    _, mark, notes = section.partition("\n### ")
    return mark + notes
