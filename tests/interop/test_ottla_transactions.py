"""Our transactions and our processor, on our own broker and on Apache Kafka."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ottla
from interop import kafka

WAIT_SECONDS = 30.0
_COUNT = itertools.count()


@pytest.fixture(scope="module", params=["ottla", pytest.param("kafka", marks=pytest.mark.interop)])
def bootstrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "ottla":
        with ottla.Broker() as broker:
            yield broker.bootstrap_servers
        return
    data_dir: Path = tmp_path_factory.mktemp("kafka") / "data"
    with kafka.running(data_dir) as where:
        yield where


@pytest.fixture
def topic(bootstrap: str) -> str:
    return fresh_topic(bootstrap, 2)


@pytest.fixture
def producer(bootstrap: str) -> Iterator[ottla.Producer]:
    with ottla.Producer(bootstrap, transactional_id=fresh_name(), linger_ms=0) as client:
        yield client


def fresh_name() -> str:
    return f"transactions-{next(_COUNT)}"


def fresh_topic(bootstrap: str, partitions: int) -> str:
    name = fresh_name()
    with ottla.Admin(bootstrap) as admin:
        admin.create_topic(name, partitions)
    return name


def committed(bootstrap: str, topic: str) -> list[bytes]:
    batch = ottla.read(bootstrap, topic, isolation_level="read_committed")
    return sorted(message.value or b"" for message in batch)


def send_all(producer: ottla.Producer, topic: str, *values: bytes) -> None:
    with producer.transaction():
        for value in values:
            producer.produce(topic, value)


def fail_after(batch: ottla.Batch, out: ottla.ProcessorOutput, topic: str) -> None:
    assert out.write(batch, topic) == len(batch)
    raise MemoryError("it was killed")


def write(bootstrap: str, topic: str, count: int) -> None:
    with ottla.Producer(bootstrap) as client:
        for number in range(count):
            client.produce(topic, b"%05d" % number, partition=number % 2)


def test_a_block_commits_at_its_end_and_aborts_if_it_raises(
    bootstrap: str, topic: str, producer: ottla.Producer
) -> None:
    send_all(producer, topic, b"1", b"2")
    with pytest.raises(TypeError):
        send_all(producer, topic, b"3", 3)  # type: ignore[arg-type]
    send_all(producer, topic, b"4")
    assert committed(bootstrap, topic) == [b"1", b"2", b"4"]
    assert producer.flush(WAIT_SECONDS).is_ok


def test_records_belong_to_a_transaction_or_are_refused(
    topic: str, producer: ottla.Producer
) -> None:
    with pytest.raises(ottla.TransactionStateError, match="begin_transaction"):
        producer.produce(topic, b"v")
    with pytest.raises(ottla.TransactionStateError, match="init_transactions"):
        producer.begin_transaction()
    producer.init_transactions()
    with pytest.raises(ottla.TransactionStateError, match="no transaction is open"):
        producer.commit_transaction()
    producer.begin_transaction()
    with pytest.raises(ottla.TransactionStateError, match="open already"):
        producer.begin_transaction()
    producer.abort_transaction()
    with pytest.raises(ottla.TransactionStateError):
        producer.send(topic, b"v")


def test_what_was_refused_can_only_be_aborted(bootstrap: str, topic: str) -> None:
    wide = {"max.request.size": 4_000_000, "linger.ms": 0}
    name = fresh_name()
    with ottla.Producer(bootstrap, transactional_id=name, config=wide) as producer:
        with pytest.raises(ottla.TransactionAbortable) as raised:
            send_all(producer, topic, b"small", b"x" * 2_000_000)
        assert raised.value.name == "MESSAGE_TOO_LARGE"
        send_all(producer, topic, b"next")
    assert committed(bootstrap, topic) == [b"next"]


def test_a_second_producer_fences_the_first_off(bootstrap: str, topic: str) -> None:
    name = fresh_name()
    with ottla.Producer(bootstrap, transactional_id=name, linger_ms=0) as first:
        first.init_transactions()
        first.begin_transaction()
        first.send(topic, b"lost").result(WAIT_SECONDS)
        with ottla.Producer(bootstrap, transactional_id=name) as second:
            send_all(second, topic, b"kept")
            with pytest.raises(ottla.ProducerFenced) as raised:
                first.commit_transaction()
            assert raised.value.fatal
            assert raised.value.name == "PRODUCER_FENCED"
            with pytest.raises(ottla.ProducerFenced):
                first.produce(topic, b"late")
    assert committed(bootstrap, topic) == [b"kept"]


def test_offsets_are_committed_with_the_transaction_or_not_at_all(
    bootstrap: str, topic: str, producer: ottla.Producer
) -> None:
    write(bootstrap, topic, 10)
    copy, group = fresh_topic(bootstrap, 1), fresh_name()
    settings = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    with ottla.Consumer(bootstrap, group=group, topics=[topic], config=settings) as consumer:
        batch = next(consumer.batches(min_rows=10, max_wait=WAIT_SECONDS, timeout=WAIT_SECONDS))
        producer.init_transactions()
        producer.begin_transaction()
        producer.write(batch, copy)
        producer.send_offsets(batch, consumer)
        producer.abort_transaction()
        assert set(consumer.committed().values()) == {None}
        with producer.transaction():
            producer.write(batch, copy)
            producer.send_offsets(batch, consumer)
        assert consumer.committed() == batch.next_offsets
        # As with a plain commit, whoever reads on finds out if the log was cut (KIP-320).
        told = [offset for offset in consumer.committed().values() if offset is not None]
        consumer.commit(batch)
        plainly = [offset for offset in consumer.committed().values() if offset is not None]
        assert [offset.leader_epoch for offset in told] == [0, 0]
        assert [offset.leader_epoch for offset in plainly] == [0, 0]
        with producer.transaction():
            producer.send_offsets({(topic, 0): 3}, consumer)
        assert list(consumer.committed([(topic, 0)]).values()) == [3]
    with pytest.raises(ValueError, match="give one"):
        producer.send_offsets({(topic, 0): 3})
    assert len(committed(bootstrap, copy)) == 10


def test_offsets_that_cannot_be_are_refused_before_they_are_sent(
    bootstrap: str, topic: str, producer: ottla.Producer
) -> None:
    group = fresh_name()
    with producer.transaction(), ottla.Consumer(bootstrap, group=group, topics=[topic]) as consumer:
        with pytest.raises(ValueError, match=f"{topic}-0: an offset is not negative"):
            producer.send_offsets({(topic, 0): -5}, group=group)
        with pytest.raises(ValueError, match="not empty"):
            producer.send_offsets({(topic, 0): 5}, group="")
        with pytest.raises(ValueError, match="not negative"):
            consumer.commit({(topic, 0): -1})
        # Nothing of that has cost the transaction anything.
        producer.produce(topic, b"kept")
    assert committed(bootstrap, topic) == [b"kept"]


def processor(
    bootstrap: str, group: str, source: str, name: str, **more: object
) -> ottla.Processor:
    settings: dict[str, object] = {"max_rows": 100, "max_wait": 0.05, "timeout": 6.0, **more}
    return ottla.Processor(
        bootstrap,
        group=group,
        source=source,
        transactional_id=name,
        **settings,  # type: ignore[arg-type]
    )


def test_a_processor_takes_every_record_over_once_although_it_is_killed_in_the_middle(
    bootstrap: str, topic: str
) -> None:
    write(bootstrap, topic, 1_000)
    copy, group, name = fresh_topic(bootstrap, 3), fresh_name(), fresh_name()
    crashes = 0
    for crash_after in [2, 3, None]:
        try:
            with processor(bootstrap, group, topic, name) as running:
                for count, (batch, out) in enumerate(running):
                    if count == crash_after:
                        fail_after(batch, out, copy)
                    out.write(batch, copy)
        except MemoryError:
            crashes += 1
    assert crashes == 2
    assert committed(bootstrap, copy) == [b"%05d" % number for number in range(1_000)]


def test_a_batch_that_is_aborted_comes_again(bootstrap: str, topic: str) -> None:
    write(bootstrap, topic, 300)
    copy = fresh_topic(bootstrap, 1)
    seen: list[int] = []
    with processor(bootstrap, fresh_name(), topic, fresh_name()) as running:
        for turn, (batch, out) in enumerate(running):
            seen.append(len(batch))
            out.write(batch, copy)
            if turn % 2 == 0 and turn < 6:
                running.abort()
    assert sum(seen) > 300
    assert committed(bootstrap, copy) == [b"%05d" % number for number in range(300)]


CALLS = ["begin_transaction", "send_offsets", "commit_transaction", "abort_transaction"]


@pytest.mark.parametrize("late", CALLS)
def test_a_batch_is_not_passed_over_although_its_transaction_takes_too_long(
    bootstrap: str, topic: str, late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bootstrap, topic, 600)
    copy = fresh_topic(bootstrap, 1)
    turns = itertools.count()
    with processor(bootstrap, fresh_name(), topic, fresh_name()) as running:
        client = running._producer  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(client, late, late_every_other_time(getattr(client, late)))
        while True:
            try:
                batch, out = next(running)
                out.write(batch, copy)
                if next(turns) % 3 == 0:
                    running.abort()
            except ottla.Timeout:
                continue
            except StopIteration:
                break
    assert committed(bootstrap, copy) == [b"%05d" % number for number in range(600)]


def late_every_other_time(call: Callable[..., None]) -> Callable[..., None]:
    turns = itertools.count()

    def late(*arguments: object) -> None:
        if next(turns) % 2 == 0:
            raise ottla.Timeout("it takes too long", retriable=True)
        call(*arguments)

    return late


def test_a_processor_whose_name_another_has_stops(bootstrap: str, topic: str) -> None:
    write(bootstrap, topic, 400)
    copy, group, name = fresh_topic(bootstrap, 1), fresh_name(), fresh_name()
    zombie = processor(bootstrap, group, topic, name)
    batch, out = next(iter(zombie))
    out.write(batch, copy)
    with processor(bootstrap, group, topic, name, timeout=20.0) as other:
        with pytest.raises(ottla.ProducerFenced):
            next(zombie)
        zombie.close()
        total = 0
        for batch, out in other:
            total += out.write(batch, copy)
            if total == 400:
                break
    assert committed(bootstrap, copy) == [b"%05d" % number for number in range(400)]


def test_processors_that_share_the_work_take_every_record_over_once(
    bootstrap: str, topic: str
) -> None:
    write(bootstrap, topic, 2_000)
    copy, group = fresh_topic(bootstrap, 3), fresh_name()
    raised: list[BaseException] = []

    def work(name: str, batches: int | None) -> None:
        try:
            with processor(bootstrap, group, topic, name, timeout=5.0) as running:
                for count, (batch, out) in enumerate(running, 1):
                    out.write(batch, copy)
                    if count == batches:
                        return
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    # Two stay, and others come and go.
    threads = [
        threading.Thread(target=work, args=(fresh_name(), batches))
        for batches in (None, 2, None, 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    assert committed(bootstrap, copy) == [b"%05d" % number for number in range(2_000)]
