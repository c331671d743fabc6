"""The `ottla` command as a process, against a broker in this one: what it prints, how it ends."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import ottla
from cluster.ottla_command import WAIT_SECONDS, Ottla, await_line

SENT_MS = 1_700_000_000_000
RECORDS: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
    (b"k", b"v", [("h", b"1"), ("h", None)]),
    (None, None, []),
    (b"\xff\x00", b"\xfe\n\r", [("binary", b"\x80")]),
    ("clé".encode(), '"quoted"\n\tand → more'.encode(), []),
]
"""Whatever a record may hold: a key twice, nothing at all, bytes that are no text, a line's end."""


@pytest.fixture
def command(ottla_broker: ottla.Broker) -> Ottla:
    return Ottla(ottla_broker.bootstrap_servers)


@pytest.fixture
def filled(ottla_broker: ottla.Broker, ottla_topic: str) -> str:
    """A topic of one partition with `RECORDS`, a second between each two."""
    with ottla.Producer(ottla_broker) as producer:
        for index, (key, value, headers) in enumerate(RECORDS):
            at = SENT_MS + 1000 * index
            producer.produce(ottla_topic, value, key=key, headers=headers, timestamp=at)
        producer.flush()
    return ottla_topic


@pytest.fixture
def other_topic(ottla_broker: ottla.Broker, ottla_topic: str) -> Iterator[str]:
    name = f"{ottla_topic}-2"
    with ottla.Admin(ottla_broker) as admin:
        admin.create_topic(name, partitions=2, retention_ms=-1)
        yield name
        admin.delete_topic(name)


def contents(broker: ottla.Broker, topic: str) -> list[tuple[Any, ...]]:
    """Everything of a topic's records that a producer has a say in, in the order of time."""
    rows = [
        (record.timestamp_ms, record.key, record.value, list(record.headers))
        for record in ottla.read(broker, topic, start="earliest")
    ]
    return sorted(rows, key=lambda row: row[0])


def await_full(pipe: int) -> None:
    """Waits until a pipe holds as much as it can, and whoever writes to it waits as well."""
    deadline = time.monotonic() + WAIT_SECONDS
    held = 0
    while time.monotonic() < deadline:
        before, held = held, struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
        if held == before > 32_768:
            return
        time.sleep(0.1)
    raise AssertionError(f"the pipe holds {held} bytes")


# --- topics


def test_a_topic_is_created_listed_described_altered_and_deleted(command: Ottla) -> None:
    [created] = command.json(
        "topics", "create", "life", "--partitions", "2", "--config", "retention.ms=5000"
    )
    assert (created["topic"], created["partitions"], created["replication_factor"]) == (
        "life",
        2,
        1,
    )
    [listed] = [row for row in command.json("topics", "list") if row["topic"] == "life"]
    assert listed == {"topic": "life", "id": created["id"], "partitions": 2, "is_internal": False}

    assert command.out("topics", "alter", "life", "--partitions", "3") == b"altered topic life\n"
    [described] = command.json("topics", "describe", "--topic", "life")
    assert described["configs"] == {"retention.ms": "5000"}
    assert [row["partition"] for row in described["partitions"]] == [0, 1, 2]
    assert {row["leader"] for row in described["partitions"]} == {1}
    text = command.out("topics", "describe", "life").decode().splitlines()
    assert text[0].startswith("Topic: life  TopicId: ")
    assert text[0].endswith("  PartitionCount: 3  ReplicationFactor: 1  Configs: retention.ms=5000")
    assert text[1].split() == ["PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "OFFLINE"]
    assert [line.split()[0] for line in text[2:]] == ["0", "1", "2"]

    assert command.out("topics", "delete", "life") == b"deleted topic life\n"
    assert "life" not in [row["topic"] for row in command.json("topics", "list")]


def test_topics_are_listed_as_a_table_for_people(command: Ottla, ottla_topic: str) -> None:
    header, *rows = command.out("topics", "list").decode().splitlines()
    assert header.split() == ["TOPIC", "PARTITIONS"]
    assert [ottla_topic, "1"] in [row.split() for row in rows]


def test_what_exists_or_does_not_is_an_error_unless_that_is_fine(
    command: Ottla, ottla_topic: str
) -> None:
    told = command.refused(1, "topics", "create", ottla_topic)
    assert f"error: {ottla_topic}: TOPIC_ALREADY_EXISTS" in told
    assert "--if-not-exists" in told
    assert command.json("topics", "create", ottla_topic, "--if-not-exists") == []
    for action in (["delete"], ["describe"], ["alter", "--partitions", "9"]):
        told = command.refused(1, "topics", *action, "nowhere")
        assert "error: nowhere: UNKNOWN_TOPIC_OR_PARTITION" in told
        assert command.json("topics", *action, "nowhere", "--if-exists") == []
    told = command.refused(1, "topics", "alter", ottla_topic, "--partitions", "1")
    assert "INVALID_PARTITIONS" in told


def test_one_failure_does_not_keep_the_rest_from_being_done(
    command: Ottla, ottla_topic: str
) -> None:
    done = command.run("topics", "delete", "nowhere", ottla_topic)
    assert done.returncode == 1
    assert done.stdout.decode() == f"deleted topic {ottla_topic}\n"
    assert done.stderr.decode().startswith("error: nowhere: ")


def test_a_dry_run_changes_nothing(command: Ottla, ottla_topic: str) -> None:
    command.out("topics", "create", "dry", "--dry-run")
    command.out("topics", "alter", ottla_topic, "--partitions", "5", "--dry-run")
    listed = {row["topic"]: row["partitions"] for row in command.json("topics", "list")}
    assert "dry" not in listed
    assert listed[ottla_topic] == 1


def test_watching_looks_again_until_it_is_interrupted(command: Ottla, ottla_topic: str) -> None:
    with command.start("topics", "list", "--json", "--watch=0.1") as process:
        for _ in range(3):
            assert ottla_topic in [row["topic"] for row in json.loads(await_line(process))]
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 0


# --- configs


def test_settings_are_changed_described_and_go_back(command: Ottla, ottla_topic: str) -> None:
    one = ("--entity-type", "topics", "--entity-name", ottla_topic)
    added = "segment.bytes=1048576,cleanup.policy=[compact,delete]"
    assert command.out("configs", "alter", *one, "--add-config", added).startswith(
        b"altered topic "
    )
    command.out("configs", "alter", "--topic", ottla_topic, "--delete-config", "retention.ms")
    [described] = command.json("configs", "describe", "--topic", ottla_topic)
    assert (described["entity_type"], described["entity_name"]) == ("topic", ottla_topic)
    set_by_hand = {
        row["key"]: row["value"] for row in described["configs"] if row["source"] == "topic"
    }
    assert set_by_hand == {"segment.bytes": "1048576", "cleanup.policy": "compact,delete"}
    header = command.out("configs", "describe", *one).decode().splitlines()[1]
    assert header.split() == ["KEY", "VALUE", "SOURCE", "READ-ONLY"]
    [everything] = command.json("configs", "describe", *one, "--all")
    assert {"source": "default", "value": "604800000"}.items() <= next(
        row for row in everything["configs"] if row["key"] == "retention.ms"
    ).items()


def test_settings_of_brokers_are_described_and_changed(command: Ottla) -> None:
    [broker] = command.json("configs", "describe", "--broker", "1", "--all")
    assert (broker["entity_type"], broker["entity_name"]) == ("broker", "1")
    assert "log.retention.ms" in [row["key"] for row in broker["configs"]]
    defaults = ("--entity-type", "brokers", "--entity-default")
    command.out("configs", "alter", *defaults, "--add-config", "log.retention.ms=777777777")
    [described] = command.json("configs", "describe", "--broker-defaults")
    command.out("configs", "alter", "--broker-defaults", "--delete-config", "log.retention.ms")
    values = {row["key"]: row["value"] for row in described["configs"]}
    assert values["log.retention.ms"] == "777777777"


def test_settings_of_a_group_are_described_and_changed(command: Ottla) -> None:
    key = "consumer.session.timeout.ms"
    command.out(
        "configs",
        "alter",
        "--entity-type",
        "groups",
        "--entity-name",
        "g",
        "--config",
        f"{key}=50000",
    )
    [described] = command.json("configs", "describe", "--group", "g")
    assert (described["entity_type"], described["entity_name"]) == ("group", "g")
    rows = {row["key"]: (row["value"], row["source"]) for row in described["configs"]}
    assert rows[key] == ("50000", "group")


def test_a_setting_that_cannot_be_is_refused_by_its_name(command: Ottla, ottla_topic: str) -> None:
    told = command.refused(
        1, "configs", "alter", "--topic", ottla_topic, "--add-config", "retention.m=1"
    )
    assert "retention.m" in told
    assert "nothing is to be changed" in command.refused(2, "configs", "alter", "--topic", "t")
    assert "nothing is named" in command.refused(2, "configs", "describe")


# --- produce and consume


def test_lines_go_through_as_they_are(command: Ottla, ottla_topic: str) -> None:
    assert command.out("produce", ottla_topic, stdin=b"one\n\ntwo") == b""
    arguments = ("consume", "--topic", ottla_topic, "--from-beginning", "--max-messages", "3")
    done = command.run(*arguments)
    assert (done.returncode, done.stdout) == (0, b"one\n\ntwo\n")
    assert done.stderr == b"Processed a total of 3 messages\n"


def test_keys_headers_and_places_are_printed_as_kafka_does_it(
    command: Ottla, ottla_topic: str
) -> None:
    lines = b"a:1,b:x:y\tkey\tvalue\nNIL\tNIL\tNIL\n"
    command.out(
        *("produce", ottla_topic, "--parse-headers", "--property", "parse.key=true"),
        *("--property", "null.marker=NIL", "--compression", "zstd", "--acks", "1"),
        stdin=lines,
    )
    fields = ("--print-key", "--print-headers", "--print-partition", "--print-offset")
    printed = command.out("consume", ottla_topic, "--from-beginning", "--until", "latest", *fields)
    assert printed == (
        b"Partition:0\tOffset:0\ta:1,b:x:y\tkey\tvalue\n"
        b"Partition:0\tOffset:1\tNO_HEADERS\tnull\tnull\n"
    )
    properties = ("--property", "print.key=true", "--formatter-property", "key.separator= = ")
    printed = command.out(
        "consume", ottla_topic, "--offset", "earliest", "--max-messages", "1", *properties
    )
    assert printed == b"key = value\n"


def test_json_has_every_field(command: Ottla, filled: str) -> None:
    text = command.out(
        "consume", filled, "--from-beginning", "--until", "latest", "--format", "json"
    )
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0] == {
        "topic": filled,
        "partition": 0,
        "offset": 0,
        "timestamp": SENT_MS,
        "key": "k",
        "value": "v",
        "headers": [{"key": "h", "value": "1"}, {"key": "h", "value": None}],
    }
    assert (rows[1]["key"], rows[1]["value"], rows[1]["headers"]) == (None, None, [])
    assert rows[2]["key"] == {"base64": "/wA="}
    assert rows[2]["headers"] == [{"key": "binary", "value": {"base64": "gA=="}}]
    assert rows[3]["key"] == "clé"


def test_what_one_command_prints_as_json_another_sends_again(
    command: Ottla, ottla_broker: ottla.Broker, filled: str, other_topic: str
) -> None:
    text = command.out(
        "consume", filled, "--from-beginning", "--until", "latest", "--format", "json"
    )
    command.out("produce", other_topic, "--format", "json", stdin=text)
    assert contents(ottla_broker, other_topic) == contents(ottla_broker, filled)
    assert len(contents(ottla_broker, other_topic)) == len(RECORDS)
    # Each line names its topic and partition: without another topic it goes there once more.
    command.out("produce", "--format", "json", stdin=text)
    assert len(contents(ottla_broker, filled)) == 2 * len(RECORDS)
    elsewhere = text.replace(b'"partition":0', b'"partition":7')
    told = command.refused(1, "produce", other_topic, "--format", "json", stdin=elsewhere)
    assert "line 1 of standard input" in told
    assert "has no partition 7: it has 2" in told
    again = ("produce", other_topic, "--format", "json", "--repartition")
    command.out(*again, stdin=elsewhere)
    assert len(contents(ottla_broker, other_topic)) == 2 * len(RECORDS)


def test_hexadecimal_digits_carry_keys_and_values(
    command: Ottla, ottla_broker: ottla.Broker, filled: str, other_topic: str
) -> None:
    both = ("--format", "hex")
    text = command.out(
        "consume", filled, "--from-beginning", "--until", "latest", "--print-key", *both
    )
    assert text.splitlines()[:3] == [b"6b\t76", b"null\tnull", b"ff00\tfe0a0d"]
    command.out("produce", other_topic, "--parse-key", *both, stdin=text)
    sent = sorted(row[1:3] for row in contents(ottla_broker, other_topic) if row[1])
    assert sent == sorted((key, value) for key, value, _ in RECORDS if key)


def test_a_range_is_read_and_no_more(command: Ottla, filled: str) -> None:
    def offsets(*arguments: str) -> list[int]:
        text = command.out("consume", filled, "--format", "json", *arguments)
        return [json.loads(line)["offset"] for line in text.splitlines()]

    end = ("--until", "latest")
    assert offsets("--partition", "0", "--offset", "2", *end) == [2, 3]
    assert offsets("--offset", "latest", *end) == []
    assert offsets(*end) == []
    assert offsets("--since", "2023-11-14T22:13:21Z", *end) == [1, 2, 3]
    assert offsets("--from-beginning", "--until", "2023-11-14T22:13:22") == [0, 1]
    assert offsets("--since", "10m", *end) == []
    assert offsets("--from-beginning", "--timeout-ms", "500") == [0, 1, 2, 3]
    assert offsets("--from-beginning", "--max-messages", "2") == [0, 1]


def test_a_group_goes_on_where_it_has_come(command: Ottla, ottla_topic: str) -> None:
    member = ("consume", ottla_topic, "--group", f"group-of-{ottla_topic}", "--from-beginning")
    command.out("produce", ottla_topic, stdin=b"1\n2\n3\n")
    assert command.out(*member, "--max-messages", "2") == b"1\n2\n"
    # The first has left: the second gets its partitions long before a session would end.
    begun = time.monotonic()
    assert command.out(*member, "--max-messages", "1") == b"3\n"
    assert time.monotonic() - begun < 10


def test_ctrl_c_ends_a_member_in_order(command: Ottla, ottla_topic: str) -> None:
    member = ("consume", ottla_topic, "--group", f"group-of-{ottla_topic}", "--from-beginning")
    command.out("produce", ottla_topic, stdin=b"1\n")
    with command.start(*member) as process:
        assert await_line(process) == b"1\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=WAIT_SECONDS)
        assert (process.returncode, told) == (0, b"Processed a total of 1 messages\n")
    command.out("produce", ottla_topic, stdin=b"2\n")
    begun = time.monotonic()
    assert command.out(*member, "--max-messages", "1") == b"2\n", "the first was committed"
    assert time.monotonic() - begun < 10, "and the group was told that its member left"


def test_topics_are_included_by_a_pattern(
    command: Ottla, ottla_topic: str, other_topic: str
) -> None:
    command.out("produce", ottla_topic, stdin=b"a\n")
    command.out("produce", other_topic, stdin=b"b\n")
    pattern = ("--include", f"{ottla_topic}.*", "--from-beginning", "--max-messages", "2")
    printed = command.out("consume", *pattern)
    assert sorted(printed.splitlines()) == [b"a", b"b"]


def test_a_consumer_ends_with_whoever_reads_it(command: Ottla, ottla_topic: str) -> None:
    command.out("produce", ottla_topic, stdin=b"1\n")
    with command.start("consume", ottla_topic, "--from-beginning") as process:
        assert process.stdout is not None
        assert await_line(process) == b"1\n"
        process.stdout.close()
        assert process.wait(WAIT_SECONDS) == 0, "without waiting for a second record"
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_many_lines_pass_through_a_pipe(command: Ottla, ottla_topic: str) -> None:
    lines = b"".join(b"%d\t%s\n" % (number, b"x" * (number % 100)) for number in range(20_000))
    command.out("produce", ottla_topic, "--parse-key", stdin=lines)
    reading = ("consume", ottla_topic, "--from-beginning", "--until", "latest", "--print-key")
    assert command.out(*reading) == lines


def test_a_typed_line_is_sent_before_the_next_and_ctrl_c_loses_none(
    command: Ottla, ottla_topic: str
) -> None:
    with command.start("produce", ottla_topic) as process:
        assert process.stdin is not None
        process.stdin.write(b"typed\n")
        process.stdin.flush()
        reading = ("consume", ottla_topic, "--from-beginning", "--max-messages", "1")
        assert command.out(*reading) == b"typed\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_SECONDS) == 130


def test_a_second_ctrl_c_ends_a_consumer_that_nobody_reads(
    command: Ottla, ottla_topic: str
) -> None:
    command.out("produce", ottla_topic, stdin=b"some words\n" * 20_000)
    with command.start("consume", ottla_topic, "--from-beginning") as process:
        assert process.stdout is not None
        await_full(process.stdout.fileno())
        deadline = time.monotonic() + WAIT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert process.returncode == 130


# --- what cannot be


def test_a_topic_that_nobody_creates_is_told_within_seconds(tmp_path: Path) -> None:
    with ottla.Broker(tmp_path / "data", auto_create_topics_enable=False) as broker:
        told = Ottla(broker.bootstrap_servers).refused(1, "produce", "nowhere", stdin=b"v\n")
    assert "topic `nowhere` is not known after 5 s; create it with" in told
    assert "records delivered before that: 0" in told


def test_an_unknown_topic_is_told_at_once(command: Ottla) -> None:
    for arguments in (["consume", "nowhere"], ["consume", "nowhere", "--group", "g"]):
        told = command.refused(1, *arguments)
        assert "nowhere" in told
        assert "create it" in told


def test_a_line_that_is_no_record_is_named_and_what_stood_before_is_sent(
    command: Ottla, ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    told = command.refused(1, "produce", ottla_topic, "--parse-key", stdin=b"k\tv\nbare\nk\tw\n")
    assert told.startswith("error: line 2 of standard input: there is no key.separator in it")
    assert "records delivered before that: 1" in told
    assert [row[1:3] for row in contents(ottla_broker, ottla_topic)] == [(b"k", b"v")]
    told = command.refused(1, "produce", ottla_topic, "--format", "json", stdin=b'{"valu": 1}\n')
    assert "unknown field `valu`" in told
    assert "no topic" in command.refused(1, "produce", "--format", "json", stdin=b"{}\n")


def test_records_that_are_refused_are_counted_by_partition(
    command: Ottla, ottla_broker: ottla.Broker
) -> None:
    with ottla.Admin(ottla_broker) as admin:
        admin.create_topic("compacted", partitions=1, cleanup_policy="compact")
    told = command.refused(1, "produce", "compacted", stdin=b"without a key\n")
    assert "1 of 1 records are not delivered: 1 of compacted-0 (" in told


def test_a_broker_that_cannot_be_reached_is_named_with_the_reason(command: Ottla) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{unused.getsockname()[1]}"
        for arguments in (["topics", "list"], ["consume", "t"], ["produce", "t"]):
            told = command.refused(1, *arguments, "--bootstrap-server", nowhere)
            assert f"no broker can be reached: {nowhere}" in told
            assert "--bootstrap-server" in told


REMOVED = [
    ("topics", "--zookeeper", "localhost:2181", "--list"),
    ("topics", "list", "--zookeeper=localhost:2181"),
    ("produce", "--broker-list", "localhost:9092", "--topic", "t"),
    ("consume", "t", "--zookeeper", "localhost:2181"),
]


@pytest.mark.parametrize("arguments", REMOVED, ids=" ".join)
def test_a_removed_option_names_what_to_use(command: Ottla, arguments: Sequence[str]) -> None:
    assert "--bootstrap-server" in command.refused(2, *arguments)


CONTRADICTIONS = [
    ("consume", "t", "--group", "g", "--partition", "0"),
    ("consume", "t", "--from-beginning", "--offset", "3"),
    ("consume", "t", "--offset", "soon"),
    ("consume", "t", "--since", "yesterday"),
    ("consume", "t", "--form", "json"),
    ("produce", "t", "--format", "xml"),
    ("topics", "create", "t", "--partitions", "0"),
    ("topics", "create", "t", "--config", "retention.ms"),
    ("configs", "describe", "--entity-name", "t"),
    ("nothing",),
]


@pytest.mark.parametrize("arguments", CONTRADICTIONS, ids=" ".join)
def test_a_line_that_cannot_be_understood_ends_with_two(
    command: Ottla, arguments: Sequence[str]
) -> None:
    done = command.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"error: ")


MISTAKES = {
    ("consume",): "no topic is named",
    ("produce",): "no topic is named",
    ("topics", "create"): "no topic is named",
    ("topics", "alter", "t"): "nothing is to be changed",
    ("topics", "--list"): "`ottla topics list`",
    ("consume", "t", "--config", "fetch.min.byte=1"): "fetch.min.bytes",
    ("produce", "t", "--compression", "brotli"): "compression.type",
    ("produce", "t", "--acks", "2"): "acks=2",
    ("consume", "t", "--property", "print.kye=true"): "print.kye",
    ("consume", "t", "--offset", "7"): "--partition",
    ("consume", "t", "--format", "json", "--print-key"): "JSON has every field",
    ("consume", "--include", "("): "no regular expression",
}


@pytest.mark.parametrize(("arguments", "reason"), MISTAKES.items(), ids=map(" ".join, MISTAKES))
def test_a_mistake_is_one_line_that_names_it(
    command: Ottla, arguments: Sequence[str], reason: str
) -> None:
    assert reason in command.refused(2, *arguments)


def test_a_file_of_properties_serves_every_command(
    command: Ottla, ottla_broker: ottla.Broker, ottla_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "client.properties"
    servers = ottla_broker.bootstrap_servers
    file.write_text(f"bootstrap.servers={servers}\nlinger.ms=3\nmax.poll.records=7\n")
    command.environment["OTTLA_BOOTSTRAP_SERVER"] = "127.0.0.1:1"
    config = ("--command-config", str(file))
    assert ottla_topic in [row["topic"] for row in command.json("topics", "list", *config)]
    command.out("produce", ottla_topic, "--producer.config", str(file), stdin=b"v\n")
    reading = ("consume", ottla_topic, "--from-beginning", "--max-messages", "1")
    assert command.out(*reading, "--consumer.config", str(file)) == b"v\n"
    assert "cannot read" in command.refused(1, "topics", "list", "--command-config", "/nowhere")
