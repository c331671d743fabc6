"""Runs scenarios: rounds in which the sides take turns, and a report of what came out."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

from benchmarks import machine, results
from benchmarks.scenario import Measured, Scenario, Sides, Size
from benchmarks.scenarios import SCENARIOS

RUNS = 5


def main() -> int:
    """Measures what the command line names; 1 if a scenario could not be measured."""
    options = _options()
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    scenarios = [by_name[name] for name in options.names or by_name]
    failed = []
    for scenario in scenarios:
        print(f"== {scenario.name}: {scenario.title}", flush=True)
        try:
            _measure(scenario, options)
        # The other scenarios can be measured all the same.
        except Exception:  # noqa: BLE001
            traceback.print_exc()
            failed.append(scenario.name)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(names)}")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each side is measured")
    parser.add_argument("--quick", action="store_true", help="tiny, once: do the scripts work?")
    parser.add_argument("--scratch", type=Path, help="a directory on the disk to measure")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def _measure(scenario: Scenario, options: argparse.Namespace) -> None:
    is_quiet = options.quick or machine.is_quiet()
    # Unlike /tmp, which may be memory, the checkout lies on a disk.
    parent = options.scratch or machine.ROOT / "target"
    parent.mkdir(parents=True, exist_ok=True)
    runs = 1 if options.quick or not scenario.is_repeated else options.runs
    with tempfile.TemporaryDirectory(dir=parent, prefix="benchmark-") as scratch:
        size = Size(Path(scratch), options.quick)
        origin = _origin(size)
        with scenario.sides(size) as sides:
            stolen = machine.StolenTime()
            figures = _rounds(sides, runs)
    origin += f" The host gave {stolen.share():.0%} of the time to other machines."
    section = results.measured(scenario, figures, runs, origin)
    print(section, flush=True)
    if options.quick:
        print("quick: these figures say nothing, and are not kept")
    elif not is_quiet:
        print("the machine is busy with something else: these figures are not kept")
    else:
        results.write(SCENARIOS, {scenario.name: section})


def _rounds(sides: Sides, runs: int) -> Measured:
    """One round that warms up, then those that count. The order is reversed from round to round."""
    figures = Measured(list(sides))
    for number in range(runs + 1):
        for side in list(sides)[:: -1 if number % 2 else 1]:
            run = sides[side]()
            label = f"run {number} of {runs}" if number else "warm-up"
            text = ", ".join(f"{figure}: {value:.4g}" for figure, value in run.items())
            print(f"   {label}: {side}: {text}", flush=True)
            if number:
                figures.add(side, run)
    return figures


def _origin(size: Size) -> str:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    client = f"confluent-kafka {version('confluent-kafka')}"
    where = machine.description(size.scratch)
    return f"Commit {machine.commit()}, {today}; {where}; {client}."


if __name__ == "__main__":
    sys.exit(main())
