"""Our Python package against Apache Kafka: what it does with our own broker, it does with any."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import ottla
from interop import kafka

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
BASE_MS = 1_700_000_000_000
HEADERS: list[tuple[str, bytes | None]] = [("same", b"1"), ("same", b"2"), ("none", None)]
WAIT_SECONDS = 30.0

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data_dir: Path = tmp_path_factory.mktemp("kafka") / "data"
    with kafka.running(data_dir) as where:
        yield where


@pytest.fixture
def admin(bootstrap: str) -> Iterator[ottla.Admin]:
    with ottla.Admin(bootstrap) as client:
        yield client


@pytest.mark.parametrize("codec", CODECS)
def test_records_of_every_codec_come_back_as_they_were_sent(
    bootstrap: str, admin: ottla.Admin, codec: str
) -> None:
    topic = f"codec-{codec}"
    admin.create_topic(topic, 1, retention_ms=-1)
    with ottla.Producer(bootstrap, compression_type=codec, linger_ms=50) as producer:
        for number in range(100):
            value = None if number % 7 == 0 else b"value %d that looks like the others" % number
            key = None if number % 3 == 0 else b"key %d" % number
            headers = HEADERS if number % 2 == 0 else None
            producer.produce(topic, value, key, headers=headers, timestamp=BASE_MS + number)
        assert producer.flush(WAIT_SECONDS).delivered == 100
    batch = ottla.read(bootstrap, topic)
    assert batch.to_polars()["offset"].to_list() == list(range(100))
    for number, message in enumerate(batch):
        looks = b"value %d that looks like the others" % number
        assert message.value == (None if number % 7 == 0 else looks)
        assert message.key == (None if number % 3 == 0 else b"key %d" % number)
        assert message.headers == (HEADERS if number % 2 == 0 else [])
        assert message.timestamp_ms == BASE_MS + number


def test_a_consumer_starts_at_either_end_and_at_a_time(bootstrap: str, admin: ottla.Admin) -> None:
    admin.create_topic("starts", 1, retention_ms=-1)
    place = ("starts", 0)
    with ottla.Producer(bootstrap) as producer:
        for number in range(10):
            producer.produce("starts", str(number), timestamp=BASE_MS + 1_000 * number)
        producer.flush(WAIT_SECONDS)
        with ottla.Consumer(bootstrap, assignment={place: "earliest"}) as consumer:
            assert [_value(consumer) for _ in range(10)] == [b"%d" % n for n in range(10)]
            assert consumer.beginning_offsets() == {place: 0}
            assert consumer.end_offsets() == {place: 10}
            between = dt.datetime.fromtimestamp((BASE_MS + 3_500) / 1_000, tz=dt.UTC)
            consumer.seek_to_time("starts", between)
            assert _value(consumer) == b"4"
            consumer.seek("starts", 0, "latest")
            assert consumer.poll(0.3) is None
            producer.produce("starts", b"new")
            producer.flush(WAIT_SECONDS)
            assert _value(consumer) == b"new"


def test_topics_configs_and_records_are_administered(bootstrap: str, admin: ottla.Admin) -> None:
    admin.create_topic("admin", 2, retention_ms=1_000_000)
    assert admin.topics()["admin"] == 2
    with pytest.raises(ottla.TopicExistsError):
        admin.create_topic("admin")
    admin.add_partitions("admin", 3)
    assert len(admin.describe("admin").partitions) == 3
    assert admin.configs("admin")["retention.ms"].value == "1000000"
    admin.alter_configs("admin", {"retention.ms": -1})
    assert admin.configs("admin")["retention.ms"].value == "-1"
    with pytest.raises(ottla.ConfigError):
        admin.alter_configs("admin", {"retention.ms": "soon"})
    with ottla.Producer(bootstrap) as producer:
        for number in range(10):
            producer.produce("admin", str(number), partition=1)
    admin.delete_records({("admin", 1): 4})
    assert [message.offset for message in ottla.read(bootstrap, "admin")] == list(range(4, 10))
    [broker] = admin.cluster().brokers
    assert f"{broker.host}:{broker.port}" == bootstrap
    admin.delete_topic("admin")
    with pytest.raises(ottla.UnknownTopicError):
        admin.delete_topic("admin")


def test_a_frame_goes_to_a_topic_and_comes_back(bootstrap: str, admin: ottla.Admin) -> None:
    admin.create_topic("frame", 1, retention_ms=-1)
    with ottla.Producer(bootstrap) as producer:
        for number in range(1_000):
            producer.produce("frame", str(number))
    frame = ottla.read(bootstrap, "frame").to_polars()
    admin.create_topic("copy", 1, retention_ms=-1)
    with ottla.Producer(bootstrap) as producer:
        assert producer.write(frame, "copy", timestamp="timestamp") == 1_000
    copy = ottla.read(bootstrap, "copy").to_polars()
    assert copy.select("value", "offset", "timestamp").equals(
        frame.select("value", "offset", "timestamp")
    )


def _value(consumer: ottla.Consumer) -> bytes | None:
    message = consumer.poll(WAIT_SECONDS)
    assert message is not None, "no record has come"
    return message.value
