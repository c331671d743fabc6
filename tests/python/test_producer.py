"""The producer: what it takes, what it answers, and what it says when a record is lost."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

import ottla

WAIT_SECONDS = 30.0


@pytest.fixture
def producer(ottla_broker: ottla.Broker) -> ottla.Producer:
    return ottla.Producer(ottla_broker, linger_ms=0)


def only(broker: ottla.Broker, topic: str) -> ottla.Message:
    (message,) = ottla.read(broker, topic)
    return message


@pytest.mark.parametrize(
    "payload",
    [b"bytes", "värde", bytearray(b"bytearray"), memoryview(b"memoryview"), b"", None],
    ids=["bytes", "str", "bytearray", "memoryview", "empty", "none"],
)
def test_keys_and_values_of_every_kind_arrive_as_bytes(
    ottla_broker: ottla.Broker,
    ottla_topic: str,
    producer: ottla.Producer,
    payload: bytes | bytearray | memoryview | str | None,
) -> None:
    producer.produce(ottla_topic, payload, key=payload)
    producer.flush(WAIT_SECONDS)
    message = only(ottla_broker, ottla_topic)
    if payload is None:
        expected = None
    else:
        expected = payload.encode() if isinstance(payload, str) else bytes(payload)
    assert (message.key, message.value) == (expected, expected)
    assert message, "a message is something, whatever it says"


@pytest.mark.parametrize("payload", [1, 1.5, ["a"], object()])
def test_what_is_no_payload_is_refused_by_its_type(
    ottla_topic: str, producer: ottla.Producer, payload: object
) -> None:
    with pytest.raises(TypeError, match=type(payload).__name__):
        producer.produce(ottla_topic, payload)  # type: ignore[arg-type]


def test_headers_keep_their_order_and_their_doubles(
    ottla_broker: ottla.Broker, ottla_topic: str, producer: ottla.Producer
) -> None:
    headers = [("same", b"1"), ("other", None), ("same", b"2"), ("empty", b"")]
    producer.produce(ottla_topic, b"v", headers=headers)
    producer.flush(WAIT_SECONDS)
    assert only(ottla_broker, ottla_topic).headers == headers


def test_headers_may_be_a_dictionary_of_text(
    ottla_broker: ottla.Broker, ottla_topic: str, producer: ottla.Producer
) -> None:
    producer.produce(ottla_topic, b"v", headers={"trace": "00-4bf9"})
    producer.flush(WAIT_SECONDS)
    assert only(ottla_broker, ottla_topic).headers == [("trace", b"00-4bf9")]
    with pytest.raises(TypeError, match="headers are a dict"):
        producer.produce(ottla_topic, b"v", headers="trace")  # type: ignore[arg-type]


def test_a_timestamp_is_a_datetime_or_milliseconds(
    ottla_broker: ottla.Broker, ottla_topic: str, producer: ottla.Producer
) -> None:
    moment = dt.datetime(2013, 1, 1, 5, 15, 0, 123_000, dt.UTC)
    producer.produce(ottla_topic, timestamp=moment)
    producer.produce(ottla_topic, timestamp=1_357_017_300_123)
    producer.flush(WAIT_SECONDS)
    batch = ottla.read(ottla_broker, ottla_topic)
    assert [message.timestamp for message in batch] == [moment, moment]
    assert [message.timestamp_ms for message in batch] == [1_357_017_300_123] * 2
    with pytest.raises(ValueError, match="older than 1970"):
        producer.produce(ottla_topic, timestamp=-5)
    with pytest.raises(TypeError, match="a timestamp is"):
        producer.produce(ottla_topic, timestamp="now")  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_carries_the_same_records(
    ottla_broker: ottla.Broker, ottla_topic: str, codec: str
) -> None:
    values = [b"value %d " % number * 50 for number in range(200)]
    with ottla.Producer(ottla_broker, compression_type=codec) as producer:
        for value in values:
            producer.produce(ottla_topic, value, key=b"k", headers={"h": b"1"})
    batch = ottla.read(ottla_broker, ottla_topic)
    assert [message.value for message in batch] == values
    assert {tuple(message.headers) for message in batch} == {(("h", b"1"),)}


def test_a_delivery_says_where_the_record_is(ottla_topic: str, producer: ottla.Producer) -> None:
    first, second = (producer.send(ottla_topic, b"v") for _ in range(2))
    result = second.result(WAIT_SECONDS)
    assert (result.topic, result.partition, result.offset) == (ottla_topic, 0, 1)
    assert first.done()
    assert first.offset == 0
    assert first.error is None
    assert result == pickle.loads(pickle.dumps(result))
    assert "offset 0" in repr(first)


def test_callbacks_get_every_result_on_one_thread(
    ottla_topic: str, producer: ottla.Producer
) -> None:
    offsets: list[int | None] = []
    threads: set[int] = set()

    def called(delivery: ottla.Delivery) -> None:
        offsets.append(delivery.offset)
        threads.add(threading.get_ident())

    for _ in range(1000):
        producer.produce(ottla_topic, b"v", on_delivery=called)
    producer.flush(WAIT_SECONDS)
    assert offsets == list(range(1000))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_a_callback_that_raises_drops_no_other_and_surfaces_at_the_flush(
    ottla_topic: str, producer: ottla.Producer
) -> None:
    seen: list[int | None] = []

    def called(delivery: ottla.Delivery) -> None:
        seen.append(delivery.offset)
        if delivery.offset == 1:
            raise ZeroDivisionError("of the callback")

    for _ in range(5):
        producer.produce(ottla_topic, b"v", on_delivery=called)
    with pytest.raises(ottla.CallbackError, match="of the callback") as raised:
        producer.flush(WAIT_SECONDS)
    assert seen == [0, 1, 2, 3, 4]
    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
    producer.flush(WAIT_SECONDS)


def test_a_callback_that_cannot_be_called_is_refused_at_once(
    ottla_topic: str, producer: ottla.Producer
) -> None:
    with pytest.raises(TypeError, match=r"on_delivery .* int is no function"):
        producer.produce(ottla_topic, on_delivery=3)  # type: ignore[arg-type]
    assert producer.flush().delivered == 0


def test_a_callback_may_produce_and_flush(ottla_topic: str, producer: ottla.Producer) -> None:
    answered = threading.Event()

    def called(_: ottla.Delivery) -> None:
        producer.produce(ottla_topic, b"answer", on_delivery=lambda _: answered.set())
        producer.flush(WAIT_SECONDS)

    producer.produce(ottla_topic, b"question", on_delivery=called)
    assert answered.wait(WAIT_SECONDS)


def test_a_record_that_is_refused_comes_out_of_the_flush_with_its_partition(
    ottla_broker: ottla.Broker, ottla_topic: str, producer: ottla.Producer
) -> None:
    with ottla.Admin(ottla_broker) as admin:
        admin.alter_configs(ottla_topic, {"max.message.bytes": 1000})
    delivery = producer.send(ottla_topic, b"x" * 10_000)
    with pytest.raises(ottla.DeliveryFailed) as failed:
        producer.flush(WAIT_SECONDS)
    (row,) = failed.value.report
    assert (row.topic, row.partition, row.failed, row.delivered) == (ottla_topic, 0, 1, 0)
    assert row.error is not None
    assert row.error.name == "MESSAGE_TOO_LARGE"
    assert failed.value.name == "MESSAGE_TOO_LARGE"
    assert not row.error.retriable
    with pytest.raises(ottla.DeliveryError) as refused:
        delivery.result()
    assert refused.value.code == 10
    assert isinstance(delivery.error, ottla.DeliveryError)
    copy = pickle.loads(pickle.dumps(failed.value))
    assert (str(copy), copy.name) == (str(failed.value), failed.value.name)


def test_a_block_that_loses_records_raises(ottla_broker: ottla.Broker, ottla_topic: str) -> None:
    with ottla.Admin(ottla_broker) as admin:
        admin.alter_configs(ottla_topic, {"max.message.bytes": 1000})
    with pytest.raises(ottla.DeliveryFailed), ottla.Producer(ottla_broker) as producer:
        producer.produce(ottla_topic, b"x" * 10_000)

    def lose_and_raise(producer: ottla.Producer) -> None:
        producer.produce(ottla_topic, b"x" * 10_000)
        raise ZeroDivisionError

    # What went wrong in the block goes before what went wrong at its end.
    with pytest.raises(ZeroDivisionError), ottla.Producer(ottla_broker) as producer:
        lose_and_raise(producer)


def test_a_record_that_cannot_be_is_refused_at_once(
    ottla_topic: str, producer: ottla.Producer
) -> None:
    with pytest.raises(ottla.RecordTooLarge, match=r"max\.request\.size"):
        producer.produce(ottla_topic, b"x" * 2_000_000)
    producer.partitions(ottla_topic)
    with pytest.raises(LookupError, match="no partition 7"):
        producer.produce(ottla_topic, b"x", partition=7)


@pytest.fixture
def strict() -> Iterator[ottla.Broker]:
    """A broker that makes no topics by itself."""
    with ottla.Broker(auto_create_topics_enable=False) as broker:
        yield broker


def test_a_record_for_a_missing_topic_is_taken_at_once_and_fails_after_max_block_ms(
    strict: ottla.Broker,
) -> None:
    producer = ottla.Producer(strict)
    begun = time.monotonic()
    delivery = producer.send("nowhere", b"v")
    with pytest.raises(TimeoutError, match="topic nowhere is not known within 0"):
        delivery.result(timeout=0.2)
    assert time.monotonic() - begun < 1
    assert (delivery.topic, delivery.partition, delivery.done()) == ("nowhere", None, False)
    with pytest.raises(ottla.Timeout, match="1 records have no result"):
        producer.flush(timeout=0.2)
    assert producer.pending() == [("nowhere", None, 1)]
    with pytest.raises(ottla.DeliveryFailed, match="`nowhere` is not known after") as failed:
        producer.close(timeout=1)
    (row,) = failed.value.report
    assert (row.topic, row.partition, row.failed) == ("nowhere", None, 1)
    assert isinstance(delivery.error, ottla.DeliveryError)
    assert delivery.error.name == "UNKNOWN_TOPIC_OR_PARTITION"

    with ottla.Producer(strict, max_block_ms=300) as producer:
        begun = time.monotonic()
        producer.produce("nowhere", b"v")
        with pytest.raises(ottla.DeliveryFailed, match="create it, or check its name"):
            producer.flush(WAIT_SECONDS)
        assert 0.3 <= time.monotonic() - begun < 5
        with pytest.raises(ottla.UnknownTopicError, match="`nowhere` is not known after 300 ms"):
            producer.write(pl.DataFrame({"value": ["v"]}), "nowhere")


def test_a_topic_that_comes_in_time_gets_what_was_sent_before_it(strict: ottla.Broker) -> None:
    delivered: list[int | None] = []
    with ottla.Producer(strict) as producer:
        for number in range(100):
            producer.produce(
                "late",
                str(number),
                headers={"n": str(number)},
                on_delivery=lambda delivery: delivered.append(delivery.offset),
            )
        strict.create_topic("late")
        producer.produce("late", "100")
        assert producer.flush(WAIT_SECONDS).delivered == 101
    assert delivered == list(range(100))
    messages = list(ottla.read(strict, "late"))
    assert [message.value for message in messages] == [b"%d" % number for number in range(101)]
    assert messages[7].headers == [("n", b"7")]


def test_a_full_buffer_makes_the_producer_wait_and_loses_nothing(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    with ottla.Producer(ottla_broker, buffer_memory=100_000, batch_size=10_000) as producer:
        for _ in range(500):
            producer.produce(ottla_topic, b"x" * 5_000)
        assert producer.flush(WAIT_SECONDS).pending == 0
    assert len(ottla.read(ottla_broker, ottla_topic)) == 500


def test_a_buffer_that_stays_full_is_an_error_that_names_its_limits() -> None:
    with ottla.Broker() as broker:
        producer = ottla.Producer(
            broker,
            linger_ms=0,
            buffer_memory=40_000,
            max_block_ms=300,
            request_timeout_ms=1_000,
            delivery_timeout_ms=2_000,
        )
        assert producer.partitions("t") == 1

    def fill() -> None:
        for _ in range(1_000):
            producer.produce("t", b"x" * 1_000)

    begun = time.monotonic()
    with pytest.raises(ottla.BufferFull, match=r"40000 bytes of buffer\.memory .* 300 ms"):
        fill()
    assert time.monotonic() - begun >= 0.3
    with pytest.raises(ottla.DeliveryFailed) as lost:
        producer.flush(WAIT_SECONDS)
    assert 0 < lost.value.report.failed < 40
    producer.close()


def test_threads_share_a_producer(
    ottla_broker: ottla.Broker, ottla_topic: str, producer: ottla.Producer
) -> None:
    def produce() -> None:
        for _ in range(500):
            producer.produce(ottla_topic, b"v")

    threads = [threading.Thread(target=produce) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert producer.flush(WAIT_SECONDS).is_ok
    assert len(ottla.read(ottla_broker, ottla_topic)) == 2000


def test_a_closed_producer_says_so(ottla_topic: str, producer: ottla.Producer) -> None:
    producer.close()
    producer.close()
    with pytest.raises(ottla.ClosedError, match="producer is closed"):
        producer.produce(ottla_topic, b"v")
    assert repr(producer) == "<ottla.Producer, closed>"


def test_a_key_that_is_unknown_or_not_built_is_never_ignored(ottla_broker: ottla.Broker) -> None:
    with pytest.raises(ottla.ConfigError, match="did you mean `linger_ms`"):
        ottla.Producer(ottla_broker, linger_m=5)
    with pytest.raises(ottla.ConfigError, match=r"two\.phase\.commit"):
        ottla.Producer(ottla_broker, transaction_two_phase_commit_enable=True)
    with pytest.warns(ottla.ConfigWarning, match=r"client\.dns\.lookup") as warned:
        ottla.Producer(ottla_broker, client_dns_lookup="resolve_canonical_bootstrap_servers_only")
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"acks": 1}, "`transactional.id` needs `acks=all`"),
        ({"acks": 0}, "`transactional.id` needs `acks=all`"),
        ({"retries": 0}, "`transactional.id` needs `retries` above 0"),
        ({"enable_idempotence": False}, "`transactional.id` needs `enable.idempotence=true`"),
        ({"max_in_flight_requests_per_connection": 6}, "of at most 5, not 6"),
        ({"transaction_timeout_ms": -1}, "`transaction.timeout.ms=-1` is refused"),
        ({"transaction_two_phase_commit_enable": True}, "two-phase commit"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_contradicts_transactions_is_refused(
    ottla_broker: ottla.Broker, settings: dict[str, object], told: str
) -> None:
    with pytest.raises(ottla.ConfigError) as refused:
        ottla.Producer(ottla_broker, transactional_id="t", **settings)  # type: ignore[arg-type]
    assert told in str(refused.value)


def test_what_contradicts_idempotence_is_refused_if_both_were_asked_for(
    ottla_broker: ottla.Broker,
) -> None:
    contradictions: list[dict[str, Any]] = [{"acks": 1}, {"retries": 0}]
    for settings in contradictions:
        with pytest.raises(ottla.ConfigError, match=r"`enable\.idempotence=true` needs"):
            ottla.Producer(ottla_broker, enable_idempotence=True, **settings)
        ottla.Producer(ottla_broker, **settings).close()
    many: dict[str, Any] = {"max_in_flight_requests_per_connection": 6}
    with pytest.raises(ottla.ConfigError, match="at most 5, not 6"):
        ottla.Producer(ottla_broker, **many)
    ottla.Producer(ottla_broker, enable_idempotence=False, **many).close()


def test_what_is_no_cluster_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        ottla.Producer(9092)  # type: ignore[arg-type]
    with pytest.raises(ottla.ConfigError, match=r"bootstrap\.servers"):
        ottla.Producer({"linger.ms": 5})
