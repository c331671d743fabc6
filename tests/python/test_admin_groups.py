"""The admin client: consumer groups, with members of ours and of librdkafka's."""

from __future__ import annotations

import contextlib
import datetime as dt
import pickle
import struct
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka import Consumer as ConfluentConsumer

import ottla
from clients.protocol import Connection, string

API_JOIN_GROUP = 11
PARTITIONS = 2
RECORDS = 10
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WAIT_SECONDS = 30.0


@pytest.fixture
def admin(ottla_broker: ottla.Broker) -> ottla.Admin:
    return ottla.Admin(ottla_broker)


@pytest.fixture
def topic(ottla_broker: ottla.Broker, admin: ottla.Admin) -> str:
    """A topic with ten records in each of its partitions, a second apart."""
    name = f"topic-{uuid.uuid4().hex[:8]}"
    admin.create_topic(name, partitions=PARTITIONS, retention_ms=-1)
    with ottla.Producer(ottla_broker) as producer:
        for number in range(RECORDS):
            timestamp = BEGIN + dt.timedelta(seconds=number)
            for partition in range(PARTITIONS):
                producer.produce(name, str(number), partition=partition, timestamp=timestamp)
    return name


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:8]}"


@contextlib.contextmanager
def member(
    broker: ottla.Broker, group: str, topic: str, **keywords: object
) -> Iterator[ottla.Consumer]:
    """A member of ours, alone, that has been assigned everything."""
    config = {key.replace("_", "."): value for key, value in keywords.items()}
    config["enable.auto.commit"] = False
    with ottla.Consumer(broker, group=group, topics=[topic], config=config) as consumer:
        deadline = time.monotonic() + WAIT_SECONDS
        while len(consumer.assignment) < PARTITIONS:
            assert time.monotonic() < deadline
            consumer.poll(timeout=0.05)
        yield consumer


def committed(admin: ottla.Admin, group: str) -> list[int]:
    return [offset.offset for _, offset in sorted(admin.group_offsets(group).items())]


def commit(admin: ottla.Admin, group: str, topic: str, *offsets: int) -> None:
    admin.alter_group_offsets(
        group, {(topic, partition): offset for partition, offset in enumerate(offsets)}
    )


def test_groups_are_listed_by_state_and_type(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    commit(admin, group, topic, 1, 2)
    assert ottla.GroupListing(group, "Empty", "Classic", "") in admin.groups()
    active = f"{group}-active"
    with member(ottla_broker, active, topic):
        names = {row.name for row in admin.groups(states=["stable"])}
        assert active in names
        assert group not in names
        assert {group, active} <= {row.name for row in admin.groups(types="classic")}
        assert not {row.name for row in admin.groups(types="consumer")} & {group, active}
    with pytest.raises(ValueError, match="`Busy` is no state of a group: use one of"):
        admin.groups(states=["Busy"])


def test_a_member_of_ours_is_described_with_what_it_reads(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    everything = [ottla.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    with member(ottla_broker, group, topic, client_id="me", group_instance_id="one"):
        described = admin.describe_group(group)
    assert (described.name, described.state, described.type) == (group, "Stable", "Classic")
    assert (described.protocol_type, described.assignor) == ("consumer", "range")
    address = f"{ottla_broker.host}:{ottla_broker.port}"
    assert (described.coordinator, described.coordinator_address) == (1, address)
    [only] = described.members
    assert (only.client_id, only.group_instance_id) == ("me", "one")
    assert only.host == "/127.0.0.1"
    assert (only.subscribed_topics, only.assignment) == ([topic], everything)
    assert (only.epoch, only.target_assignment) == (None, None)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_librdkafkas_members_are_described_in_both_protocols(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str, protocol: str
) -> None:
    config: dict[str, str | int] = {
        "bootstrap.servers": f"{ottla_broker.host}:{ottla_broker.port}",
        "group.id": group,
        "client.id": "theirs",
        "group.protocol": protocol,
    }
    consumer = ConfluentConsumer(config)
    consumer.subscribe([topic])
    deadline = time.monotonic() + WAIT_SECONDS
    while len(consumer.assignment()) < PARTITIONS:
        assert time.monotonic() < deadline
        consumer.poll(0.05)
    # The coordinator hears that a member has taken over with its next heartbeat.
    while (described := admin.describe_group(group)).state != "Stable":
        assert time.monotonic() < deadline
        consumer.poll(0.05)
    [only] = described.members
    everything = [ottla.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    assert (only.client_id, only.assignment) == ("theirs", everything)
    assert described.type.lower() == protocol
    is_new = protocol == "consumer"
    assert (described.epoch is not None, only.target_assignment) == (
        is_new,
        everything if is_new else None,
    )
    assert described.assignor == ("uniform" if is_new else "range")
    owners = {(row.client_id, row.member_id) for row in admin.lag(group)}
    assert owners == {("theirs", only.id)}
    with pytest.raises(ottla.GroupActiveError):
        admin.reset_group_offsets(group, "earliest")
    consumer.close()


def test_an_unknown_group_is_named(admin: ottla.Admin, topic: str, group: str) -> None:
    commit(admin, group, topic, 0)
    for call in (admin.describe_group, admin.lag, admin.delete_group):
        with pytest.raises(ottla.UnknownGroupError, match="group nobody: GROUP_ID_NOT_FOUND"):
            call("nobody")
    with pytest.raises(LookupError) as refused:
        admin.describe_groups("a", group, "b")
    assert str(refused.value).startswith("group a: ")
    assert [note.split(":")[0] for note in refused.value.__notes__] == ["group b"]
    with pytest.raises(ottla.UnknownGroupError) as refused:
        admin.delete_group(*(f"nobody-{number:03}" for number in range(100)))
    assert str(refused.value).startswith("group nobody-000: ")
    notes = refused.value.__notes__
    assert (len(notes), notes[-1]) == (21, "and 79 more")
    assert admin.group_offsets("nobody") == {}


def test_a_group_that_is_none_of_consumers_keeps_its_offsets(
    admin: ottla.Admin, ottla_broker: ottla.Broker, topic: str
) -> None:
    name = f"workers-{topic}"
    sizes = struct.pack(">ii", 30_000, 30_000)
    join = string(name) + sizes + string("") + string("connect") + struct.pack(">i", 1)
    with Connection(f"{ottla_broker.host}:{ottla_broker.port}") as worker:
        joined = worker.request(API_JOIN_GROUP, 2, join + string("v0") + struct.pack(">i", 0))
        joined.int32()  # throttle time
        assert joined.int16() == 0
        told = f"group {name}: it is a group of the protocol type `connect`, and no consumer group"
        for dry_run in (True, False):
            with pytest.raises(ottla.UnknownGroupError, match=told) as refused:
                admin.reset_group_offsets(name, "earliest", topics=topic, dry_run=dry_run)
            assert refused.value.name == "GROUP_ID_NOT_FOUND"
        assert admin.group_offsets(name) == {}


def test_lag_is_rows_and_a_frame(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    commit(admin, group, topic, 4)
    idle = admin.lag(group)
    assert [(row.committed_offset, row.end_offset, row.lag) for row in idle] == [(4, 10, 6)]
    assert (idle[0].member_id, idle.total) == (None, 6)
    with member(ottla_broker, group, topic, client_id="reader"):
        lag = admin.lag(group)
    frame = pl.DataFrame(lag)
    assert frame.columns == list(ottla.PartitionLag._fields)
    assert frame.select("topic", "partition", "lag", "client_id").rows() == [
        (topic, 0, 6, "reader"),
        (topic, 1, None, "reader"),
    ]
    assert frame.equals(lag.to_polars())
    assert lag.to_arrow().column("end_offset").to_pylist() == [10, 10]
    pandas = lag.to_pandas()
    assert pandas["lag"].sum() == 6
    assert pandas["lag"].isna().tolist() == [False, True]
    assert repr(lag) == "<ottla.Lag of 6 offsets in 2 partitions>"
    assert "reader" in lag._repr_html_()
    assert pickle.loads(pickle.dumps(lag))[:] == lag[:]
    assert group in {row.group for row in admin.lag()}


def test_offsets_are_set_with_what_is_remembered_and_deleted(
    admin: ottla.Admin, topic: str, group: str
) -> None:
    kept = ottla.CommittedOffset(3, 0, "by hand")
    admin.alter_group_offsets(group, {(topic, 0): kept, (topic, 1): 5})
    assert admin.group_offsets(group) == {
        (topic, 0): kept,
        (topic, 1): ottla.CommittedOffset(5),
    }
    admin.delete_group_offsets(group, [(topic, 0)])
    assert committed(admin, group) == [5]
    with pytest.raises(ValueError, match="-1 is no offset"):
        admin.alter_group_offsets(group, {(topic, 0): -1})
    with pytest.raises(ottla.OttlaError, match="no-such-topic-0"):
        admin.alter_group_offsets(group, {("no-such-topic", 0): 1})


@pytest.mark.parametrize(
    ("to", "after"),
    [
        ("earliest", [0, 0]),
        ("latest", [10, 10]),
        ("current", [4, 10]),
        (7, [7, 7]),
        (99, [10, 10]),
        (BEGIN + dt.timedelta(seconds=2.5), [3, 3]),
        ("-1s", [10, 10]),
    ],
)
def test_a_group_goes_on_where_it_is_told_to(
    admin: ottla.Admin, topic: str, group: str, to: int | str | dt.datetime, after: list[int]
) -> None:
    commit(admin, group, topic, 4)
    topics = [topic]
    plan = admin.reset_group_offsets(group, to, topics=topics, dry_run=True)
    assert [(row.topic, row.partition) for row in plan] == [(topic, 0), (topic, 1)]
    assert [row.before for row in plan] == [4, None]
    assert [row.after for row in plan] == after
    assert committed(admin, group) == [4], "it was only a plan"
    assert admin.reset_group_offsets(group, to, topics=topics) == plan
    assert committed(admin, group) == after


def test_a_reset_says_where_the_log_sets_it_bounds(
    admin: ottla.Admin, topic: str, group: str
) -> None:
    commit(admin, group, topic, 4, 9)
    plan = admin.reset_group_offsets(group, shift_by=2)
    assert [(row.after, row.note) for row in plan] == [
        (6, None),
        (10, "the log ends before offset 11"),
    ]
    [one] = admin.reset_group_offsets(group, shift_by=-3, topics=(topic, 0))
    assert (one.partition, one.after) == (0, 3)
    assert committed(admin, group) == [3, 10]


def test_a_group_goes_on_where_another_has_come(admin: ottla.Admin, topic: str, group: str) -> None:
    other = f"{group}-other"
    commit(admin, other, topic, 3, 8)
    plan = admin.reset_group_offsets(group, admin.group_offsets(other), dry_run=True)
    assert [(row.partition, row.before, row.after) for row in plan] == [(0, None, 3), (1, None, 8)]
    assert committed(admin, group) == []
    admin.reset_group_offsets(group, admin.group_offsets(other))
    [one] = admin.reset_group_offsets(group, {(topic, 1): 99})
    assert (one.partition, one.after, one.note) == (1, 10, "the log ends before offset 99")
    assert committed(admin, group) == [3, 10]


def test_a_reset_that_cannot_be_is_refused_before_anything_is_done(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    with pytest.raises(ottla.OttlaError, match="committed no offsets: name the topics"):
        admin.reset_group_offsets(group, "earliest")
    with pytest.raises(ottla.OttlaError, match="cannot be shifted"):
        admin.reset_group_offsets(group, shift_by=1, topics=topic)
    with pytest.raises(ottla.UnknownTopicError, match="topic no-such-topic"):
        admin.reset_group_offsets(group, "earliest", topics=["no-such-topic"])
    with pytest.raises(ottla.UnknownTopicError, match="the topic has 2 partitions"):
        admin.reset_group_offsets(group, "earliest", topics=[(topic, 2)])
    with pytest.raises(TypeError, match="either by `to` or by `shift_by`"):
        admin.reset_group_offsets(group)
    with pytest.raises(TypeError, match="either by `to` or by `shift_by`"):
        admin.reset_group_offsets(group, "latest", shift_by=1)
    for wrong in ({}, {(topic, 0): 1}):
        with pytest.raises(TypeError, match="offsets by partition say all"):
            admin.reset_group_offsets(group, wrong, topics=topic)
    with pytest.raises(ValueError, match="-1 is no offset"):
        admin.reset_group_offsets(group, {(topic, 0): -1})
    with pytest.raises(ottla.UnknownTopicError, match=f"{topic}-2"):
        admin.reset_group_offsets(group, {(topic, 2): 1})
    with pytest.raises(ValueError, match="is no position"):
        admin.reset_group_offsets(group, "soon", topics=topic)
    with pytest.raises(TypeError, match="neither a topic nor"):
        admin.reset_group_offsets(group, "latest", topics=[5])  # type: ignore[list-item]
    with member(ottla_broker, group, topic):
        for dry_run in (True, False):
            with pytest.raises(ottla.GroupActiveError, match=f"group `{group}` is Stable") as error:
                admin.reset_group_offsets(group, "earliest", topics=topic, dry_run=dry_run)
            assert error.value.name == "NON_EMPTY_GROUP"
        with pytest.raises(ottla.OttlaError, match="the group has members"):
            commit(admin, group, topic, 1)
    assert admin.group_offsets(group) == {}


def test_a_group_is_deleted_once_nobody_is_in_it(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    with member(ottla_broker, group, topic) as consumer:
        consumer.commit({(topic, 0): 5})
        with pytest.raises(ottla.GroupActiveError, match="NON_EMPTY_GROUP"):
            admin.delete_group(group)
        with pytest.raises(ottla.OttlaError, match="GROUP_SUBSCRIBED_TO_TOPIC") as refused:
            admin.delete_group_offsets(group, [(topic, 0)])
        assert f"group {group}, {topic}-0" in str(refused.value)
    admin.delete_group(group)
    assert group not in {row.name for row in admin.groups()}
    assert admin.group_offsets(group) == {}


def test_members_that_are_gone_are_removed(
    ottla_broker: ottla.Broker, admin: ottla.Admin, topic: str, group: str
) -> None:
    with member(ottla_broker, group, topic, group_instance_id="one"):
        pass
    # A static member does not leave when it closes.
    assert len(admin.describe_group(group).members) == 1
    with pytest.raises(ottla.OttlaError, match=f"group {group}, member two: UNKNOWN_MEMBER_ID"):
        admin.remove_members(group, instances=["two"])
    assert admin.remove_members(group, instances="one", reason="maintenance") == ["one"]
    assert admin.describe_group(group).state == "Empty"
    assert admin.remove_members(group) == []
    with member(ottla_broker, group, topic):
        [name] = [row.id for row in admin.describe_group(group).members]
        assert admin.remove_members(group, members=[name]) == [name]


def test_offsets_of_a_topic_are_found_by_end_and_by_time(admin: ottla.Admin, topic: str) -> None:
    def found(at: str | dt.datetime) -> list[int | None]:
        return list(admin.offsets(topic, at).values())

    assert admin.offsets(topic) == {(topic, 0): 10, (topic, 1): 10}
    assert found("earliest") == [0, 0]
    assert found("max_timestamp") == [9, 9]
    assert found(BEGIN + dt.timedelta(seconds=4)) == [4, 4]
    assert found("-1s") == [None, None]
    with pytest.raises(ottla.UnknownTopicError, match="no-such-topic"):
        admin.offsets("no-such-topic")
    with pytest.raises(TypeError, match="an offset is what is asked for"):
        admin.offsets(topic, 5)


def test_groups_are_configured_key_by_key(admin: ottla.Admin, group: str) -> None:
    key = "consumer.session.timeout.ms"
    default = admin.group_configs(group)[key]
    admin.alter_group_configs(group, {key: 50_000}, validate_only=True)
    assert admin.group_configs(group)[key] == default
    admin.alter_group_configs(group, {key: 50_000})
    entry = admin.group_configs(group)[key]
    assert (entry.value, entry.source) == ("50000", "group")
    admin.alter_group_configs(group, {key: None})
    assert admin.group_configs(group)[key] == default
    with pytest.raises(ottla.ConfigError, match=f"group {group}: INVALID_CONFIG"):
        admin.alter_group_configs(group, {key: 1})


def test_a_coordinator_that_is_gone_is_waited_for_no_longer_than_allowed(tmp_path: Path) -> None:
    with ottla.Broker(tmp_path) as broker:
        config = {"request.timeout.ms": 500, "default.api.timeout.ms": 1000}
        admin = ottla.Admin(broker, config=config)
    begun = time.monotonic()
    with pytest.raises(ottla.Timeout, match="group g: no answer within 1000 ms"):
        admin.lag("g")
    assert time.monotonic() - begun < 2.0
    with pytest.raises(ottla.Timeout):
        admin.groups()


def test_a_closed_admin_client_says_so(ottla_broker: ottla.Broker) -> None:
    admin = ottla.Admin(ottla_broker)
    admin.close()
    with pytest.raises(ottla.ClosedError, match="admin client"):
        admin.groups()
