"""Kafka's DumpLogSegments reads what a stopped broker left on disk, file by file."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from clients import samples
from clients.broker import own_broker
from clients.confluent_client import ConfluentClient
from interop.dump_log import dump_partition

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SEGMENT_BYTES = 1_048_576

pytestmark = pytest.mark.interop


def test_segments_indexes_and_snapshots_are_kafkas(tmp_path: Path) -> None:
    with (
        own_broker(tmp_path) as broker,
        closing(ConfluentClient(broker.bootstrap)) as client,
    ):
        data_dir = broker.data_dir
        client.create_topic("dumped", 1, {"segment.bytes": str(SEGMENT_BYTES)})
        sent = 0
        for round_number in range(60):
            codec = CODECS[round_number % len(CODECS)]
            idempotent = round_number % 2 == 0
            records = samples.text_records(50, size=1_000)
            client.produce("dumped", records, codec=codec, idempotent=idempotent)
            sent += len(records)
    assert data_dir is not None
    partition_dir = data_dir / "dumped-0"
    assert len(list(partition_dir.glob("*.log"))) > 2, "the segments have not rolled"
    assert list(partition_dir.glob("*.snapshot")), "no snapshot of the producers was written"

    batches = dump_partition(partition_dir)
    assert sum(batch.count for batch in batches) == sent
    assert batches[0].base_offset == 0
    assert batches[-1].last_offset == sent - 1
    assert {batch.codec for batch in batches} == set(CODECS)
    assert any(batch.producer_id >= 0 for batch in batches)
    assert any(batch.producer_id == -1 for batch in batches)
    assert all(batch.leader_epoch >= 0 for batch in batches)
