"""Kafka's own Java clients, through the console tools in its jars."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from clients.foreign_client import (
    WAIT_SECONDS,
    Ability,
    Consumed,
    ForeignClient,
    Headers,
    Position,
    Record,
    Refused,
    Start,
)
from interop.kafka import ToolFailed, run_tool

SEPARATOR = "\x1f"
"""ASCII's unit separator: no text of the suite holds it."""

NULL = "\x15null"
"""Begins with what `str.splitlines` does not take for the end of a line."""

ERROR_CODES = {
    "UnknownTopicOrPartitionException": 3,
    "InvalidTopicException": 17,
    "TopicExistsException": 36,
    "InvalidPartitionsException": 37,
    "InvalidConfigurationException": 40,
    "OffsetOutOfRangeException": 1,
    # The tool's own words for a topic that the broker's metadata does not hold.
    "does not exist as expected": 3,
}


class JavaClient(ForeignClient):
    name = "java"
    abilities = frozenset(Ability) - {
        Ability.BYTES,  # the console is text
        Ability.TIMESTAMPS,
        Ability.CONSUME_FROM_TIMESTAMP,
        Ability.UNCHECKED_CONFIGS,
    }
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = (False, True)

    def produce(
        self,
        topic: str,
        records: Sequence[Record],
        *,
        partition: int = 0,
        codec: str = "none",
        idempotent: bool = False,
        acks: str = "all",
    ) -> None:
        assert partition == 0, "the console producer names no partition"
        has_headers = any(record.headers for record in records)
        reader = {"parse.key": "true", "parse.headers": str(has_headers).lower()}
        lines = [_line(record, has_headers=has_headers) for record in records]
        options = ["--request-required-acks", acks, "--compression-codec", codec]
        properties = ["--command-property", f"enable.idempotence={str(idempotent).lower()}"]
        for key, value in reader.items():
            properties += ["--reader-property", f"{key}={value}"]
        self._tool(
            "org.apache.kafka.tools.ConsoleProducer",
            *["--topic", topic, "--timeout", "20", *options, *properties],
            stdin="".join(lines),
        )

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        offset = start.value if isinstance(start, Start) else str(start)
        source = ["--topic", topic, "--partition", str(partition), "--offset", str(offset)]
        limits = ["--max-messages", str(count), "--timeout-ms", str(int(WAIT_SECONDS * 1000))]
        shown = ["timestamp", "offset", "headers", "key", "value"]
        formatter = [f"print.{part}=true" for part in shown]
        formatter += [f"key.separator={SEPARATOR}", f"null.literal={NULL}"]
        options = [part for each in formatter for part in ("--formatter-property", each)]
        main_class = "org.apache.kafka.tools.consumer.ConsoleConsumer"
        printed = self._tool(main_class, *source, *limits, *options)
        return [_consumed(line) for line in printed.splitlines()]

    def brokers(self) -> list[str]:
        printed = self._tool("org.apache.kafka.tools.BrokerApiVersionsCommand")
        return re.findall(r"^(\S+:\d+) \(id: ", printed, re.MULTILINE)

    def topics(self) -> dict[str, int]:
        printed = self._topics("--describe")
        found = re.findall(r"^Topic: (\S+)\s.*PartitionCount: (\d+)", printed, re.MULTILINE)
        return {topic: int(count) for topic, count in found}

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        options = [part for pair in configs.items() for part in ("--config", "=".join(pair))]
        self._topics("--create", "--topic", topic, "--partitions", str(partitions), *options)

    def delete_topic(self, topic: str) -> None:
        self._topics("--delete", "--topic", topic)

    def add_partitions(self, topic: str, total: int) -> None:
        self._topics("--alter", "--topic", topic, "--partitions", str(total))

    def topic_configs(self, topic: str) -> dict[str, str]:
        printed = self._configs("--describe", "--all", "--topic", topic)
        found = re.findall(r"^  (\S+?)=(.*?) sensitive=", printed, re.MULTILINE)
        return dict(found)

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        self._configs("--alter", "--topic", topic, "--add-config", f"{key}={value}")

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        low = self._offset(topic, partition, "earliest")
        high = self._offset(topic, partition, "latest")
        assert low is not None
        assert high is not None
        return low, high

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        return self._offset(topic, partition, str(timestamp_ms))

    def _offset(self, topic: str, partition: int, time: str) -> int | None:
        """The tool prints `topic:partition:offset`, and nothing where there is no such record."""
        printed = self._tool(
            "org.apache.kafka.tools.GetOffsetShell",
            *["--topic-partitions", f"{topic}:{partition}", "--time", time],
        ).strip()
        return int(printed.rsplit(":", 1)[1]) if printed else None

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        place = {"topic": topic, "partition": partition, "offset": before}
        with NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"version": 1, "partitions": [place]}, file)
            file.flush()
            main_class = "org.apache.kafka.tools.DeleteRecordsCommand"
            self._tool(main_class, "--offset-json-file", file.name)

    def _topics(self, *arguments: str) -> str:
        return self._tool("org.apache.kafka.tools.TopicCommand", *arguments)

    def _configs(self, *arguments: str) -> str:
        return self._tool("kafka.admin.ConfigCommand", *arguments)

    def _tool(self, main_class: str, *arguments: str, stdin: str | None = None) -> str:
        with _refusals():
            return run_tool(
                main_class, "--bootstrap-server", self.bootstrap, *arguments, stdin=stdin
            )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ToolFailed as failure:
        for exception, code in ERROR_CODES.items():
            if exception in failure.output:
                raise Refused(code, failure.output) from failure
        raise


def _line(record: Record, *, has_headers: bool) -> str:
    fields = [_text(record.key), _text(record.value)]
    if has_headers:
        fields.insert(0, ",".join(f"{key}:{_text(value)}" for key, value in record.headers))
    return "\t".join(fields) + "\n"


def _text(data: bytes | None) -> str:
    assert data is not None, "the console's lines hold no null here"
    return data.decode()


def _consumed(line: str) -> Consumed:
    time, offset, headers, key, value = line.split(SEPARATOR)
    return Consumed(
        offset=int(offset.removeprefix("Offset:")),
        timestamp_ms=int(time.split(":", 1)[1]),
        value=_encoded(value),
        key=_encoded(key),
        headers=_headers(headers),
    )


def _headers(text: str) -> Headers:
    if text == "NO_HEADERS":
        return ()
    pairs = (header.split(":", 1) for header in text.split(","))
    return tuple((key, _encoded(value)) for key, value in pairs)


def _encoded(text: str) -> bytes | None:
    return None if text == NULL else text.encode()
