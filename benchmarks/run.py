#!/usr/bin/env python3
"""Measures the figures of RESULTS.md: `python benchmarks/run.py [NAME ...]`, all without a name.

Run it with the interpreter that the wheel is installed for (`make bench` does).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The benchmarks are a package of this checkout; Apache Kafka is started as the tests start it.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.runner import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
