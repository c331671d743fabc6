"""Our consumer as a member of groups, in both protocols, with our broker and with Apache Kafka.

`pytest -m interop` runs the half that needs Apache Kafka.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import Consumer as ConfluentConsumer

import ottla
from clients.broker import running_ottla
from interop import kafka

PARTITIONS = 6
RECORDS = 600
WAIT_SECONDS = 60.0
CLASSIC_ONLY = {"heartbeat.interval.ms": 200, "session.timeout.ms": 6000}
"""What is the coordinator's to say in the new protocol."""

OnRebalance = Callable[[list[ottla.TopicPartition]], object]
both_protocols = pytest.mark.parametrize("protocol", ["classic", "consumer"])


@pytest.fixture(scope="module", params=["ottla", pytest.param("kafka", marks=pytest.mark.interop)])
def bootstrap(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    starting = kafka.running if request.param == "kafka" else running_ottla
    with starting(tmp_path_factory.mktemp("groups") / "data") as running:
        yield running


@pytest.fixture
def topic(bootstrap: str) -> str:
    """A topic with numbers, spread over its partitions."""
    name = f"groups-{uuid.uuid4().hex[:12]}"
    with ottla.Admin(bootstrap) as admin:
        admin.create_topic(name, partitions=PARTITIONS)
    fill(bootstrap, name)
    return name


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:12]}"


def fill(bootstrap: str, topic: str, first: int = 0) -> None:
    with ottla.Producer(bootstrap) as producer:
        for number in range(first, first + RECORDS):
            producer.produce(topic, str(number), partition=number % PARTITIONS)


def join(
    bootstrap: str,
    group: str,
    topic: str | re.Pattern[str],
    protocol: str = "classic",
    *,
    on_assign: OnRebalance | None = None,
    on_revoke: OnRebalance | None = None,
    on_lost: OnRebalance | None = None,
    assignors: Sequence[Any] | None = None,
    **keywords: object,
) -> ottla.Consumer:
    config: dict[str, object] = {
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "group.protocol": protocol,
    }
    if protocol == "classic":
        config.update(CLASSIC_ONLY)
    config.update((key.replace("_", "."), value) for key, value in keywords.items())
    return ottla.Consumer(
        bootstrap,
        group=group,
        topics=topic if isinstance(topic, re.Pattern) else [topic],
        on_assign=on_assign,
        on_revoke=on_revoke,
        on_lost=on_lost,
        assignors=assignors,
        config=config,
    )


def drain(consumer: ottla.Consumer, until: Callable[[list[int]], bool]) -> list[int]:
    """Reads and commits until it is enough."""
    numbers: list[int] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while not until(numbers):
        assert time.monotonic() < deadline, f"{len(numbers)} records, {consumer!r}"
        for batch in consumer.batches(max_rows=50, timeout=0.2):
            numbers.extend(int(message.value or b"") for message in batch)
            consumer.commit(batch)
            if until(numbers):
                break
    return numbers


def owned(consumer: ottla.Consumer, count: int) -> Callable[[list[int]], bool]:
    return lambda _numbers: len(consumer.assignment) == count


def halved(first: ottla.Consumer, second: ottla.Consumer) -> Callable[[list[int]], bool]:
    """Whether both have half: a program's assignor needs both programs to poll until then."""
    half = PARTITIONS // 2
    return lambda _numbers: len(first.assignment) == len(second.assignment) == half


@both_protocols
def test_a_group_of_one_reads_everything_and_goes_on_where_it_stopped(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    with join(bootstrap, group, topic, protocol) as consumer:
        numbers = drain(consumer, lambda numbers: len(numbers) == RECORDS)
        assert sorted(numbers) == list(range(RECORDS))
        committed = consumer.committed()
        assert committed == {(topic, index): RECORDS // PARTITIONS for index in range(PARTITIONS)}
    fill(bootstrap, topic, RECORDS)
    with join(bootstrap, group, topic, protocol) as consumer:
        numbers = drain(consumer, lambda numbers: len(numbers) == RECORDS)
    assert sorted(numbers) == list(range(RECORDS, 2 * RECORDS))


@pytest.mark.parametrize(
    "strategy",
    ["range", "roundrobin", "sticky", "cooperative-sticky", "remote uniform", "remote range"],
)
def test_members_share_the_partitions_and_take_over_from_who_leaves(
    bootstrap: str, group: str, topic: str, strategy: str
) -> None:
    settings: dict[str, Any] = {"partition_assignment_strategy": strategy}
    if strategy.startswith("remote "):
        settings = {"protocol": "consumer", "group_remote_assignor": strategy[7:]}
    with ThreadPoolExecutor() as pool, join(bootstrap, group, topic, **settings) as first:
        drain(first, owned(first, PARTITIONS))
        with join(bootstrap, group, topic, **settings) as second:
            other = pool.submit(drain, second, owned(second, PARTITIONS // 2))
            drain(first, owned(first, PARTITIONS // 2))
            other.result()
            assert not set(first.assignment) & set(second.assignment)
        drain(first, owned(first, PARTITIONS))


@both_protocols
def test_a_cooperative_member_gives_up_no_more_than_it_has_to(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    revoked: list[ottla.TopicPartition] = []
    settings: dict[str, Any] = {"protocol": protocol}
    if protocol == "classic":
        settings["partition_assignment_strategy"] = "cooperative-sticky"
    with (
        ThreadPoolExecutor() as pool,
        join(bootstrap, group, topic, on_revoke=revoked.extend, **settings) as first,
    ):
        drain(first, owned(first, PARTITIONS))
        with join(bootstrap, group, topic, **settings) as second:
            other = pool.submit(drain, second, owned(second, PARTITIONS // 2))
            drain(first, owned(first, PARTITIONS // 2))
            other.result()
            assert sorted(revoked) == second.assignment


class Zones:
    """Gives each member the partitions of its zone, which it says as user data."""

    name = "zones"

    def __init__(self, zone: str, *, cooperative: bool = False) -> None:
        self.zone = zone
        self.cooperative = cooperative
        self.heard: list[list[ottla.GroupMember]] = []

    def userdata(self, topics: list[str]) -> bytes:
        assert topics
        return self.zone.encode()

    def assign(
        self, members: list[ottla.GroupMember], partitions: dict[str, int]
    ) -> dict[str, list[tuple[str, int]]]:
        self.heard.append(members)
        zones = sorted(members, key=lambda member: member.userdata or b"")
        shares: dict[str, list[tuple[str, int]]] = {}
        for topic, count in partitions.items():
            for partition in range(count):
                owner = zones[partition % len(zones)].member_id
                shares.setdefault(owner, []).append((topic, partition))
        return shares


@pytest.mark.parametrize("cooperative", [False, True])
def test_the_programs_own_assignor_decides_who_reads_what(
    bootstrap: str, group: str, topic: str, *, cooperative: bool
) -> None:
    assignors = [Zones(zone, cooperative=cooperative) for zone in ("a", "b")]
    with (
        ThreadPoolExecutor() as pool,
        join(bootstrap, group, topic, assignors=[assignors[1]], client_rack="r1") as second,
    ):
        drain(second, owned(second, PARTITIONS))
        with join(bootstrap, group, topic, assignors=[assignors[0]]) as first:
            other = pool.submit(drain, second, halved(first, second))
            drain(first, halved(first, second))
            other.result()
            assert first.assignment == [(topic, partition) for partition in (0, 2, 4)]
            assert second.assignment == [(topic, partition) for partition in (1, 3, 5)]
        drain(second, owned(second, PARTITIONS))
    heard = [members for assignor in assignors for members in assignor.heard]
    said = {member.userdata: member for members in heard for member in members}
    assert set(said) == {b"a", b"b"}
    assert said[b"b"].topics == [topic]
    assert (said[b"b"].rack, said[b"a"].rack) == ("r1", None)


def test_the_programs_assignor_is_told_where_members_and_partitions_are() -> None:
    seen: list[tuple[list[ottla.GroupMember], ottla.GroupPartitions]] = []

    class Seeing(Zones):
        def assign(
            self, members: list[ottla.GroupMember], partitions: dict[str, int]
        ) -> dict[str, list[tuple[str, int]]]:
            assert isinstance(partitions, ottla.GroupPartitions)
            seen.append((members, partitions))
            return super().assign(members, partitions)

    for rack in ("r1", None):
        with ottla.Broker(config={} if rack is None else {"broker.rack": rack}) as broker:
            broker.create_topic("t", partitions=2)
            at = broker.bootstrap_servers
            with join(at, "g", "t", assignors=[Seeing("a")], client_rack=rack or "") as consumer:
                drain(consumer, owned(consumer, 2))
        [member], partitions = seen.pop()
        assert member.rack == rack
        assert partitions == {"t": 2}
        kept = {("t", index): {rack} for index in range(2)}
        assert partitions.racks == ({} if rack is None else kept)


def test_a_group_moves_from_an_eager_assignor_to_a_cooperative_one_of_the_program(
    bootstrap: str, group: str, topic: str
) -> None:
    zones = Zones("a", cooperative=True)
    steps: list[list[Any]] = [["range"], [zones, "range"], [zones, "range"], [zones], [zones]]
    for before, after in pairwise(steps):
        with (
            ThreadPoolExecutor() as pool,
            join(bootstrap, group, topic, assignors=before) as first,
            join(bootstrap, group, topic, assignors=after) as second,
        ):
            other = pool.submit(drain, second, halved(first, second))
            drain(first, halved(first, second))
            other.result()


def test_what_the_programs_assignor_raises_comes_out_of_the_poll(
    bootstrap: str, group: str, topic: str
) -> None:
    class Failing(Zones):
        def assign(
            self, members: list[ottla.GroupMember], partitions: dict[str, int]
        ) -> dict[str, list[tuple[str, int]]]:
            raise KeyError(f"{len(members)} and {partitions}")

    with join(bootstrap, group, topic, assignors=[Failing("a")]) as consumer:
        deadline = time.monotonic() + WAIT_SECONDS
        with pytest.raises(KeyError, match="1 and"):  # noqa: PT012
            while time.monotonic() < deadline:
                consumer.poll(timeout=0.1)
        error = failure(consumer)
    assert "assignor `zones` failed" in str(error)


def test_an_assignor_that_gives_a_partition_away_twice_is_told_so(
    bootstrap: str, group: str, topic: str
) -> None:
    class Generous(Zones):
        def assign(
            self, members: list[ottla.GroupMember], partitions: dict[str, int]
        ) -> dict[str, list[tuple[str, int]]]:
            return {member.member_id: [(topic, len(partitions) - 1)] * 2 for member in members}

    with join(bootstrap, group, topic, assignors=[Generous("a")]) as consumer:
        assert f"{topic}-0 to two members" in str(failure(consumer))


def test_assignors_are_checked_before_there_is_a_group(bootstrap: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"assignors": ["magic"]}, "`magic` is none of Kafka's assignors"),
        ({"assignors": ["range", "range"]}, "`range` is in it twice"),
        ({"assignors": []}, "at least one"),
        ({"assignors": ["range"], "partition_assignment_strategy": "range"}, "take the place"),
        ({"assignors": ["range"], "group_protocol": "consumer"}, "group.protocol=classic"),
    ]
    for keywords, message in cases:
        with pytest.raises(ValueError, match=message):
            ottla.Consumer(bootstrap, group="g", **keywords)
    with pytest.raises(ValueError, match="for a group"):
        ottla.Consumer(bootstrap, assignors=["range"])


def test_a_group_moves_from_eager_to_cooperative_one_member_after_the_other(
    bootstrap: str, group: str, topic: str
) -> None:
    old: dict[str, Any] = {"partition_assignment_strategy": "range"}
    both: dict[str, Any] = {"partition_assignment_strategy": "cooperative-sticky,range"}
    new: dict[str, Any] = {"partition_assignment_strategy": "cooperative-sticky"}
    with ThreadPoolExecutor() as pool:
        for before, after in [(old, both), (both, both), (both, new), (new, new)]:
            with (
                join(bootstrap, group, topic, **before) as first,
                join(bootstrap, group, topic, **after) as second,
            ):
                other = pool.submit(drain, second, owned(second, PARTITIONS // 2))
                drain(first, owned(first, PARTITIONS // 2))
                other.result()


@both_protocols
def test_ours_and_librdkafkas_members_share_a_group(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    foreign: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "group.protocol": protocol,
    }
    settings: dict[str, Any] = {"protocol": protocol}
    if protocol == "classic":
        foreign |= CLASSIC_ONLY | {"partition.assignment.strategy": "range"}
        settings["partition_assignment_strategy"] = "range"
    share_with(ConfluentConsumer(foreign), bootstrap, group, topic, settings)


def test_members_of_both_protocols_share_a_group(bootstrap: str, group: str, topic: str) -> None:
    theirs = ConfluentConsumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",
            **CLASSIC_ONLY,
        }
    )
    share_with(theirs, bootstrap, group, topic, {"protocol": "consumer"})


def share_with(
    theirs: ConfluentConsumer,
    bootstrap: str,
    group: str,
    topic: str,
    settings: dict[str, Any],
) -> None:
    with join(bootstrap, group, topic, **settings) as ours:
        drain(ours, owned(ours, PARTITIONS))
        theirs.subscribe([topic])
        deadline = time.monotonic() + WAIT_SECONDS
        while len(theirs.assignment()) != PARTITIONS // 2:
            assert time.monotonic() < deadline
            theirs.poll(0.05)
            ours.poll(0.05)
        places = {(row.topic, row.partition) for row in theirs.assignment()}
        drain(ours, owned(ours, PARTITIONS // 2))
        assert not places & set(ours.assignment)
        theirs.close()
        drain(ours, owned(ours, PARTITIONS))


def test_a_group_moves_to_the_new_protocol_one_member_after_the_other(
    bootstrap: str, group: str, topic: str
) -> None:
    old: dict[str, Any] = {"partition_assignment_strategy": "cooperative-sticky"}
    with ThreadPoolExecutor() as pool, join(bootstrap, group, topic, "consumer") as newest:
        with join(bootstrap, group, topic, **old) as oldest:
            other = pool.submit(drain, newest, owned(newest, PARTITIONS // 2))
            drain(oldest, owned(oldest, PARTITIONS // 2))
            other.result()
            assert not set(oldest.assignment) & set(newest.assignment)
        drain(newest, owned(newest, PARTITIONS))


@both_protocols
def test_what_is_committed_automatically_is_never_ahead_of_the_program(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    settings: dict[str, Any] = {"enable_auto_commit": True, "auto_commit_interval_ms": 50}
    with join(bootstrap, group, topic, protocol, **settings) as consumer:
        batch = next(consumer.batches(max_rows=10))
        # The program has not come back: nothing is done with.
        time.sleep(0.5)
        assert set(consumer.committed().values()) == {None}
        done: dict[ottla.TopicPartition, int] = {}
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(consumer.committed().values()):
            assert time.monotonic() < deadline
            done |= batch.next_offsets
            batch = next(consumer.batches(max_rows=10))
            time.sleep(0.1)
            committed = consumer.committed()
            assert all((committed[place] or 0) <= done.get(place, 0) for place in committed)
        # Closing says that the last batch is done with too.
        done |= batch.next_offsets
    with ottla.Consumer(bootstrap, group=group) as observer:
        assert observer.committed(done) == done


@both_protocols
def test_a_commit_says_where_a_program_is_that_takes_records_one_by_one(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    after: dict[ottla.TopicPartition, int] = {}
    with join(bootstrap, group, topic, protocol) as consumer:

        def take(count: int) -> None:
            for _ in range(count):
                message = consumer.poll(timeout=WAIT_SECONDS)
                assert message is not None
                after[ottla.TopicPartition(message.topic, message.partition)] = message.offset + 1

        take(RECORDS // 2)
        consumer.commit()
        assert consumer.committed(after) == after
        # What was taken before a seek was done with; from there on it is counted anew.
        consumer.seek(topic, next(iter(after)).partition, "earliest")
        consumer.pause(*[*after][1:2])
        take(RECORDS // 4)
        consumer.commit()
        assert consumer.committed(after) == after
    with ottla.Consumer(bootstrap, group=group) as observer:
        assert observer.committed(after) == after


@both_protocols
def test_a_commit_for_a_partition_that_was_lost_says_so(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    with join(bootstrap, group, topic, protocol, max_poll_interval_ms=500) as consumer:
        batch = next(consumer.batches(max_rows=10))
        time.sleep(1.5)
        with pytest.raises(ottla.PartitionLost, match="was lost since it was read"):
            consumer.commit(batch)
        with pytest.raises(ottla.PollIntervalExceeded, match=r"max\.poll\.interval\.ms \(500 ms\)"):
            consumer.poll(timeout=1)
        # It comes back as a new member, and reads what was not committed again.
        again = drain(consumer, lambda numbers: len(numbers) == RECORDS)
        assert sorted(again) == list(range(RECORDS))


@both_protocols
def test_lost_partitions_are_told_as_lost_and_not_as_revoked(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    events: list[tuple[str, int]] = []
    with join(
        bootstrap,
        group,
        topic,
        protocol,
        max_poll_interval_ms=500,
        on_assign=lambda places: events.append(("assigned", len(places))),
        on_revoke=lambda places: events.append(("revoked", len(places))),
        on_lost=lambda places: events.append(("lost", len(places))),
    ) as consumer:
        drain(consumer, owned(consumer, PARTITIONS))
        time.sleep(1.5)
        with pytest.raises(ottla.PollIntervalExceeded):
            consumer.poll(timeout=1)
        drain(consumer, owned(consumer, PARTITIONS))
    names = [("assigned", PARTITIONS), ("lost", PARTITIONS), ("assigned", PARTITIONS)]
    assert events == [*names, ("revoked", PARTITIONS)]


@both_protocols
def test_a_callback_that_does_not_return_in_time_costs_the_membership(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    events: list[str] = []

    def linger(_: object) -> None:
        events.append("assigned")
        if events == ["assigned"]:
            # It returns when another member has everything.
            with join(bootstrap, group, topic, protocol) as other:
                drain(other, owned(other, PARTITIONS))

    with join(
        bootstrap,
        group,
        topic,
        protocol,
        max_poll_interval_ms=500,
        on_assign=linger,
        on_lost=lambda _: events.append("lost"),
    ) as consumer:
        with pytest.raises(ottla.PollIntervalExceeded, match=r"max\.poll\.interval\.ms \(500 ms\)"):
            drain(consumer, owned(consumer, PARTITIONS))
        drain(consumer, owned(consumer, PARTITIONS))
    assert events == ["assigned", "lost", "assigned"]


@both_protocols
def test_a_pattern_picks_up_topics_that_come_later(
    bootstrap: str, group: str, protocol: str
) -> None:
    stem = f"pattern-{uuid.uuid4().hex[:8]}"
    with ottla.Admin(bootstrap) as admin:
        admin.create_topic(f"{stem}-one", partitions=2)
        pattern = re.compile(f"{stem}-.*")
        with join(bootstrap, group, pattern, protocol, metadata_max_age_ms=300) as consumer:
            drain(consumer, owned(consumer, 2))
            admin.create_topic(f"{stem}-two", partitions=3)
            drain(consumer, owned(consumer, 5))
            admin.add_partitions(f"{stem}-one", 4)
            drain(consumer, owned(consumer, 7))


def test_a_static_member_of_the_new_protocol_comes_back_to_what_it_had(
    bootstrap: str, group: str, topic: str
) -> None:
    with join(bootstrap, group, topic, "consumer", group_instance_id="other") as other:
        settings: dict[str, Any] = {"protocol": "consumer", "group_instance_id": "one"}
        with ThreadPoolExecutor() as pool:
            with join(bootstrap, group, topic, **settings) as before:
                waiting = pool.submit(drain, other, owned(other, PARTITIONS // 2))
                drain(before, owned(before, PARTITIONS // 2))
                waiting.result()
                places, others = before.assignment, other.assignment
            with join(bootstrap, group, topic, **settings) as after:
                drain(after, owned(after, PARTITIONS // 2))
                assert (after.assignment, other.assignment) == (places, others)
                with join(bootstrap, group, topic, **settings) as double:
                    error = failure(double)
    assert error.fatal
    assert error.name == "UNRELEASED_INSTANCE_ID"
    assert "group.instance.id `one`" in str(error)


def test_an_assignor_that_the_coordinator_does_not_have_is_refused_by_name(
    bootstrap: str, group: str, topic: str
) -> None:
    settings: dict[str, Any] = {"protocol": "consumer", "group_remote_assignor": "magic"}
    with join(bootstrap, group, topic, **settings) as consumer:
        error = failure(consumer)
    assert error.name == "UNSUPPORTED_ASSIGNOR"
    assert "magic" in str(error)


def failure(consumer: ottla.Consumer) -> ottla.GroupError:
    """Polls until the group is of no more use."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            consumer.poll(timeout=0.1)
        except ottla.GroupError as raised:
            return raised
    raise AssertionError("the group takes the member")


def test_a_static_member_comes_back_without_a_rebalance_and_fences_its_double(
    bootstrap: str, group: str, topic: str
) -> None:
    settings: dict[str, Any] = {"group_instance_id": "one"}
    with join(bootstrap, group, topic, **settings) as before:
        drain(before, owned(before, PARTITIONS))
    with join(bootstrap, group, topic, **settings) as first:
        drain(first, owned(first, PARTITIONS))
        with join(bootstrap, group, topic, **settings) as double:
            drain(double, owned(double, PARTITIONS))
            error = failure(first)
            assert error.fatal
            assert error.name == "FENCED_INSTANCE_ID"
            assert "group.instance.id `one`" in str(error)


@both_protocols
def test_commits_that_nobody_waits_for_tell_their_callbacks_in_order(
    bootstrap: str, group: str, topic: str, protocol: str
) -> None:
    told: list[tuple[ottla.OttlaError | None, int]] = []
    with join(bootstrap, group, topic, protocol) as consumer:
        drain(consumer, owned(consumer, PARTITIONS))
        for offset in range(1, 21):
            consumer.commit(
                {(topic, 0): offset},
                wait=False,
                on_commit=lambda error, offsets: told.append((error, max(offsets.values()))),
            )
        deadline = time.monotonic() + WAIT_SECONDS
        while len(told) < 20:
            assert time.monotonic() < deadline
            consumer.poll(timeout=0.05)
        assert consumer.committed([(topic, 0)]) == {(topic, 0): 20}
    assert told == [(None, offset) for offset in range(1, 21)]


@pytest.mark.parametrize("topics", [[], "", ["t", ""]])
def test_what_names_no_topic_cannot_be_subscribed_to(bootstrap: str, topics: list[str]) -> None:
    with pytest.raises(ValueError, match="name one or more"):
        ottla.Consumer(bootstrap, group="nobody", topics=topics)
    with pytest.raises(ValueError, match="name one or more"):
        ottla.Processor(bootstrap, group="nobody", source=topics, transactional_id="nobody")
