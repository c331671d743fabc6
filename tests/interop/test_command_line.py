"""The `ottla` command against Apache Kafka, and beside Kafka's own console tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ottla_command import Ottla
from interop import kafka

LINES = b"h1:1,h2:x\tk1\tfirst\nh1:2\tk2\tsecond\n"
FIELDS = ("--print-headers", "--print-key", "--from-beginning")
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data_dir: Path = tmp_path_factory.mktemp("kafka") / "data"
    with kafka.running(data_dir) as where:
        yield where


@pytest.fixture(scope="module")
def command(bootstrap: str) -> Ottla:
    return Ottla(bootstrap)


def test_topics_and_their_settings_are_managed(command: Ottla) -> None:
    create = ("topics", "create", "managed", "--partitions", "2", "--replication-factor", "1")
    [created] = command.json(*create, "--config", "retention.ms=5000")
    assert (created["partitions"], created["replication_factor"]) == (2, 1)
    assert "TOPIC_ALREADY_EXISTS" in command.refused(1, *create)
    command.out("topics", "alter", "managed", "--partitions", "3")
    command.out("configs", "alter", "--topic", "managed", "--add-config", "segment.bytes=2097152")
    [described] = command.json("topics", "describe", "managed")
    assert described["configs"] == {"retention.ms": "5000", "segment.bytes": "2097152"}
    assert described["id"] == created["id"]
    assert len(described["partitions"]) == 3
    [broker] = command.json("configs", "describe", "--broker", "0", "--all")
    assert "log.retention.hours" in [row["key"] for row in broker["configs"]]
    command.out("topics", "delete", "managed")
    assert "managed" not in [row["topic"] for row in command.json("topics", "list")]


def test_settings_of_a_group_are_changed_and_described(command: Ottla) -> None:
    key = "consumer.session.timeout.ms"
    command.out("configs", "alter", "--group", "tuned", "--add-config", f"{key}=50000")
    [described] = command.json("configs", "describe", "--group", "tuned")
    assert (described["entity_type"], described["entity_name"]) == ("group", "tuned")
    rows = {row["key"]: (row["value"], row["source"]) for row in described["configs"]}
    assert rows[key] == ("50000", "group")


def test_our_lines_and_kafkas_are_the_same(command: Ottla, bootstrap: str) -> None:
    at = ("--bootstrap-server", bootstrap)
    for name in ("ours", "theirs"):
        command.out("topics", "create", name)
    command.out("produce", "ours", "--parse-headers", "--parse-key", stdin=LINES)
    parse = ("parse.headers=true", "parse.key=true")
    properties = [word for value in parse for word in ("--reader-property", value)]
    kafka.run_tool(PRODUCER, *at, "--topic", "theirs", *properties, stdin=LINES.decode())
    for name in ("ours", "theirs"):
        printed = command.out("consume", name, *FIELDS, "--until", "latest")
        assert printed == LINES, name
        show = ("print.headers=true", "print.key=true")
        properties = [word for value in show for word in ("--formatter-property", value)]
        reading = ("--topic", name, "--from-beginning", "--max-messages", "2")
        told = kafka.run_tool(CONSUMER, *at, *reading, *properties)
        assert told.encode() == printed, name


def test_json_goes_from_topic_to_topic(command: Ottla) -> None:
    for name in ("from", "to"):
        command.out("topics", "create", name, "--partitions", "3")
    lines = b"".join(b'{"key":"%d","value":{"base64":"/wA="}}\n' % n for n in range(100))
    command.out("produce", "from", "--format", "json", "--compression", "lz4", stdin=lines)
    reading = ("--from-beginning", "--until", "latest", "--format", "json")
    text = command.out("consume", "from", *reading)
    command.out("produce", "to", "--format", "json", stdin=text)
    copied = command.out("consume", "to", *reading)

    def fields(line: bytes) -> tuple[int, int, str]:
        row = json.loads(line)
        assert row["value"] == {"base64": "/wA="}
        return row["partition"], row["timestamp"], row["key"]

    assert sorted(map(fields, copied.splitlines())) == sorted(map(fields, text.splitlines()))
    assert len(copied.splitlines()) == 100


def test_a_group_goes_on_where_it_has_come(command: Ottla) -> None:
    command.out("topics", "create", "grouped")
    command.out("produce", "grouped", stdin=b"1\n2\n3\n")
    member = ("consume", "grouped", "--group", "console", "--from-beginning")
    assert command.out(*member, "--max-messages", "2") == b"1\n2\n"
    assert command.out(*member, "--max-messages", "1") == b"3\n"


def test_what_cannot_be_is_told(command: Ottla) -> None:
    told = command.refused(1, "consume", "nowhere")
    assert "UNKNOWN_TOPIC_OR_PARTITION" in told
    assert "create it" in told
    told = command.refused(1, "topics", "create", "x", "--replication-factor", "5")
    assert "INVALID_REPLICATION_FACTOR" in told
