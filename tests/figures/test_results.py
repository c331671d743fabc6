"""RESULTS.md keeps what was not measured again, and says what was not measured at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import results
from benchmarks.scenario import (
    Measured,
    Scenario,
    Sides,
    Size,
    Target,
    at_least_times,
    at_most,
    at_most_of,
)


@contextlib.contextmanager
def no_sides(_: Size) -> Iterator[Sides]:
    yield {}


def scenario(name: str) -> Scenario:
    target = Target("time", "10 ms", at_most("time, ms", "ours", 10, "ms"))
    return Scenario(name, f"Title of {name}.\n\nIts method.\n", [target], no_sides)


def measured(*times: float) -> Measured:
    figures = Measured(["ours", "theirs"])
    for time in times:
        figures.add("ours", {"time, ms": time})
        figures.add("theirs", {"time, ms": 2 * time})
    return figures


def test_what_was_not_measured_says_so() -> None:
    text = results.merged([scenario("start")], {}, {})
    assert "| time | 10 ms | not measured yet | - |" in text
    assert "Its method." in text


def test_a_section_has_the_verdict_the_median_the_range_and_the_origin() -> None:
    section = results.measured(scenario("start"), measured(30, 7, 9), 3, "Commit abc.")
    assert "| time | 10 ms | 9 ms | yes |" in section
    assert "| ours | time, ms | 9 | 7 | 30 |" in section
    assert "Runs: 3. Commit abc." in section


def test_a_missed_target_is_not_hidden() -> None:
    section = results.measured(scenario("start"), measured(11), 1, "")
    assert "| time | 10 ms | 11 ms | **no** |" in section


def test_new_figures_replace_their_section_and_keep_the_notes_and_the_others() -> None:
    scenarios = [scenario("start"), scenario("memory")]
    first = results.measured(scenarios[0], measured(1), 1, "Old.") + "\n### Why\n\nReasons.\n"
    other = results.measured(scenarios[1], measured(2), 1, "Other.")
    text = results.merged(scenarios, {}, {"start": first, "memory": other})
    new = results.measured(scenarios[0], measured(3), 1, "New.")
    text = results.merged(scenarios, results.sections(text), {"start": new})
    assert "Old." not in text
    assert text.index("New.") < text.index("Reasons.") < text.index("Other.")
    again = results.merged(scenarios, results.sections(text), {})
    assert again == text


def test_ratios_are_of_medians() -> None:
    figures = measured(1, 2, 9)
    assert at_most_of("time, ms", "ours", "theirs", 0.5)(figures).is_reached
    assert not at_most_of("time, ms", "ours", "theirs", 0.4)(figures).is_reached
    verdict = at_least_times("time, ms", "theirs", {"ours": 2})(figures)
    assert (verdict.measured, verdict.is_reached) == ("2 times ours", True)
    assert not at_least_times("time, ms", "theirs", {"ours": 3})(figures).is_reached
