"""Groups as an operator sees them: `ottla.Admin` and `ottla groups` on Apache Kafka, and beside
Kafka's own tools, which are to find the same on its broker and on ours.
"""

from __future__ import annotations

import contextlib
import csv
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer as ConfluentConsumer

import ottla
from cluster.ottla_command import Ottla
from interop import kafka

PARTITIONS = 3
RECORDS = 10
WAIT_SECONDS = 60.0
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
SHARE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def bootstrap_of_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with kafka.running(tmp_path_factory.mktemp("group-admin") / "data") as where:
        yield where


@pytest.fixture(params=["kafka", "ottla"])
def bootstrap(request: pytest.FixtureRequest, ottla_broker: ottla.Broker) -> str:
    """Kafka's broker, then ours."""
    if request.param == "ottla":
        return f"{ottla_broker.host}:{ottla_broker.port}"
    where: str = request.getfixturevalue("bootstrap_of_kafka")
    return where


@pytest.fixture
def admin(bootstrap: str) -> Iterator[ottla.Admin]:
    with ottla.Admin(bootstrap) as admin:
        yield admin


@pytest.fixture
def command(bootstrap: str) -> Ottla:
    return Ottla(bootstrap)


@pytest.fixture
def topic(bootstrap: str, admin: ottla.Admin) -> str:
    name = f"topic-{uuid.uuid4().hex[:8]}"
    admin.create_topic(name, partitions=PARTITIONS)
    with ottla.Producer(bootstrap) as producer:
        for number in range(RECORDS * PARTITIONS):
            producer.produce(name, str(number), partition=number % PARTITIONS)
    return name


@pytest.fixture
def group(admin: ottla.Admin, topic: str) -> str:
    """A group that has committed offset 4 of two partitions, and nobody is in it."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    admin.alter_group_offsets(name, {(topic, 0): 4, (topic, 1): 4})
    return name


@contextlib.contextmanager
def member(bootstrap: str, group: str, topic: str, protocol: str) -> Iterator[None]:
    """A member of librdkafka's that has been assigned everything, and settled."""
    consumer = ConfluentConsumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "client.id": "theirs",
            "group.instance.id": "one",
            "group.protocol": protocol,
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + WAIT_SECONDS
    with ottla.Admin(bootstrap) as admin:
        while len(consumer.assignment()) < PARTITIONS or (
            admin.describe_group(group).state != "Stable"
        ):
            assert time.monotonic() < deadline
            consumer.poll(0.05)
    try:
        yield
    finally:
        consumer.close()


def kafkas(bootstrap: str, *arguments: str) -> list[dict[str, str]]:
    """The table that Kafka's tool for groups prints, a row by the names of its columns."""
    printed = kafka.run_tool(GROUPS, "--bootstrap-server", bootstrap, *arguments)
    return rows(printed)


def ours(command: Ottla, *arguments: str) -> list[dict[str, str]]:
    return rows(command.out("groups", *arguments).decode())


def rows(printed: str) -> list[dict[str, str]]:
    """The rows of a table under a header that begins with GROUP, whatever stands around it."""
    text = printed.replace("COORDINATOR (ID)", "COORDINATOR ID")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    start = next(number for number, line in enumerate(lines) if line[0] == "GROUP")
    header = lines[start]
    found = [
        dict(zip(header, line, strict=True)) for line in lines[start + 1 :] if fits(line, header)
    ]
    assert found, printed
    return sorted(found, key=lambda row: [*row.values()])


def fits(line: list[str], header: list[str]) -> bool:
    return len(line) == len(header)


def narrowed(table: list[dict[str, str]], columns: list[str]) -> list[tuple[str, ...]]:
    return sorted(tuple(row[column] for column in columns) for row in table)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_with_a_member_is_described_as_kafkas_tool_does(
    bootstrap: str, admin: ottla.Admin, command: Ottla, topic: str, group: str, *, protocol: str
) -> None:
    asked = ("--describe", "--group", group)
    with member(bootstrap, group, topic, protocol):
        described = admin.describe_group(group)
        assert described.type.lower() == protocol
        [only] = described.members
        everything = [ottla.TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        assert (only.client_id, only.group_instance_id) == ("theirs", "one")
        assert only.assignment == everything
        assert only.target_assignment == (everything if protocol == "consumer" else None)

        columns = ["GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
        columns += ["CONSUMER-ID", "HOST", "CLIENT-ID"]
        lag = narrowed(ours(command, "lag", "--group", group), columns)
        assert lag == narrowed(kafkas(bootstrap, *asked), columns)
        assert [row[5] for row in lag] == ["6", "6", "-"]
        columns = ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"]
        members = narrowed(ours(command, "describe", "--group", group, "--members"), columns)
        assert members == narrowed(kafkas(bootstrap, *asked, "--members"), columns)
        columns = ["GROUP", "COORDINATOR", "ID", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"]
        states = narrowed(ours(command, "describe", "--group", group, "--state"), columns)
        assert states == narrowed(kafkas(bootstrap, *asked, "--state"), columns)

        with pytest.raises(ottla.GroupActiveError, match="is Stable: stop its members first"):
            admin.reset_group_offsets(group, "earliest")
        with pytest.raises(ottla.OttlaError, match="the group has members"):
            admin.alter_group_offsets(group, {(topic, 0): 1})
        with pytest.raises(ottla.OttlaError, match="GROUP_SUBSCRIBED_TO_TOPIC"):
            admin.delete_group_offsets(group, [(topic, 0)])
        assert "NON_EMPTY_GROUP" in command.refused(1, "groups", "delete", group)


@pytest.mark.parametrize(
    "place",
    [
        ["--to-earliest"],
        ["--to-latest"],
        ["--to-current"],
        ["--to-offset", "99"],
        ["--shift-by", "-2", "--topic", "{topic}:0,1"],
        ["--by-duration", "PT1H"],
        ["--to-datetime", "2000-01-01T00:00:00.000"],
    ],
    ids=lambda place: place[0].strip("-"),
)
def test_a_reset_is_planned_as_kafkas_tool_does_and_done(
    bootstrap: str, admin: ottla.Admin, command: Ottla, topic: str, group: str, *, place: list[str]
) -> None:
    words = [word.format(topic=topic) for word in place]
    if "--topic" not in words:
        words += ["--topic", topic]
    columns = ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]
    theirs = narrowed(
        kafkas(bootstrap, "--reset-offsets", "--group", group, *words, "--dry-run"), columns
    )
    planned = command.json("groups", "reset-offsets", "--group", group, *words)["offsets"]
    keys = ["group", "topic", "partition", "new_offset"]
    assert sorted(tuple(str(row[key]) for key in keys) for row in planned) == theirs
    assert [offset.offset for offset in admin.group_offsets(group).values()] == [4, 4]
    command.out("groups", "reset-offsets", "--group", group, *words, "--execute")
    committed = {
        (group, topic, str(place.partition), str(offset.offset))
        for place, offset in admin.group_offsets(group).items()
    }
    assert committed == set(theirs)


def test_a_plan_goes_from_one_tool_to_the_other(
    bootstrap: str, admin: ottla.Admin, command: Ottla, topic: str, group: str, *, tmp_path: Path
) -> None:
    other = f"{group}, the other"
    admin.alter_group_offsets(other, {(topic, 2): 7})
    plan = tmp_path / "plan.csv"
    server = ("--bootstrap-server", bootstrap)
    for groups in ((group,), (group, other)):
        named = [word for name in groups for word in ("--group", name)]
        reset = (*named, "--all-topics", "--shift-by", "1", "--export", "--dry-run")
        theirs = kafka.run_tool(GROUPS, *server, "--reset-offsets", *reset)
        ours = command.out("groups", "reset-offsets", *reset).decode()
        assert plan_of(theirs) == plan_of(ours)
        from_file = (*named, "--from-file", str(plan))
        plan.write_text(theirs)
        planned = command.out("groups", "reset-offsets", *from_file, "--export").decode()
        assert plan_of(planned) == plan_of(theirs)
        plan.write_text(ours)
        kafka.run_tool(GROUPS, *server, "--reset-offsets", *from_file, "--execute")
        assert [row.offset for row in admin.group_offsets(group).values()] == [5, 5]
        admin.alter_group_offsets(group, {(topic, 0): 4, (topic, 1): 4})
    assert admin.group_offsets(other)[ottla.TopicPartition(topic, 2)].offset == 8


def plan_of(exported: str) -> list[list[str]]:
    return sorted(row for row in csv.reader(exported.splitlines()) if row)


def test_groups_of_other_kinds_are_told_of_and_left_out(
    bootstrap_of_kafka: str, tmp_path: Path
) -> None:
    command, topic = Ottla(bootstrap_of_kafka), f"topic-{uuid.uuid4().hex[:8]}"
    consumers, shared = f"consumers-{topic}", f"share-{topic}"
    with ottla.Admin(bootstrap_of_kafka) as admin:
        admin.create_topic(topic)
        admin.alter_group_offsets(consumers, {(topic, 0): 0})
        arguments = ("--bootstrap-server", bootstrap_of_kafka, "--topic", topic)
        sharing = (SHARE_CONSUMER, *arguments, "--group", shared)
        with kafka.running_tool(*sharing, log=tmp_path / "log"):
            deadline = time.monotonic() + WAIT_SECONDS
            while shared not in {row.name for row in admin.groups(types="share")}:
                assert time.monotonic() < deadline
            listed = {row["group"]: row["type"] for row in command.json("groups", "list")}
            assert (listed[consumers], listed[shared]) == ("Classic", "Share")
            assert listed.keys() > {row.name for row in admin.groups(types=["classic", "consumer"])}
            told = f"group {shared} is left out: it is a share group, and no consumer group"
            for words in (("describe", "--state"), ("lag",)):
                done = command.run("groups", *words, "--all-groups")
                assert done.returncode == 0
                assert told in done.stderr.decode()
                assert consumers in done.stdout.decode()
                assert shared not in done.stdout.decode()
            reset = ("groups", "reset-offsets", shared, "--topic", topic, "--to-earliest")
            error = command.refused(1, *reset)
            assert error == f"error: group {shared}: it is a share group, and no consumer group\n"
            for dry_run in (True, False):
                with pytest.raises(ottla.UnknownGroupError, match="it is a share group, and no"):
                    admin.reset_group_offsets(shared, "earliest", topics=topic, dry_run=dry_run)
            assert "GROUP_ID_NOT_FOUND" in command.refused(1, "groups", "describe", shared)


def test_groups_are_listed_and_deleted_with_their_offsets(
    bootstrap: str, admin: ottla.Admin, command: Ottla, topic: str, group: str
) -> None:
    listed = [row["group"] for row in command.json("groups", "list", "--state", "Empty")]
    theirs = kafka.run_tool(GROUPS, "--bootstrap-server", bootstrap, "--list", "--state", "Empty")
    # Theirs is of consumer groups, and other tests have groups with names that are no one word.
    assert {group} <= {row["GROUP"] for row in rows(theirs)} <= set(listed)
    admin.delete_group_offsets(group, [(topic, 0)])
    assert list(admin.group_offsets(group)) == [(topic, 1)]
    with pytest.raises(ottla.UnknownGroupError):
        admin.delete_group(group, "nobody")
    assert group not in [row.name for row in admin.groups()]
    assert admin.group_offsets(group) == {}
    with pytest.raises(ottla.UnknownGroupError):
        admin.describe_group(group)


def test_members_that_are_gone_are_removed(
    bootstrap: str, admin: ottla.Admin, topic: str, group: str
) -> None:
    with member(bootstrap, group, topic, "classic"):
        pass
    assert admin.describe_group(group).state == "Stable", "a static member does not leave"
    with pytest.raises(ottla.OttlaError, match="UNKNOWN_MEMBER_ID"):
        admin.remove_members(group, instances=["two"])
    assert admin.remove_members(group) == ["one"]
    assert admin.describe_group(group).members == []


def test_groups_are_configured(admin: ottla.Admin, group: str) -> None:
    key = "consumer.heartbeat.interval.ms"
    default = admin.group_configs(group)[key]
    admin.alter_group_configs(group, {key: 6000})
    deadline = time.monotonic() + WAIT_SECONDS
    # What the controller has decided reaches the brokers a little later.
    while (entry := admin.group_configs(group)[key]) == default:
        assert time.monotonic() < deadline
    assert (entry.value, entry.source) == ("6000", "group")
    with pytest.raises(ottla.ConfigError, match="INVALID_CONFIG"):
        admin.alter_group_configs(group, {key: 1})


def test_offsets_of_topics_are_those_of_kafkas_tool(
    bootstrap: str, command: Ottla, topic: str
) -> None:
    for place in ("-1", "-2", "-3"):
        arguments = ("--bootstrap-server", bootstrap, "--topic", topic, "--time", place)
        theirs = kafka.run_tool(OFFSETS, *arguments).split()
        found = command.json("offsets", "--topic", topic, "--time", place)
        assert printed(found) == sorted(theirs)


def printed(found: list[dict[str, object]]) -> list[str]:
    return [f"{row['topic']}:{row['partition']}:{row['offset']}" for row in found]


@pytest.mark.parametrize(
    "words",
    [
        ["--topic", "{stem}.*", "--partitions", "0,2"],
        ["--topic", "nowhere,{topic}", "--exclude-internal-topics"],
        ["--topic-partitions", "{stem}.*:1-"],
        ["--topic-partitions", "{topic}:-1,{stem}.:2,nowhere"],
        ["--topic-partitions", ":1", "--exclude-internal-topics"],
    ],
    ids=" ".join,
)
def test_topics_and_partitions_are_chosen_as_kafkas_tool_does(
    bootstrap: str, command: Ottla, topic: str, *, words: list[str]
) -> None:
    chosen = [word.format(topic=topic, stem=topic[:-1]) for word in words]
    theirs = kafka.run_tool(OFFSETS, "--bootstrap-server", bootstrap, *chosen).split()
    assert theirs
    assert sorted(printed(command.json("offsets", *chosen))) == sorted(theirs)
