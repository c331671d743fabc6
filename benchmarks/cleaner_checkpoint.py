"""How far logs are clean: `cleaner-offset-checkpoint`, which Kafka and Ottla both write."""

from __future__ import annotations

from pathlib import Path


def cleaned_up_to(data_dir: Path, topic: str) -> dict[int, int]:
    """By partition, the offset that compaction has come to."""
    try:
        # `topic partition offset` in each line behind two of the head.
        lines = (data_dir / "cleaner-offset-checkpoint").read_text().splitlines()[2:]
    except FileNotFoundError:
        return {}
    fields = [line.split() for line in lines]
    return {int(partition): int(offset) for name, partition, offset in fields if name == topic}


def is_clean(data_dir: Path, topic: str, partition: int) -> bool:
    """Whether all of a partition's log is clean but its active segment."""
    end = active_segment(data_dir, topic, partition)
    return end == 0 or cleaned_up_to(data_dir, topic).get(partition, -1) >= end


def active_segment(data_dir: Path, topic: str, partition: int) -> int:
    """The first offset of the segment that is written to."""
    return max(int(path.stem) for path in (data_dir / f"{topic}-{partition}").glob("*.log"))
