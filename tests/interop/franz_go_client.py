"""franz-go: the Go client that always speaks the newest version both sides know."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from clients.foreign_client import Ability, Consumed, ForeignClient, Position, Record
from interop.driver import Driver, decode_consumed, encode_position, encode_records

FOLDER = Path(__file__).with_name("franz_go")


def start_driver(bootstrap: str) -> Driver:
    subprocess.run(["go", "build", "-o", "driver", "."], cwd=FOLDER, check=True)
    return Driver(["./driver", bootstrap], FOLDER)


class FranzGoClient(ForeignClient):
    name = "franz-go"
    abilities = frozenset(Ability)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    idempotence = (False, True)

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self.driver = start_driver(bootstrap)

    def close(self) -> None:
        self.driver.close()

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
        self.driver.call(
            "produce",
            topic=topic,
            partition=partition,
            records=encode_records(records),
            codec=codec,
            idempotent=idempotent,
            acks=acks,
        )

    def consume(
        self, topic: str, start: Position, count: int, *, partition: int = 0
    ) -> list[Consumed]:
        position = encode_position(start)
        return decode_consumed(
            self.driver.call(
                "consume", topic=topic, partition=partition, start=position, count=count
            )
        )

    def brokers(self) -> list[str]:
        return list(self.driver.call("brokers"))

    def topics(self) -> dict[str, int]:
        return dict(self.driver.call("topics"))

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        self.driver.call("create_topic", topic=topic, count=partitions, configs=dict(configs))

    def delete_topic(self, topic: str) -> None:
        self.driver.call("delete_topic", topic=topic)

    def add_partitions(self, topic: str, total: int) -> None:
        self.driver.call("add_partitions", topic=topic, count=total)

    def topic_configs(self, topic: str) -> dict[str, str]:
        return dict(self.driver.call("topic_configs", topic=topic))

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        self.driver.call("set_topic_config", topic=topic, configs={key: value})

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        low, high = self.driver.call("watermarks", topic=topic, partition=partition)
        return low, high

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        found = self.driver.call(
            "offset_for_timestamp", topic=topic, partition=partition, timestamp_ms=timestamp_ms
        )
        return None if found is None else int(found)

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        self.driver.call("delete_records", topic=topic, partition=partition, offset=before)
