"""A broker that is killed: groups, their generations and their offsets are what they were."""

from __future__ import annotations

import time
from pathlib import Path

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, write

KILLS = 5
GROUP = "survivors"
TOPIC = "work"


def test_kills_take_back_no_commit_and_break_up_no_group(tmp_path: Path) -> None:
    overrides = {"group.initial.rebalance.delay.ms": "0"}
    with OttlaProcess(tmp_path / "data", overrides=overrides) as broker:
        create_topic(broker.bootstrap, TOPIC)
        write(broker.bootstrap, TOPIC, [str(number).encode() for number in range(KILLS + 1)])
        consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": GROUP,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "heartbeat.interval.ms": 200,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )
        try:
            consumer.subscribe([TOPIC])
            values = [next_value(consumer)]
            member = only_member(broker.bootstrap)
            for kill in range(1, KILLS + 1):
                consumer.commit(offsets=[TopicPartition(TOPIC, 0, kill)], asynchronous=False)
                broker.kill()
                broker.start()
                assert committed(broker.bootstrap) == kill
                assert only_member(broker.bootstrap) == member
                values.append(next_value(consumer))
        finally:
            consumer.close()
        # The member was never made to join again, so that it has read every record once.
        assert values == [str(number).encode() for number in range(KILLS + 1)]
        broker.stop()


def next_value(consumer: Consumer) -> bytes | None:
    """The next record; `consumer` lives through broken connections by itself."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for message in consumer.consume(1, timeout=0.2):
            error = message.error()
            if error is None:
                value: bytes | None = message.value()
                return value
            assert error.retriable() or not error.fatal(), error
    raise AssertionError("nothing is read any more")


def only_member(bootstrap: str) -> str:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    [described] = [f.result() for f in admin.describe_consumer_groups([GROUP]).values()]
    assert described.state == ConsumerGroupState.STABLE
    [member] = described.members
    return str(member.member_id)


def committed(bootstrap: str) -> int:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    asked = [ConsumerGroupTopicPartitions(GROUP)]
    [offsets] = [f.result() for f in admin.list_consumer_group_offsets(asked).values()]
    [only] = offsets.topic_partitions
    if only.error is not None:
        raise KafkaException(only.error)
    return int(only.offset)
