"""A frame to a topic with Ottla: one call for all rows.

`write_frame BOOTSTRAP TOPIC ROWS VALUE_BYTES`
"""

from __future__ import annotations

import sys

import polars as pl

import ottla
from benchmarks.programs.produce_ottla import CONFIG, FLUSH_SECONDS
from benchmarks.programs.stopwatch import Stopwatch


def main() -> None:
    bootstrap, topic, count_text, bytes_text = sys.argv[1:]
    count, value = int(count_text), b"x" * int(bytes_text)
    frame = pl.DataFrame({"value": pl.repeat(value, count, dtype=pl.Binary, eager=True)})
    with ottla.Producer(bootstrap, config=CONFIG) as producer, Stopwatch() as stopwatch:
        written = producer.write(frame, topic, value="value")
        producer.flush(FLUSH_SECONDS)
    if written != count:
        raise SystemExit(f"{written} of {count} rows were written")
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
