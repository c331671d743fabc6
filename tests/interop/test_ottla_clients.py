"""Our clients against Apache Kafka: the suite that runs on our own broker in `cargo test`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from interop import kafka

ROOT = Path(__file__).parents[2]
SUITE = ["cargo", "test", "--locked", "-p", "client", "--features", "foreign-broker"]

pytestmark = pytest.mark.interop


def test_our_producer_consumer_and_admin_work_against_apache_kafka(tmp_path: Path) -> None:
    with kafka.running(tmp_path / "data") as bootstrap:
        outcome = subprocess.run(
            [*SUITE, "--test", "foreign"],
            cwd=ROOT,
            env={**os.environ, "OTTLA_TEST_BOOTSTRAP": bootstrap},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert outcome.returncode == 0, outcome.stdout[-8000:]
