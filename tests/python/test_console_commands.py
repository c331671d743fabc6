"""`ottla produce` and `ottla consume` as processes: lines and records, terminals and pipes."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

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


class Terminal:
    """One that shows what a process writes to it."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        self._shown = b""

    def await_text(
        self, text: bytes, times: int = 1, *, meanwhile: Callable[[], object] = bool
    ) -> bytes:
        """What is shown once the text was, so many times."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self._shown.count(text) < times:
            assert time.monotonic() < deadline, self._shown
            meanwhile()
            if select.select([self._master], [], [], 0.1)[0]:
                self._shown += os.read(self._master, 65_536)
        return self._shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._master)
        os.close(self.slave)


def test_a_watcher_redraws_a_terminal(command: Ottla, ottla_topic: str) -> None:
    with (
        Terminal() as terminal,
        command.start("topics", "list", "--watch=0.1", stdout=terminal.slave) as process,
    ):
        shown = terminal.await_text(ottla_topic.encode())
        assert shown.startswith(b"\x1b[H\x1b[J20"), "the time stands above the table"
        terminal.await_text(b"\x1b[H\x1b[J20", times=3)
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


def test_a_long_sending_shows_how_far_it_is(command: Ottla, ottla_topic: str) -> None:
    with (
        Terminal() as terminal,
        command.start("produce", ottla_topic, stderr=terminal.slave) as process,
    ):
        assert process.stdin is not None
        stdin = process.stdin

        def send() -> None:
            stdin.write(b"line\n")
            stdin.flush()

        terminal.await_text(b" records sent", meanwhile=send)
        stdin.close()
        assert process.wait(WAIT_SECONDS) == 0
        terminal.await_text(b" records sent\r\x1b[K")


def test_whoever_types_lines_is_prompted_for_them(command: Ottla, ottla_topic: str) -> None:
    with (
        Terminal() as terminal,
        command.start(
            "produce", ottla_topic, stdin=terminal.slave, stderr=terminal.slave
        ) as process,
    ):
        assert terminal.await_text(b">") == b">"
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 130


def test_output_that_nobody_reads_is_no_failure(command: Ottla, ottla_topic: str) -> None:
    command.out("produce", ottla_topic, stdin=b"v\n")
    for arguments in (["topics", "list"], ["consume", ottla_topic, "--from-beginning"]):
        reader, writer = os.pipe()
        os.close(reader)
        with command.start(*arguments, stdout=writer) as process:
            os.close(writer)
            _, told = process.communicate(timeout=WAIT_SECONDS)
            assert (process.returncode, told) == (0, b"")


def test_output_that_cannot_be_written_is_one(command: Ottla, ottla_topic: str) -> None:
    command.out("produce", ottla_topic, stdin=b"v\n")
    for arguments in (["topics", "list"], ["consume", ottla_topic, "--from-beginning"]):
        with (
            Path("/dev/full").open("wb") as full,
            command.start(*arguments, stdout=full.fileno()) as process,
        ):
            _, told = process.communicate(timeout=WAIT_SECONDS)
            assert process.returncode == 1
            assert told.startswith(b"error: the output cannot be written: No space left")


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
