"""Kafka's own reader of log files over a data directory: an independent check of what was written.

It must be run on a broker that has stopped: indexes are cut to their size only then.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from interop.kafka import run_tool

MAIN_CLASS = "org.apache.kafka.tools.DumpLogSegments"


@dataclass(frozen=True)
class DumpedBatch:
    """A line that the tool prints for a record batch of a segment."""

    base_offset: int
    last_offset: int
    count: int
    codec: str
    producer_id: int
    leader_epoch: int
    is_valid: bool


def dump_partition(partition_dir: Path) -> list[DumpedBatch]:
    """Every batch of a partition, in order; raises for anything that the tool finds wrong.

    Segments are read with their records, so that decompression is checked too; each index is
    held against its segment, and producer snapshots are read as Kafka does after a restart.
    """
    batches: list[DumpedBatch] = []
    for segment in sorted(partition_dir.glob("*.log")):
        batches += _dump_segment(segment)
        for index in (segment.with_suffix(".index"), segment.with_suffix(".timeindex")):
            if index.exists():
                _check_index(index)
        aborted_transactions = segment.with_suffix(".txnindex")
        if aborted_transactions.exists():
            _dump(aborted_transactions)
    for snapshot in sorted(partition_dir.glob("*.snapshot")):
        _dump(snapshot)
    return batches


def _dump_segment(segment: Path) -> list[DumpedBatch]:
    printed = _dump(segment, "--print-data-log", "--deep-iteration")
    found = [_batch(line) for line in printed.splitlines() if line.startswith("baseOffset: ")]
    assert all(batch.is_valid for batch in found), printed
    for before, after in itertools.pairwise(found):
        assert before.last_offset < after.base_offset, printed
    return found


def _check_index(index: Path) -> None:
    printed = _dump(index, "--index-sanity-check")
    assert "passed sanity check" in printed or index.stat().st_size == 0, printed
    # Without options the tool looks up every entry in the segment, and prints what disagrees.
    printed = _dump(index)
    assert "Found" not in printed, printed
    assert "mismatch" not in printed.lower(), printed


def _dump(file: Path, *options: str) -> str:
    printed = run_tool(MAIN_CLASS, "--files", str(file), *options)
    assert "Could not" not in printed, printed
    assert "rror" not in printed, printed
    return printed


def _batch(line: str) -> DumpedBatch:
    """`baseOffset: 0 lastOffset: 9 count: 10 ... compresscodec: zstd crc: 1 isvalid: true`"""
    fields = dict(re.findall(r"(\w+): (\S+)", line))
    return DumpedBatch(
        base_offset=int(fields["baseOffset"]),
        last_offset=int(fields["lastOffset"]),
        count=int(fields["count"]),
        codec=fields["compresscodec"],
        producer_id=int(fields["producerId"]),
        leader_epoch=int(fields["partitionLeaderEpoch"]),
        is_valid=fields["isvalid"] == "true",
    )
