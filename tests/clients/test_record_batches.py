"""Foreign clients read the record batches that our builder has written, of every codec."""

import importlib.util
from pathlib import Path

import pytest
from aiokafka.record.default_records import DefaultRecordBatch as AiokafkaBatch
from kafka.record.default_records import DefaultRecordBatch as KafkaPythonBatch

GOLDEN = Path(__file__).parent.parent / "golden" / "records"
_SPEC = importlib.util.spec_from_file_location("golden_records", GOLDEN / "generate.py")
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)


@pytest.mark.parametrize("batch_class", [KafkaPythonBatch, AiokafkaBatch])
@pytest.mark.parametrize(("codec", "size"), golden.vectors())
def test_a_foreign_client_reads_our_batch(batch_class, codec, size):
    batch = batch_class(bytearray((GOLDEN / f"ottla-{codec}-{size}.bin").read_bytes()))

    assert batch.validate_crc()
    assert golden.CODECS[batch.compression_type] == codec
    assert batch.is_transactional
    assert (batch.producer_id, batch.producer_epoch) == (golden.PRODUCER_ID, golden.PRODUCER_EPOCH)
    assert batch.base_sequence == golden.BASE_SEQUENCE
    read = [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in batch]
    expected = [(offset, *record) for offset, record in enumerate(golden.records(size))]
    assert read == expected
