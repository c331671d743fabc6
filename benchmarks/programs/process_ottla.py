"""Consume, transform, produce, exactly once, with Ottla's Processor over frames.

`process_ottla BOOTSTRAP SOURCE TARGET RECORDS`
"""

from __future__ import annotations

import sys
import uuid

import polars as pl

import ottla
from benchmarks.programs.produce_ottla import CONFIG
from benchmarks.programs.stopwatch import Stopwatch


def main() -> None:
    bootstrap, source, target, count_text = sys.argv[1:]
    count, processed = int(count_text), 0
    identity = uuid.uuid4().hex
    processor = ottla.Processor(
        bootstrap,
        group=identity,
        source=source,
        transactional_id=identity,
        producer=CONFIG,
    )
    with processor, Stopwatch() as stopwatch:
        for batch, out in processor:
            frame = batch.to_polars().select(pl.col("value"))
            out.write(frame, topic=target, value="value")
            processed += len(batch)
            if processed >= count:
                break
    if processed != count:
        raise SystemExit(f"{processed} of {count} records were processed")
    stopwatch.print_per_record(count)


if __name__ == "__main__":
    main()
