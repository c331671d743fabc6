"""A disk that takes no more: the producer is told, and nothing acknowledged is lost."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, read

RECORD_BYTES = 100_000
FILE_BYTES_MAX = 4 * 1024 * 1024


def test_a_disk_that_takes_no_more_is_told_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[bytes] = []
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is None:
            value = message.value()
            assert value is not None
            acknowledged.append(value)
        else:
            errors.append(error)

    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        # From here on a write behind this position of any file fails.
        _, hard = resource.prlimit(broker.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, hard))
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
        told = [line for line in broker.output().splitlines() if " ERROR " in line]
        reason = os.strerror(errno.EFBIG)
        assert any(str(broker.data_dir) in line and reason in line for line in told), told
        broker.kill()
        broker.start()
        assert len(acknowledged) > 10
        # What was not acknowledged may be there as well; what was, is, and in order.
        there = read(broker.bootstrap, "t")
        assert there[: len(acknowledged)] == acknowledged
        assert len(there) - len(acknowledged) in {0, 1}
        broker.stop()
