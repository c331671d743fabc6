"""Traps that each caught a shipping broker or client: what happens on the wire, and how fast."""

from __future__ import annotations

import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPythonPartition

from clients import samples
from clients.broker import Broker
from clients.foreign_client import ForeignClient, Record, Start
from clients.protocol import (
    API_FETCH,
    API_METADATA,
    API_PRODUCE,
    API_VERSIONS,
    Connection,
    FetchFailed,
    Reader,
    fetch_batches,
    fetch_body,
)

UNSUPPORTED_VERSION = 35
OFFSET_OUT_OF_RANGE = 1


def test_an_empty_value_is_not_a_null(reference: ForeignClient, topic: str) -> None:
    reference.produce(topic, [Record(b""), Record(None, key=b"k")])
    empty, null = reference.consume(topic, Start.EARLIEST, 2)
    assert empty.value == b""
    assert null.value is None


def test_twenty_thousand_records_over_four_partitions_are_read_at_once(
    reference: ForeignClient, broker: Broker, topic_name: str
) -> None:
    """One consumer, four partitions: a broker that answers one partition a wait takes seconds."""
    reference.create_topic(topic_name, 4, {})
    for partition in range(4):
        reference.produce(topic_name, samples.text_records(5_000), partition=partition)
    config = {"bootstrap.servers": broker.bootstrap, "group.id": "unused"}
    consumer = Consumer({**config, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5_000})
    try:
        started = time.monotonic()
        consumer.assign([TopicPartition(topic_name, partition, 0) for partition in range(4)])
        count = 0
        while count < 20_000 and time.monotonic() - started < 10:
            count += len(consumer.consume(5_000, timeout=0.5))
        assert count == 20_000
        assert time.monotonic() - started < 4, "a wait for more stood in the way"
    finally:
        consumer.close()


def test_a_partial_batch_is_returned_within_its_wait(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    """Fewer bytes than the consumer hopes for: the broker answers when max wait is over."""
    reference.produce(topic, samples.text_records(3))
    assigned = KafkaPythonPartition(topic, 0)
    options = {"fetch_min_bytes": 1_000_000, "fetch_max_wait_ms": 300}
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, **options)
    try:
        consumer.assign([assigned])
        consumer.seek(assigned, 0)
        started = time.monotonic()
        polled = consumer.poll(timeout_ms=10_000)
        assert len(polled[assigned]) == 3
        assert 0.25 < time.monotonic() - started < 3
    finally:
        consumer.close()


def test_a_waiting_consumer_is_woken_by_the_append(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    """The fetch may wait for 10 s; the record that it waits for comes after 1 s."""
    config = {"bootstrap.servers": broker.bootstrap, "group.id": "unused"}
    consumer = Consumer({**config, "fetch.wait.max.ms": 10_000})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        assert consumer.consume(1, timeout=1) == []
        sent = time.monotonic()
        reference.produce(topic, [Record(b"wake up")])
        [message] = consumer.consume(1, timeout=9)
        assert message.value() == b"wake up"
        assert time.monotonic() - sent < 2
    finally:
        consumer.close()


def test_a_fetch_below_the_limit_of_bytes_still_brings_the_first_batch(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    for _ in range(3):
        reference.produce(topic, [samples.incompressible(5_000)])
    batches = fetch_batches(broker.bootstrap, topic, 1, bytes_max=100, partition_bytes_max=100)
    assert [batch.base_offset for batch in batches] == [1]


def test_a_fetch_stops_where_its_bytes_end(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    for _ in range(10):
        reference.produce(topic, [samples.incompressible(5_000)])
    batches = fetch_batches(broker.bootstrap, topic, 0, partition_bytes_max=22_000)
    assert [batch.base_offset for batch in batches] == [0, 1, 2, 3]


def test_an_idle_fetch_is_answered_when_its_wait_is_over(broker: Broker, topic: str) -> None:
    started = time.monotonic()
    assert fetch_batches(broker.bootstrap, topic, 0) == []
    assert 0.9 < time.monotonic() - started < 3


def test_a_fetch_beyond_the_end_is_out_of_range(broker: Broker, topic: str) -> None:
    started = time.monotonic()
    with pytest.raises(FetchFailed) as failure:
        fetch_batches(broker.bootstrap, topic, 99)
    assert failure.value.code == OFFSET_OUT_OF_RANGE
    assert time.monotonic() - started < 0.9, "an error is worth no wait"


def test_versions_are_told_to_a_client_that_asks_in_an_unknown_one(broker: Broker) -> None:
    """The answer has the oldest layout, the error, and the real table: the client asks again."""
    with Connection(broker.bootstrap) as connection:
        connection.send(API_VERSIONS, 99, b"\x01\x01\x00", flexible=True)
        response = connection.receive()
        assert response.int16() == UNSUPPORTED_VERSION
        versions = _versions(response)
    low, high = versions[API_VERSIONS]
    assert (low, high) == (0, 4)


def test_produce_is_advertised_from_zero(broker: Broker) -> None:
    """Old librdkafkas take a later start for a broker that cannot read compressed batches."""
    with Connection(broker.bootstrap) as connection:
        response = connection.request(API_VERSIONS, 0, b"")
    assert response.int16() == 0
    versions = _versions(response)
    assert versions[API_PRODUCE] == (0, 13)
    assert versions[API_FETCH] == (4, 18)


def test_a_produce_without_acknowledgement_is_never_answered(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    """The next answer on the connection is that of the next request."""
    reference.produce(topic, samples.text_records(1))
    empty_produce = struct.pack(">hhii", -1, 0, 1_000, 0)
    with Connection(broker.bootstrap) as connection:
        connection.send(API_PRODUCE, 3, empty_produce)
        response = connection.request(API_VERSIONS, 0, b"")
        assert response.int16() == 0


def test_a_pipeline_of_requests_is_answered_in_order(broker: Broker, topic: str) -> None:
    """A fetch that waits holds back what was asked after it on its connection."""
    body = fetch_body(topic, 0, wait_ms_max=500)
    with Connection(broker.bootstrap) as connection:
        first = connection.send(API_FETCH, 4, body)
        second = connection.send(API_VERSIONS, 0, b"")
        assert connection.receive_any()[0] == first
        assert connection.receive_any()[0] == second


def test_a_frame_of_impossible_length_ends_its_connection_only(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    for length in (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"):
        with Connection(broker.bootstrap) as connection:
            connection.send_raw(length)
            assert connection.is_closed_by_peer()
    records = samples.text_records(1)
    reference.produce(topic, records)
    assert samples.contents(reference.consume(topic, Start.EARLIEST, 1)) == samples.content(records)


def test_an_array_that_claims_more_than_its_frame_ends_its_connection_only(
    broker: Broker, topic: str
) -> None:
    """Metadata version 1 is one array of names: four bytes claim two thousand million."""
    with Connection(broker.bootstrap) as connection:
        connection.send(API_METADATA, 1, b"\x7f\xff\xff\xff")
        assert connection.is_closed_by_peer()
    assert fetch_batches(broker.bootstrap, topic, 0) == []


def test_bytes_behind_a_request_are_tolerated(broker: Broker, topic: str) -> None:
    """Librdkafka's list of all topics leaves three of them."""
    with Connection(broker.bootstrap) as connection:
        response = connection.request(API_METADATA, 1, struct.pack(">i", -1) + b"\x01\x00\x00")
    assert topic.encode() in response.data


def test_no_topics_are_all_of_them_in_the_oldest_metadata_only(broker: Broker, topic: str) -> None:
    with Connection(broker.bootstrap) as connection:
        answers = [
            connection.request(API_METADATA, version, struct.pack(">i", count)).data
            for version, count in ((0, 0), (1, 0), (1, -1))
        ]
    assert [topic.encode() in answer for answer in answers] == [True, False, True]


def test_a_cluster_is_described_with_its_operations(broker: Broker) -> None:
    """The option makes librdkafka fall back to an older Metadata."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    described = admin.describe_cluster(include_authorized_operations=True).result(timeout=30)
    assert [f"{node.host}:{node.port}" for node in described.nodes] == [broker.bootstrap]
    assert described.cluster_id


def test_a_topic_is_made_by_the_first_produce(reference: ForeignClient, topic_name: str) -> None:
    records = samples.text_records(5)
    started = time.monotonic()
    reference.produce(topic_name, records)
    assert time.monotonic() - started < 10
    consumed = reference.consume(topic_name, Start.EARLIEST, 5)
    assert samples.contents(consumed) == samples.content(records)


def test_an_empty_topics_end_is_its_beginning(reference: ForeignClient, topic: str) -> None:
    assert reference.watermarks(topic) == (0, 0)
    assert reference.offset_for_timestamp(topic, 0) is None


def test_eight_producers_at_once_lose_and_repeat_nothing(
    reference: ForeignClient, topic: str
) -> None:
    groups = [samples.text_records(200, first=index * 200) for index in range(8)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for sent in [pool.submit(reference.produce, topic, group) for group in groups]:
            sent.result()
    consumed = reference.consume(topic, Start.EARLIEST, 1_600)
    assert samples.offsets(consumed) == list(range(1_600))
    values = [record.value for record in consumed]
    for group in groups:
        wanted = {record.value for record in group}
        assert [value for value in values if value in wanted] == [r.value for r in group]


def test_a_consumer_that_starts_at_the_end_is_not_given_the_past(
    reference: ForeignClient, broker: Broker, topic: str
) -> None:
    reference.produce(topic, samples.text_records(10))
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        assert consumer.consume(1, timeout=2) == []
    finally:
        consumer.close()


def _versions(response: Reader) -> dict[int, tuple[int, int]]:
    count = response.int32()
    rows = [(response.int16(), response.int16(), response.int16()) for _ in range(count)]
    return {key: (low, high) for key, low, high in rows}
