"""A disk that is full: the producer is told, and nothing acknowledged is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, read

RECORD_BYTES = 100_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB, where the system lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_and_loses_nothing_acknowledged(small_disk: Path) -> None:
    acknowledged: list[bytes] = []
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            value = message.value()
            assert value is not None
            acknowledged.append(value)
        else:
            errors.append(error)

    # Outside of the full disk, where its log would be lost too.
    log = small_disk.with_suffix(".log")
    with OttlaProcess(small_disk / "data", log=log) as broker:
        create_topic(broker.bootstrap, "t")
        # One request at a time, tried once, so that the first refusal is seen as it is.
        producer = Producer(
            {
                "bootstrap.servers": broker.bootstrap,
                "acks": "all",
                "retries": 0,
                "max.in.flight": 1,
                "linger.ms": 0,
            }
        )
        for number in range(1_000):
            value = str(number).encode().ljust(RECORD_BYTES, b".")
            producer.produce("t", value, partition=0, on_delivery=delivered)
            assert producer.flush(WAIT_SECONDS) == 0
            if errors:
                break
        assert [error.code() for error in errors] == [KafkaError.KAFKA_STORAGE_ERROR]
        assert str(small_disk / "data") in broker.output()
        broker.kill()
        remount = ["mount", "-o", "remount,size=512m", str(small_disk)]
        subprocess.run(remount, check=True)
        broker.start()
        # What was not acknowledged may be there as well; what was, is, and in order.
        there = read(broker.bootstrap, "t")
        assert there[: len(acknowledged)] == acknowledged
        assert len(there) - len(acknowledged) in {0, 1}
        broker.stop()
