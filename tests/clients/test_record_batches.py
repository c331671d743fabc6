"""Foreign clients read the record batches that our builder has written, of every codec."""

from pathlib import Path
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch as AiokafkaBatch
from kafka.record.default_records import DefaultRecordBatch as KafkaPythonBatch

from golden.records import generate as golden

GOLDEN = Path(__file__).parent.parent / "golden" / "records"


@pytest.mark.parametrize("batch_class", [KafkaPythonBatch, AiokafkaBatch])
@pytest.mark.parametrize(("codec", "size"), golden.vectors())
def test_a_foreign_client_reads_our_batch(batch_class: Any, codec: str, size: str) -> None:
    batch = batch_class(bytearray((GOLDEN / f"ottla-{codec}-{size}.bin").read_bytes()))

    assert batch.validate_crc()
    assert golden.CODECS[batch.compression_type] == codec
    assert batch.is_transactional
    assert (batch.producer_id, batch.producer_epoch) == (golden.PRODUCER_ID, golden.PRODUCER_EPOCH)
    assert batch.base_sequence == golden.BASE_SEQUENCE
    read = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    expected = [(offset, *record) for offset, record in enumerate(golden.records(size))]
    assert read == expected
