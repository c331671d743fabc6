"""What a client sends arrives as it was sent: content, order, codec, timestamps."""

from __future__ import annotations

import os

import pytest

from clients import samples
from clients.broker import Broker
from clients.foreign_client import Ability, ForeignClient, Record, Refused, Start
from clients.matrix import with_clients, with_clients_and
from clients.protocol import fetch_batches

MESSAGE_TOO_LARGE = 10


@with_clients_and(
    "choice",
    lambda client: [
        (codec, "idempotent" if idempotent else "plain")
        for codec in client.codecs
        for idempotent in client.idempotence
    ],
    Ability.PRODUCE,
)
def test_every_codec_arrives_as_it_was_sent(
    client: ForeignClient,
    choice: tuple[str, str],
    reference: ForeignClient,
    broker: Broker,
    topic: str,
) -> None:
    codec, idempotent = choice[0], choice[1] == "idempotent"
    # Clients send plain what would not shrink, and a batch may hold a single record.
    records = samples.text_records(50, repeats=40)
    started_ms = samples.now_ms()
    client.produce(topic, records, codec=codec, idempotent=idempotent)
    ended_ms = samples.now_ms()

    # An old client falls back to plain batches, silently, when it misreads what a broker can do.
    batches = fetch_batches(broker.bootstrap, topic, 0)
    assert {batch.codec for batch in batches} == {codec}
    assert {batch.is_idempotent for batch in batches} == {idempotent}
    assert {batch.magic for batch in batches} == {2}

    consumed = reference.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)
    assert samples.offsets(consumed) == list(range(len(records)))
    assert all(started_ms <= record.timestamp_ms <= ended_ms for record in consumed)


@with_clients(Ability.PRODUCE, Ability.CONSUME)
def test_a_client_reads_back_what_it_wrote(client: ForeignClient, topic: str) -> None:
    records = samples.text_records(20)
    client.produce(topic, records)
    consumed = client.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)
    assert samples.offsets(consumed) == list(range(len(records)))


@with_clients_and("codec", lambda client: client.codecs, Ability.PRODUCE, Ability.BYTES)
def test_any_bytes_nulls_and_repeated_headers_survive(
    client: ForeignClient, codec: str, reference: ForeignClient, topic: str
) -> None:
    null_headers = Ability.NULL_HEADERS in client.abilities
    records = samples.any_bytes(null_headers=null_headers)
    client.produce(topic, records, codec=codec)
    consumed = reference.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)


@with_clients(Ability.PRODUCE, Ability.TIMESTAMPS)
def test_the_senders_timestamps_are_kept(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    now_ms = samples.now_ms()
    # Not in order, and as old as a record of 2013.
    times = [now_ms - 5, now_ms - samples.DAY_MS, 1_357_000_000_000, now_ms - 1_000]
    client.produce(topic, samples.at_times(times))
    consumed = reference.consume(topic, Start.EARLIEST, len(times))
    assert [record.timestamp_ms for record in consumed] == times


@with_clients(Ability.PRODUCE)
def test_the_broker_stamps_records_where_the_topic_says_so(
    client: ForeignClient, reference: ForeignClient, topic_name: str
) -> None:
    configs = {"message.timestamp.type": "LogAppendTime"}
    reference.create_topic(topic_name, 1, configs)
    records = samples.text_records(10)
    if Ability.TIMESTAMPS in client.abilities:
        records = [
            Record(record.value, record.key, record.headers, timestamp_ms=1_357_000_000_000)
            for record in records
        ]
    started_ms = samples.now_ms()
    client.produce(topic_name, records, codec=client.codecs[-1])
    consumed = reference.consume(topic_name, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)
    assert all(started_ms <= record.timestamp_ms <= samples.now_ms() for record in consumed)


@with_clients_and("acks", lambda _client: ("0", "1", "all"), Ability.PRODUCE, Ability.ACKS)
def test_every_level_of_acknowledgement_delivers(
    client: ForeignClient, acks: str, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(100)
    client.produce(topic, records, acks=acks)
    consumed = reference.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)


@with_clients(Ability.PRODUCE)
def test_ten_thousand_records_keep_their_order(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    records = samples.text_records(10_000)
    client.produce(topic, records, idempotent=True)
    consumed = reference.consume(topic, Start.EARLIEST, len(records))
    assert samples.contents(consumed) == samples.content(records)
    assert reference.watermarks(topic) == (0, len(records))


@with_clients(Ability.PRODUCE, Ability.BYTES)
def test_a_batch_over_the_topics_limit_is_refused_and_the_next_one_is_not(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    too_large = Record(os.urandom(1_100_000))
    with pytest.raises(Refused) as refusal:
        client.produce(topic, [too_large])
    assert refusal.value.code == MESSAGE_TOO_LARGE
    just_fits = Record(os.urandom(1_000_000))
    client.produce(topic, [just_fits])
    [consumed] = reference.consume(topic, Start.EARLIEST, 1)
    assert consumed.value == just_fits.value


@with_clients(Ability.PRODUCE)
def test_idempotent_sessions_one_after_another_lose_and_repeat_nothing(
    client: ForeignClient, reference: ForeignClient, topic: str
) -> None:
    sent = []
    for session in range(3):
        records = samples.text_records(30, first=session * 30)
        client.produce(topic, records, idempotent=True, codec=client.codecs[-1])
        sent += records
    consumed = reference.consume(topic, Start.EARLIEST, len(sent))
    assert samples.contents(consumed) == samples.content(sent)
    assert reference.watermarks(topic) == (0, len(sent))
