"""What a running process uses, as the kernel counts it."""

from __future__ import annotations

import time
from pathlib import Path

MEBIBYTE = 1 << 20


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, all its threads, user and system, since it started.

    The sum is that of /proc/PID/stat, in nanoseconds instead of ticks of 10 ms. The number of the
    clock is made as the kernel makes it (include/linux/posix-timers_types.h): the inverted pid, and
    2 for scheduled time of a whole process.
    """
    return time.clock_gettime((~pid << 3) | 2)


def pss_mebibytes(pid: int) -> float:
    """Memory of a process; what it shares with others is divided by the number of sharers."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * 1024 / MEBIBYTE
    raise AssertionError(f"the kernel reports no proportional set size of process {pid}")
