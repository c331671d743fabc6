"""A topic to a Polars frame with Ottla.

`frame_ottla BOOTSTRAP TOPIC RECORDS`
"""

from __future__ import annotations

import sys

import polars as pl

import ottla
from benchmarks.programs.stopwatch import Stopwatch


def main() -> None:
    bootstrap, topic, count_text = sys.argv[1:]
    count = int(count_text)
    with Stopwatch() as stopwatch:
        frame: pl.DataFrame = ottla.read(bootstrap, topic).to_polars()
    if len(frame) != count:
        raise SystemExit(f"{len(frame)} of {count} rows came")
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
