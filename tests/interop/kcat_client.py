"""kcat: the command line's client, on a librdkafka of 2022 that Debian still ships."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Sequence
from typing import Any

from clients.foreign_client import (
    WAIT_SECONDS,
    Ability,
    Consumed,
    ForeignClient,
    FromTimestamp,
    Position,
    Record,
    Start,
)

EARLIEST, LATEST = -2, -1
"""ListOffsets' names for both ends of a partition."""


class KcatClient(ForeignClient):
    name = "kcat"
    abilities = frozenset(
        {
            Ability.PRODUCE,
            Ability.ACKS,
            Ability.CONSUME,
            Ability.CONSUME_FROM_TIMESTAMP,
            Ability.METADATA,
            Ability.WATERMARKS,
            Ability.OFFSET_FOR_TIMESTAMP,
        }
    )
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
        properties = {"enable.idempotence": str(idempotent).lower(), "acks": acks}
        options = [f"-X{key}={value}" for key, value in properties.items()]
        # A call gives all its records the same headers.
        for headers, group in itertools.groupby(records, key=lambda record: record.headers):
            header_options = [f"-H{key}={_text(value)}" for key, value in headers]
            lines = [f"{_text(record.key)}\t{_text(record.value)}\n" for record in group]
            target = ["-P", "-t", topic, "-p", str(partition), "-z", codec, "-K", "\t"]
            self._kcat(*target, *options, *header_options, stdin="".join(lines))

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        match start:
            case FromTimestamp(timestamp_ms):
                offset = f"s@{timestamp_ms}"
            case Start.EARLIEST:
                offset = "beginning"
            case Start.LATEST:
                offset = "end"
            case _:
                offset = str(start)
        source = ["-C", "-t", topic, "-p", str(partition), "-o", offset]
        printed = self._kcat(*source, "-c", str(count), "-J")
        return [_consumed(json.loads(line)) for line in printed.splitlines()]

    def brokers(self) -> list[str]:
        return [broker["name"] for broker in self._metadata()["brokers"]]

    def topics(self) -> dict[str, int]:
        return {topic["topic"]: len(topic["partitions"]) for topic in self._metadata()["topics"]}

    def _metadata(self) -> Any:
        return json.loads(self._kcat("-L", "-J"))

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        low = self._query(topic, partition, EARLIEST)
        return low, self._query(topic, partition, LATEST)

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        found = self._query(topic, partition, timestamp_ms)
        return None if found < 0 else found

    def _query(self, topic: str, partition: int, timestamp_ms: int) -> int:
        printed = self._kcat("-Q", "-t", f"{topic}:{partition}:{timestamp_ms}")
        found = re.fullmatch(rf"{re.escape(topic)} \[{partition}\] offset (-?\d+)\s*", printed)
        assert found, printed
        return int(found[1])

    def _kcat(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["kcat", "-b", self.bootstrap, "-q", *arguments],
            input=stdin.encode(),
            capture_output=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        # It prints failed deliveries, and ends well all the same.
        assert done.returncode == 0, done.stderr.decode()
        assert b"fail" not in done.stderr, done.stderr.decode()
        return done.stdout.decode()


def _text(data: bytes | None) -> str:
    assert data is not None, "kcat's lines cannot hold a null"
    return data.decode()


def _consumed(message: dict[str, Any]) -> Consumed:
    headers = message.get("headers", [])
    return Consumed(
        offset=message["offset"],
        timestamp_ms=message["ts"],
        value=_encoded(message["payload"]),
        key=_encoded(message["key"]),
        headers=tuple(
            (key, _encoded(value)) for key, value in zip(headers[::2], headers[1::2], strict=True)
        ),
    )


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
