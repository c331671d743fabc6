"""Has Apache Kafka write the files of this directory, and keeps what it has written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import ottla
from interop import kafka
from interop.hanging import UNVERIFIED, write_in_transaction

HERE = Path(__file__).parent
TOPIC = "aborted"
SEGMENT = "00000000000000000000"
TIMESTAMP_MS = 1_700_000_000_000
EPOCH = 3


def write(bootstrap: str) -> None:
    """Four transactions and a record of no transaction, at the offsets that stand beside them."""
    with ottla.Admin(bootstrap) as admin:
        # Markers are of now, and are not to have a segment of their own for that.
        admin.create_topic(TOPIC, retention_ms=-1, segment_ms=10**15)

        def begin(producer_id: int, *values: bytes) -> int:
            producer = (producer_id, EPOCH)
            return write_in_transaction(
                bootstrap, TOPIC, 0, producer, list(values), timestamp_ms=TIMESTAMP_MS
            )

        def abort(start: int) -> None:
            admin.abort_transaction(TOPIC, 0, start_offset=start)

        first = begin(1001, b"a", b"b")  # 0, 1
        second = begin(1002, b"c")  # 2
        third = begin(1003, b"d")  # 3
        abort(second)  # 4: the first is open
        abort(first)  # 5: the third is open
        with ottla.Producer(bootstrap, enable_idempotence=False) as producer:
            producer.produce(TOPIC, b"e", timestamp=TIMESTAMP_MS)  # 6
        abort(third)  # 7: nothing is open
        fourth = begin(1004, b"f", b"g")  # 8, 9
        abort(fourth)  # 10


def main() -> None:
    """Runs Kafka, and takes its files when it has stopped."""
    with tempfile.TemporaryDirectory() as scratch:
        data_dir = Path(scratch) / "data"
        with kafka.running(data_dir, UNVERIFIED) as bootstrap:
            write(bootstrap)
        for ending in ("log", "txnindex"):
            name = f"{SEGMENT}.{ending}"
            shutil.copyfile(data_dir / f"{TOPIC}-0" / name, HERE / name)


if __name__ == "__main__":
    main()
