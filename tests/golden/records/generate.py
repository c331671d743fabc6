"""Writes the batches of foreign clients in this directory, and states what every batch here holds.

Run it with the packages that README.md names: `python generate.py`.
"""

from pathlib import Path
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder as AiokafkaBuilder
from kafka.record.default_records import DefaultRecordBatchBuilder as KafkaPythonBuilder

Headers = list[tuple[str, bytes | None]]
Record = tuple[int, bytes | None, bytes | None, Headers]

HERE = Path(__file__).parent
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
# How many records, and how often a value repeats its word; "large" spans blocks of any codec.
SIZES = {"small": (12, 3), "large": (250, 100)}

PRODUCER_ID = 4711
PRODUCER_EPOCH = 3
BASE_SEQUENCE = 17
BASE_TIMESTAMP = 1_700_000_000_000


def vectors() -> list[tuple[str, str]]:
    """The (codec, size) pairs of the batches; a large one that is not compressed says no more."""
    return [(c, s) for c in CODECS for s in SIZES if (c, s) != ("none", "large")]


def records(size: str) -> list[Record]:
    """The (timestamp, key, value, headers) of a batch, in order."""
    count, repeats = SIZES[size]
    return [record(index, repeats) for index in range(count)]


def record(index: int, repeats: int) -> Record:
    """One record; the fourth is the oldest, some lack key or value, some repeat a header."""
    timestamp = BASE_TIMESTAMP + (-5 if index == 3 else 7 * index)
    key = None if index % 3 == 0 else b"key-%d" % index
    value = None if index % 5 == 4 else b"value %d " % index * repeats
    headers: Headers = []
    if index % 4 == 1:
        headers = [("trace", b"%d" % index), ("trace", None), ("größe", b"")]
    return timestamp, key, value, headers


def build(builder_class: Any, codec: str, size: str) -> bytes:
    """A batch as the client's own builder makes it."""
    builder = builder_class(
        magic=2,
        compression_type=CODECS.index(codec),
        is_transactional=True,
        producer_id=PRODUCER_ID,
        producer_epoch=PRODUCER_EPOCH,
        base_sequence=BASE_SEQUENCE,
        batch_size=1 << 20,
    )
    for offset, (timestamp, key, value, headers) in enumerate(records(size)):
        appended = builder.append(offset, timestamp, key, value, headers)
        assert appended is not None, f"the builder refused record {offset}"
    return bytes(builder.build())


def main() -> None:
    """Writes a file for each client, codec and size."""
    clients = {"kafka-python": KafkaPythonBuilder, "aiokafka": AiokafkaBuilder}
    for client, builder_class in clients.items():
        for codec, size in vectors():
            (HERE / f"{client}-{codec}-{size}.bin").write_bytes(build(builder_class, codec, size))


if __name__ == "__main__":
    main()
