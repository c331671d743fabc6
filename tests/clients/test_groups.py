"""Groups of the classic protocol and of KIP-848: members of one library and of several share a
topic, resume where their group has come to, and take over from each other.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from clients import samples
from clients.aiokafka_member import AioKafkaMember
from clients.broker import Broker
from clients.confluent_member import ConfluentConsumerMember, ConfluentMember
from clients.foreign_client import WAIT_SECONDS, ForeignClient
from clients.group_member import GroupMember, Read
from clients.kafka_python_member import KafkaPythonMember
from interop.franz_go_member import FranzGoConsumerMember, FranzGoMember
from interop.kafkajs_member import KafkaJsMember

PARTITIONS = 4
RECORDS_EACH = 25
CLASSIC: tuple[type[GroupMember], ...] = (ConfluentMember, AioKafkaMember, KafkaPythonMember)
FROM_PYPI: tuple[type[GroupMember], ...] = (*CLASSIC, ConfluentConsumerMember)
FROM_ELSEWHERE: tuple[type[GroupMember], ...] = (
    FranzGoMember,
    FranzGoConsumerMember,
    KafkaJsMember,
)
"""These need more than Rust and Python: their tests carry the mark `interop`."""

Start = Callable[..., GroupMember]


def with_members(*but: type[GroupMember]) -> pytest.MarkDecorator:
    """Runs the test once with each kind of member, but for some."""
    kinds: list[object] = [pytest.param(kind, id=kind.__name__) for kind in FROM_PYPI]
    kinds += [
        pytest.param(kind, id=kind.__name__, marks=pytest.mark.interop)
        for kind in FROM_ELSEWHERE
        if kind not in but
    ]
    return pytest.mark.parametrize("kind", kinds)


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def filled(reference: ForeignClient, topic_name: str) -> str:
    """A topic of several partitions, with records in each of them."""
    reference.create_topic(topic_name, PARTITIONS, {})
    fill(reference, topic_name)
    return topic_name


@pytest.fixture
def start(broker: Broker, group: str, filled: str) -> Iterator[Start]:
    """Starts members of the test's group, and closes those that the test has not.

    They are closed at the same time: one that is joining again, because another has left, stays
    until the group has settled, which those that are no longer polled would hold up.
    """
    members: list[GroupMember] = []

    def member(kind: Callable[..., GroupMember], instance: str | None = None) -> GroupMember:
        members.append(kind(broker.bootstrap, group, filled, instance))
        return members[-1]

    yield member
    if members:
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(close_once, members))


@with_members()
def test_a_group_resumes_where_it_has_committed(
    kind: Callable[..., GroupMember], start: Start, reference: ForeignClient, filled: str
) -> None:
    first = start(kind)
    read = poll_until([first], lambda read: len(read) == PARTITIONS * RECORDS_EACH)
    assert positions(read) == every_position()
    first.commit()
    close_once(first)

    fill(reference, filled)
    second = start(kind)
    read = poll_until([second], lambda read: len(read) == PARTITIONS * RECORDS_EACH)
    assert positions(read) == every_position(since=RECORDS_EACH)


@with_members()
def test_what_was_not_committed_is_read_again(
    kind: Callable[..., GroupMember], start: Start
) -> None:
    for _ in range(2):
        member = start(kind)
        read = poll_until([member], lambda read: len(read) == PARTITIONS * RECORDS_EACH)
        assert positions(read) == every_position()
        close_once(member)


@with_members()
def test_a_second_member_takes_its_share_and_gives_it_back(
    kind: Callable[..., GroupMember], start: Start
) -> None:
    first = start(kind)
    await_assignments([first])
    second = start(kind)
    await_assignments([first, second])
    close_once(second)
    await_assignments([first])


def test_members_of_several_libraries_share_a_topic(start: Start) -> None:
    members = [start(kind) for kind in CLASSIC]
    read = await_assignments(members)
    read += poll_until(members, lambda more: positions(read + more) >= every_position())
    assert positions(read) == every_position()


@pytest.mark.interop
def test_members_in_go_and_python_share_a_topic(start: Start) -> None:
    members = [start(kind) for kind in (ConfluentMember, FranzGoMember, AioKafkaMember)]
    read = await_assignments(members)
    read += poll_until(members, lambda more: positions(read + more) >= every_position())
    assert positions(read) == every_position()


@pytest.mark.interop
def test_members_of_both_protocols_share_a_topic(start: Start) -> None:
    kinds = (FranzGoMember, FranzGoConsumerMember, ConfluentConsumerMember)
    members = [start(kind) for kind in kinds]
    read = await_assignments(members)
    read += poll_until(members, lambda more: positions(read + more) >= every_position())
    assert positions(read) == every_position()


def test_a_group_moves_to_the_new_protocol_and_back_with_its_members(start: Start) -> None:
    """KIP-848's online migration: a rolling restart, in which nobody is without its partitions."""
    old = [start(ConfluentMember), start(ConfluentMember)]
    await_assignments(old)
    new = start(ConfluentConsumerMember)
    await_assignments([*old, new])
    close_once(old[0])
    await_assignments([old[1], new])
    close_once(new)
    await_assignments([old[1]])


# franz-go 1.22.2 leaves a group of the new protocol without its instance's name, which brokers
# refuse.
@with_members(KafkaJsMember, FranzGoConsumerMember)
def test_a_static_member_comes_back_without_a_rebalance(
    kind: Callable[..., GroupMember], broker: Broker, group: str, start: Start
) -> None:
    witness = start(kind if kind is ConfluentConsumerMember else ConfluentMember)
    first = start(kind, "instance")
    await_assignments([witness, first])
    shares = (witness.assignment(), first.assignment())
    before = member_ids(broker, group)
    close_once(first)
    second = start(kind, "instance")
    await_assignments([witness, second])
    assert (witness.assignment(), second.assignment()) == shares
    after = member_ids(broker, group)
    assert len(after) == len(before) == 2
    # The one that stayed has kept its id, and so its membership; the other got a new one.
    assert len(before & after) == 1


def test_groups_are_listed_described_and_deleted(
    broker: Broker, group: str, filled: str, start: Start
) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    member = start(ConfluentMember)
    poll_until([member], lambda read: len(read) == PARTITIONS * RECORDS_EACH)
    member.commit()
    [described] = [f.result() for f in admin.describe_consumer_groups([group]).values()]
    assert described.state == ConsumerGroupState.STABLE
    assert described.partition_assignor == "range"
    [only] = described.members
    assert {at.partition for at in only.assignment.topic_partitions} == set(range(PARTITIONS))
    listed = admin.list_consumer_groups().result().valid
    assert group in {found.group_id for found in listed}

    close_once(member)
    asked = [ConsumerGroupTopicPartitions(group)]
    [offsets] = [f.result() for f in admin.list_consumer_group_offsets(asked).values()]
    assert {(at.partition, at.offset) for at in offsets.topic_partitions} == {
        (partition, RECORDS_EACH) for partition in range(PARTITIONS)
    }
    moved = ConsumerGroupTopicPartitions(group, [TopicPartition(filled, 0, 3)])
    [altered] = [f.result() for f in admin.alter_consumer_group_offsets([moved]).values()]
    assert [at.error for at in altered.topic_partitions] == [None]
    successor = start(ConfluentMember)
    read = poll_until([successor], lambda read: len(read) == RECORDS_EACH - 3)
    assert {record.partition for record in read} == {0}
    close_once(successor)

    [deleted] = admin.delete_consumer_groups([group]).values()
    deleted.result()
    listed = admin.list_consumer_groups().result().valid
    assert group not in {found.group_id for found in listed}


def fill(client: ForeignClient, topic: str) -> None:
    for partition in range(PARTITIONS):
        client.produce(topic, samples.text_records(RECORDS_EACH), partition=partition)


def close_once(member: GroupMember) -> None:
    if not getattr(member, "is_closed", False):
        member.close()
        member.is_closed = True  # type: ignore[attr-defined]


def poll_until(
    members: Sequence[GroupMember], is_enough: Callable[[list[Read]], bool]
) -> list[Read]:
    """Polls the members in turn until what they were given is enough."""
    read: list[Read] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_enough(read):
        assert time.monotonic() < deadline, f"{len(read)} records were read"
        for member in members:
            read += member.poll()
    return read


def await_assignments(members: Sequence[GroupMember]) -> list[Read]:
    """Polls until every partition belongs to one of the members, and each of them has some."""

    def is_shared(_: list[Read]) -> bool:
        shares = [member.assignment() for member in members]
        return all(shares) and sorted(p for share in shares for p in share) == list(
            range(PARTITIONS)
        )

    return poll_until(members, is_shared)


def positions(read: Sequence[Read]) -> set[tuple[int, int]]:
    return {(record.partition, record.offset) for record in read}


def every_position(since: int = 0) -> set[tuple[int, int]]:
    return {
        (partition, since + offset)
        for partition in range(PARTITIONS)
        for offset in range(RECORDS_EACH)
    }


def member_ids(broker: Broker, group: str) -> set[str]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    [described] = [f.result() for f in admin.describe_consumer_groups([group]).values()]
    return {member.member_id for member in described.members}
