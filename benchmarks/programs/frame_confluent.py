"""A topic to a Polars frame with confluent-kafka: the lists by hand, column by column.

`frame_confluent BOOTSTRAP TOPIC RECORDS`
"""

from __future__ import annotations

import sys
from typing import Any

import polars as pl

from benchmarks.programs.consume_confluent import message_lists
from benchmarks.programs.stopwatch import Stopwatch


def main() -> None:
    bootstrap, topic, count_text = sys.argv[1:]
    count = int(count_text)
    with Stopwatch() as stopwatch:
        lists = message_lists(bootstrap, topic, count)
        frame = pl.concat([part(messages) for messages in lists])
    if len(frame) != count:
        raise SystemExit(f"{len(frame)} of {count} rows came")
    stopwatch.print_per_record(count)


def part(messages: list[Any]) -> pl.DataFrame:
    """The columns that Ottla's frame has too, but for the topic and the headers."""
    return pl.DataFrame(
        {
            "key": pl.Series([m.key() for m in messages], dtype=pl.Binary),
            "value": pl.Series([m.value() for m in messages], dtype=pl.Binary),
            "partition": pl.Series([m.partition() for m in messages], dtype=pl.Int32),
            "offset": pl.Series([m.offset() for m in messages], dtype=pl.Int64),
            "timestamp": pl.Series(
                [m.timestamp()[1] for m in messages], dtype=pl.Datetime("ms", "UTC")
            ),
        }
    )


if __name__ == "__main__":
    main()
