"""kafkajs: Node's widespread client, which consumes in groups only: it produces and administers."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from clients.foreign_client import Ability, ForeignClient, Record
from interop.driver import Driver, encode_records

FOLDER = Path(__file__).with_name("kafkajs")


def start_driver(bootstrap: str) -> Driver:
    if not (FOLDER / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True)
    return Driver(["node", "driver.js", bootstrap], FOLDER)


class KafkaJsClient(ForeignClient):
    name = "kafkajs"
    abilities = frozenset(Ability) - {
        Ability.BYTES,  # its headers are a map: their order and their repetition are lost
        Ability.CONSUME,
        Ability.CONSUME_FROM_TIMESTAMP,
    }
    codecs = ("none", "gzip", "snappy")
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
            acks={"all": -1, "1": 1, "0": 0}[acks],
        )

    def brokers(self) -> list[str]:
        return list(self.driver.call("brokers"))

    def topics(self) -> dict[str, int]:
        return dict(self.driver.call("topics"))

    def create_topic(self, topic: str, partitions: int, configs: Mapping[str, str]) -> None:
        self.driver.call("createTopic", topic=topic, count=partitions, configs=dict(configs))

    def delete_topic(self, topic: str) -> None:
        self.driver.call("deleteTopic", topic=topic)

    def add_partitions(self, topic: str, total: int) -> None:
        self.driver.call("addPartitions", topic=topic, count=total)

    def topic_configs(self, topic: str) -> dict[str, str]:
        return dict(self.driver.call("topicConfigs", topic=topic))

    def set_topic_config(self, topic: str, key: str, value: str) -> None:
        self.driver.call("setTopicConfig", topic=topic, key=key, value=value)

    def watermarks(self, topic: str, partition: int = 0) -> tuple[int, int]:
        low, high = self.driver.call("watermarks", topic=topic, partition=partition)
        return low, high

    def offset_for_timestamp(self, topic: str, timestamp_ms: int, partition: int = 0) -> int | None:
        # Where there is no such record, the client answers with the end of the partition.
        found = int(
            self.driver.call(
                "offsetForTimestamp", topic=topic, partition=partition, timestamp=timestamp_ms
            )
        )
        return None if found == self.watermarks(topic, partition)[1] else found

    def delete_records(self, topic: str, before: int, partition: int = 0) -> None:
        self.driver.call("deleteRecords", topic=topic, partition=partition, offset=before)
