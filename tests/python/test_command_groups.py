"""`ottla groups` and `ottla offsets`, as a person or a script calls them."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

import ottla
from cluster.ottla_command import Ottla, await_line

PARTITIONS = 2
RECORDS = 10
COMMAND_SECONDS = 30.0


@pytest.fixture
def topic(ottla_broker: ottla.Broker) -> str:
    name = f"topic-{uuid.uuid4().hex[:8]}"
    with ottla.Admin(ottla_broker) as admin, ottla.Producer(ottla_broker) as producer:
        admin.create_topic(name, partitions=PARTITIONS)
        for number in range(PARTITIONS * RECORDS):
            producer.produce(name, str(number), partition=number % PARTITIONS)
    return name


@pytest.fixture
def group(ottla_broker: ottla.Broker, topic: str) -> str:
    """A group that has committed offset 4 of each partition, and nobody is in it."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    with ottla.Admin(ottla_broker) as admin:
        admin.alter_group_offsets(name, {(topic, index): 4 for index in range(PARTITIONS)})
    return name


@pytest.fixture
def command(ottla_broker: ottla.Broker) -> Ottla:
    return Ottla(f"{ottla_broker.host}:{ottla_broker.port}")


def table(command: Ottla, *arguments: str) -> list[list[str]]:
    """The cells of all lines but the header."""
    return [line.split() for line in command.out(*arguments).decode().splitlines()[1:]]


def misused(command: Ottla, *arguments: str) -> str:
    """What a command line is told that cannot be understood."""
    done = command.run(*arguments)
    assert done.returncode == 2
    return done.stderr.decode()


def test_groups_are_listed_and_filtered(command: Ottla, group: str) -> None:
    assert [group, "Classic", "Empty", "-"] in table(command, "groups", "list")
    rows = command.json("groups", "list", "--state", "empty", "--type", "classic")
    assert {"group": group, "type": "Classic", "state": "Empty", "protocol_type": ""} in rows
    stable = command.json("groups", "list", "--state", "Stable,PreparingRebalance")
    assert group not in [row["group"] for row in stable]
    error = misused(command, "groups", "list", "--state", "busy")
    assert "`busy` is no state of a group: use one of PreparingRebalance" in error


def test_lag_is_the_table_of_kafkas_tool(command: Ottla, group: str, topic: str) -> None:
    text = command.out("groups", "lag", "--group", group).decode()
    header = "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID"
    assert text.splitlines()[0].split() == header.split()
    rows = [[group, topic, str(index), "4", "10", "6", "-", "-", "-"] for index in range(2)]
    assert table(command, "groups", "lag", group) == rows
    described = table(command, "groups", "describe", "--group", group, "--offsets")
    assert described == [*rows, ["group", group, "has", "no", "active", "members"]]
    [row, _] = command.json("groups", "lag", group)
    assert (row["lag"], row["member_id"], row["error"]) == (6, None, None)


def test_members_and_state_are_described(
    command: Ottla, ottla_broker: ottla.Broker, group: str, topic: str
) -> None:
    with ottla.Consumer(
        ottla_broker, group=group, topics=[topic], client_id="me", enable_auto_commit=False
    ) as consumer:
        deadline = time.monotonic() + COMMAND_SECONDS
        while len(consumer.assignment) < PARTITIONS:
            assert time.monotonic() < deadline
            consumer.poll(timeout=0.05)
        described = command.json("groups", "describe", group)
        [member] = described["groups"][0]["members"]
        assert member["assignment"] == {topic: [0, 1]}
        rows = table(command, "groups", "describe", "--group", group, "--members", "--verbose")
        assert rows[0][:2] == [group, member["member_id"]]
        assert [rows[0][4], rows[0][5], rows[0][7]] == ["me", "2", f"{topic}:0,1"]
        address = f"{ottla_broker.host}:{ottla_broker.port}"
        [state] = table(command, "groups", "describe", "--group", group, "--state")
        assert state == [group, address, "(1)", "range", "Stable", "1"]
        [lag, _] = table(command, "groups", "lag", group)
        assert lag[6:] == [member["member_id"], "/127.0.0.1", "me"]

        error = command.refused(1, "groups", "reset-offsets", "--group", group, "--to-earliest")
        assert f"group `{group}` is Stable: stop its members first" in error
        assert "NON_EMPTY_GROUP" in command.refused(1, "groups", "delete", "--group", group)


def test_a_reset_is_shown_first_and_done_when_told(command: Ottla, group: str, topic: str) -> None:
    reset = ("groups", "reset-offsets", "--group", group)
    plan = command.out(*reset, "--shift-by", "-3", "--topic", f"{topic}:1").decode()
    assert plan.splitlines()[1].split() == [group, topic, "1", "4", "1", "-"]
    assert plan.endswith("nothing is changed yet: --execute does it\n")
    assert [row["committed_offset"] for row in command.json("groups", "lag", group)] == [4, 4]

    done = command.json(*reset, "--to-offset", "20", "--all-topics", "--execute")
    assert done["dry_run"] is False
    assert {row["new_offset"] for row in done["offsets"]} == {10}
    assert {row["note"] for row in done["offsets"]} == {"the log ends before offset 20"}
    assert [row["lag"] for row in command.json("groups", "lag", group)] == [0, 0]
    for place, offset in (
        (["--to-earliest"], 0),
        (["--to-latest"], 10),
        (["--to-current"], 10),
        (["--by-duration", "PT1H"], 0),
        (["--to-datetime", "2000-01-01T00:00:00.000"], 0),
    ):
        planned = command.json(*reset, *place, "--dry-run")
        assert (planned["dry_run"], planned["offsets"][0]["new_offset"]) == (True, offset), place
    assert "required" in misused(command, *reset)


def test_a_plan_is_exported_and_carried_out_from_a_file(
    command: Ottla, group: str, topic: str, tmp_path: Path
) -> None:
    reset = ("groups", "reset-offsets", "--group", group)
    done = command.run(*reset, "--shift-by", "3", "--export")
    assert done.stdout.decode() == f"{topic},0,7\n{topic},1,7\n"
    assert b"nothing is changed yet: --execute does it" in done.stderr
    plan = tmp_path / "plan.csv"
    plan.write_bytes(done.stdout)
    silent = command.run(*reset, "--from-file", str(plan), "--export", "--dry-run")
    assert (silent.stdout, silent.stderr) == (done.stdout, b"")
    assert [row["committed_offset"] for row in command.json("groups", "lag", group)] == [4, 4]
    plan.write_text(f'"{topic}",1,99\n')
    [moved] = command.json(*reset, "--from-file", str(plan), "--execute")["offsets"]
    assert (moved["new_offset"], moved["note"]) == (10, "the log ends before offset 99")
    assert [row["committed_offset"] for row in command.json("groups", "lag", group)] == [4, 10]


def test_a_plan_of_several_groups_names_them(
    command: Ottla, ottla_broker: ottla.Broker, group: str, topic: str, tmp_path: Path
) -> None:
    other = f"{group}, the other"
    with ottla.Admin(ottla_broker) as admin:
        admin.alter_group_offsets(other, {(topic, 0): 1})
    reset = ("groups", "reset-offsets")
    both = (*reset, group, other)
    exported = command.out(*both, "--to-current", "--export").decode()
    assert exported == f'{group},{topic},0,4\n{group},{topic},1,4\n"{other}",{topic},0,1\n'
    # Groups of other tests may have nothing to reset.
    everything = command.run(*reset, "--all-groups", "--to-current", "--export").stdout.decode()
    assert set(exported.splitlines()) <= set(everything.splitlines())
    plan = tmp_path / "plan.csv"
    plan.write_text(exported.replace(",4", ",2"))
    assert command.out(*both, "--from-file", str(plan), "--execute", "--export") == (
        plan.read_bytes()
    )
    assert [row["committed_offset"] for row in command.json("groups", "lag", group)] == [2, 2]
    absent = command.refused(1, *reset, "absent", "--from-file", str(plan))
    assert absent == "error: group absent: the file names no offset of it\n"
    plan.write_text(f"{topic},0,1\n")
    done = command.run(*both, "--from-file", str(plan))
    assert (done.returncode, done.stdout) == (1, b"")
    assert f"group {group}: the file is for one group" in done.stderr.decode()
    plan.write_text(f"{topic},0\n")
    error = command.refused(1, *reset, group, "--from-file", str(plan))
    assert error.startswith(f"error: {plan}: line 1: expected")
    misused(command, *reset, group, "--from-file", str(plan), "--topic", topic)


def test_one_groups_trouble_is_told_beside_the_others(command: Ottla, group: str) -> None:
    done = command.run("groups", "lag", "nobody", group)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1 + PARTITIONS
    assert done.stderr.startswith(b"error: group nobody: GROUP_ID_NOT_FOUND: ")
    assert "no group is named" in misused(command, "groups", "describe")
    error = command.refused(1, "groups", "describe", "nobody")
    assert error.startswith("error: group nobody: GROUP_ID_NOT_FOUND: ")


def test_offsets_and_groups_are_deleted(command: Ottla, group: str, topic: str) -> None:
    deleted = command.out(
        "groups", "delete-offsets", "--group", group, "--topic", f"{topic}:0"
    ).decode()
    assert deleted == f"group {group} has no offset of {topic}-0\n"
    assert [row["partition"] for row in command.json("groups", "lag", group)] == [1]
    missing = command.refused(1, "groups", "delete-offsets", "--group", group, "--topic", "nowhere")
    assert "topic nowhere: UNKNOWN_TOPIC_OR_PARTITION" in missing
    assert command.out("groups", "delete", "--group", group).decode() == f"deleted group {group}\n"
    assert "GROUP_ID_NOT_FOUND" in command.refused(1, "groups", "delete", "--group", group)


def test_members_that_are_gone_are_removed(
    command: Ottla, ottla_broker: ottla.Broker, group: str, topic: str
) -> None:
    with ottla.Consumer(
        ottla_broker, group=group, topics=[topic], group_instance_id="one"
    ) as consumer:
        deadline = time.monotonic() + COMMAND_SECONDS
        while len(consumer.assignment) < PARTITIONS:
            assert time.monotonic() < deadline
            consumer.poll(timeout=0.05)
    remove = ("groups", "remove-members", "--group", group)
    assert "no member is named" in misused(command, *remove)
    assert "member two: UNKNOWN_MEMBER_ID" in command.refused(
        1, *remove, "--group-instance-id", "two"
    )
    assert command.out(*remove, "--all-members").decode() == f"removed one from group {group}\n"
    assert command.json(*remove, "--all-members") == []


def test_offsets_of_topics_are_shown_by_end_and_by_time(command: Ottla, topic: str) -> None:
    assert table(command, "offsets", topic) == [[topic, "0", "10", "-"], [topic, "1", "10", "-"]]
    at = ("offsets", f"{topic}:1", "--time")
    for words, offset in (("-2", 0), ("earliest", 0), ("-1", 10), ("1h", 0)):
        [row] = command.json(*at, words)
        assert (row["topic"], row["partition"], row["offset"]) == (topic, 1, offset), words
    assert command.json(*at, "0ms")[0]["offset"] is None
    assert topic in [row[0] for row in table(command, "offsets", "--exclude-internal-topics")]
    assert "nowhere: UNKNOWN_TOPIC_OR_PARTITION" in command.refused(1, "offsets", "nowhere")
    assert "expected latest, earliest" in misused(command, "offsets", topic, "--time", "x")


def test_offsets_are_of_the_topics_and_partitions_that_match(command: Ottla, topic: str) -> None:
    def found(*arguments: str) -> list[list[str]]:
        return [row[:2] for row in table(command, "offsets", *arguments)]

    both = [[topic, "0"], [topic, "1"]]
    assert found("--topic", f"{topic[:-1]}.") == both
    assert found("--topic", f"nowhere,{topic}") == both
    assert found("--topic", topic, "--partitions", "1,7") == both[1:]
    assert found("--topic-partitions", f"{topic}:-1,nowhere:1") == both[:1]
    assert "__consumer_offsets" in {name for name, _ in found("--topic", ".*")}
    others = found("--topic-partitions", ".*", "--exclude-internal-topics")
    assert both[0] in others
    assert "__consumer_offsets" not in {name for name, _ in others}
    for nothing in (("--topic", topic[:-1]), ("--topic-partitions", f"{topic}:2-")):
        assert "no topic has a partition that matches" in command.refused(1, "offsets", *nothing)
    error = misused(command, "offsets", "--topic", "(")
    assert "`(` is no regular expression" in error
    misused(command, "offsets", "--topic", topic, "--topic-partitions", topic)


def test_a_watch_looks_again(command: Ottla, ottla_broker: ottla.Broker, group: str) -> None:
    with command.start("groups", "lag", group, "--watch=0.1", "--json") as process:
        first = json.loads(await_line(process))
        assert [row["committed_offset"] for row in first] == [4, 4]
        with ottla.Admin(ottla_broker) as admin:
            admin.reset_group_offsets(group, "latest")
        while [row["lag"] for row in json.loads(await_line(process))] != [0, 0]:
            pass
        process.terminate()
        assert process.wait(COMMAND_SECONDS) == 0
