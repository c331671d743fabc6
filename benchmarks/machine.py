"""What the figures were measured on, and whether anything else ran there."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Of all processors' time; a quiet machine has some background of its own.
BUSY_SHARE_MAX = 0.10
BUSY_SAMPLE_SECONDS = 2.0
BUSY_SAMPLES_MAX = 15


def description(scratch: Path) -> str:
    """Processor, memory, kernel and file system, in one line."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, "
        f"Linux {platform.release()}, {_file_system(scratch)}, Python {platform.python_version()}"
    )


def commit() -> str:
    """The commit of this checkout, and whether the tree has changes on top."""
    name = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/RESULTS.md")
    return f"{name} with changes" if changed else name


def is_quiet() -> bool:
    """Whether the machine comes to rest within half a minute."""
    return any(busy_share() <= BUSY_SHARE_MAX for _ in range(BUSY_SAMPLES_MAX))


def busy_share() -> float:
    """The share of all processors' time that is in use right now."""
    idle_before, all_before = _processor_ticks()
    time.sleep(BUSY_SAMPLE_SECONDS)
    idle, total = _processor_ticks()
    return 1 - (idle - idle_before) / max(total - all_before, 1)


class StolenTime:
    """How much of the processors' time other machines of the same host have had since this was
    made: figures of CPU are no better than that is small.
    """

    def __init__(self) -> None:
        self._stolen, self._all = _stolen_ticks()

    def share(self) -> float:
        """From 0 to 1; 0 on hardware of one's own."""
        stolen, total = _stolen_ticks()
        return (stolen - self._stolen) / max(total - self._all, 1)


def _processor_ticks() -> tuple[int, int]:
    """Ticks idle (waiting for the disk included), and all."""
    _, _, _, idle, waiting, *_ = ticks = _ticks()
    return idle + waiting, sum(ticks)


def _stolen_ticks() -> tuple[int, int]:
    """Ticks that the host gave to other machines, and all."""
    ticks = _ticks()
    return ticks[-1], sum(ticks)


def _ticks() -> list[int]:
    """Of all processors: user, nice, system, idle, waiting, interrupts, soft interrupts, stolen."""
    with Path("/proc/stat").open() as file:
        return [int(number) for number in file.readline().split()[1:9]]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _file_system(path: Path) -> str:
    """The type of the file system under a path: of the longest mount point above it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]))[1]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
