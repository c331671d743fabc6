"""Reading by assignment, without a group: from every kind of start, through every codec."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from clients import samples
from clients.foreign_client import (
    WAIT_SECONDS,
    Ability,
    ForeignClient,
    FromTimestamp,
    Record,
    Start,
)
from clients.kafka_python_client import KafkaPythonClient
from clients.matrix import with_clients, with_clients_and

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


@with_clients_and("codec", lambda _client: CODECS, Ability.CONSUME)
def test_every_codec_is_read_whoever_wrote_it(
    client: ForeignClient, codec: str, reference: ForeignClient, topic: str
) -> None:
    """Two writers: their compressors frame differently (snappy and LZ4 above all)."""
    records = samples.text_records(40)
    reference.produce(topic, records[:20], codec=codec)
    writer = KafkaPythonClient(reference.bootstrap)
    try:
        writer.produce(topic, records[20:], codec=codec)
    finally:
        writer.close()
    consumed = client.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)
    assert samples.offsets(consumed) == list(range(len(records)))


@with_clients(Ability.CONSUME, Ability.BYTES)
def test_any_bytes_nulls_and_repeated_headers_are_read(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.any_bytes()
    reference.produce(topic, records)
    consumed = client.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)


@with_clients(Ability.CONSUME)
def test_timestamps_are_read_as_they_were_sent(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    now_ms = samples.now_ms()
    times = [now_ms - 5, 1_357_000_000_000, now_ms]
    records = [
        Record(record.value, record.key, record.headers, timestamp_ms)
        for record, timestamp_ms in zip(samples.text_records(3), times, strict=True)
    ]
    reference.produce(topic, records)
    consumed = client.consume(topic, Start.EARLIEST, len(times))
    assert [record.timestamp_ms for record in consumed] == times


@with_clients(Ability.CONSUME)
def test_an_offset_inside_of_a_compressed_batch_starts_exactly_there(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(30)
    reference.produce(topic, records, codec="zstd")
    consumed = client.consume(topic, 17, 13)
    assert samples.offsets(consumed) == list(range(17, 30))
    assert samples.contents(consumed) == samples.content(records[17:])


@with_clients(Ability.CONSUME)
def test_from_latest_only_what_comes_later_is_read(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    old = samples.text_records(10)
    reference.produce(topic, old)
    new: list[Record] = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(client.consume, topic, Start.LATEST, 1)
        # No client tells when it has found the end: records come until one of them is read.
        deadline = time.monotonic() + WAIT_SECONDS
        while not reading.done() and time.monotonic() < deadline:
            [record] = samples.text_records(1, first=len(old) + len(new))
            reference.produce(topic, [record])
            new.append(record)
        [consumed] = reading.result()
    assert consumed.offset >= len(old)
    assert consumed.content == samples.content(new)[consumed.offset - len(old)]


@with_clients(Ability.CONSUME_FROM_TIMESTAMP)
def test_from_a_timestamp_the_first_record_that_is_not_older_is_read(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    base_ms = samples.now_ms() - samples.DAY_MS
    records = samples.at_times([base_ms + index * 1_000 for index in range(10)])
    records = [Record(r.value, b"k", (("h", b"1"),), r.timestamp_ms) for r in records]
    for record in records:
        reference.produce(topic, [record])
    between = client.consume(topic, FromTimestamp(base_ms + 3_500), 6)
    assert samples.offsets(between) == [4, 5, 6, 7, 8, 9]
    assert samples.contents(between) == samples.content(records[4:])
    exact = client.consume(topic, FromTimestamp(base_ms + 3_000), 1)
    assert samples.offsets(exact) == [3]


@with_clients(Ability.CONSUME)
def test_each_partition_has_its_own_records(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    reference.create_topic(topic_name, 4, {})
    records = samples.text_records(40)
    for partition in range(4):
        reference.produce(topic_name, records[partition::4], partition=partition)
    for partition in range(4):
        consumed = client.consume(topic_name, Start.EARLIEST, 10, partition=partition)
        assert samples.offsets(consumed) == list(range(10))
        assert samples.contents(consumed) == samples.content(records[partition::4])


@with_clients(Ability.CONSUME, Ability.BYTES)
def test_a_record_larger_than_the_fetch_limit_still_comes(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    """The first batch of a fetch is whole whatever its size, or a consumer would never pass it."""
    reference.create_topic(topic_name, 1, {"max.message.bytes": "4000000"})
    records = [Record(b"small"), Record(os.urandom(3_000_000)), Record(b"small again")]
    for record in records:
        reference.produce(topic_name, [record])
    consumed = client.consume(topic_name, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)


@with_clients(Ability.CONSUME)
def test_after_records_were_deleted_the_earliest_is_the_first_that_is_left(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(20)
    reference.produce(topic, records, codec="lz4")
    # Inside of a batch: the client drops what lies before.
    reference.delete_records(topic, 12)
    consumed = client.consume(topic, Start.EARLIEST, 8)
    assert samples.offsets(consumed) == list(range(12, 20))
    assert samples.contents(consumed) == samples.content(records[12:])
