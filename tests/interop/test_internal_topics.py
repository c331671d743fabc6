"""The topics that brokers keep for themselves are those that Kafka makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ottla
from cluster.ottla_command import Ottla
from interop import kafka

TOPICS = ("__consumer_offsets", "__transaction_state")

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Kafka's and ours, both with coordinators of groups and of transactions."""
    with (
        kafka.running(tmp_path_factory.mktemp("internal") / "data") as theirs,
        ottla.Broker() as broker,
    ):
        bootstraps = [theirs, broker.bootstrap_servers]
        for bootstrap in bootstraps:
            with (
                ottla.Producer(bootstrap, transactional_id="t") as producer,
                producer.transaction(),
            ):
                producer.produce("records", b"one")
                producer.send_offsets({("records", 0): 1}, group="g")
        yield bootstraps


@pytest.mark.parametrize("topic", TOPICS)
def test_an_internal_topic_is_configured_as_by_kafka(brokers: list[str], topic: str) -> None:
    theirs, ours = (own_settings(bootstrap, topic) for bootstrap in brokers)
    assert ours == theirs


@pytest.mark.parametrize("topic", TOPICS)
def test_every_setting_of_an_internal_topic_has_kafkas_value(
    brokers: list[str], topic: str
) -> None:
    theirs, ours = (settings(bootstrap, topic) for bootstrap in brokers)
    own = {key for key in ours if key.startswith("ottla.")}
    assert {key: ours[key] for key in ours.keys() - own} == theirs


@pytest.mark.parametrize("topic", TOPICS)
def test_an_internal_topic_has_as_many_partitions_as_kafkas(brokers: list[str], topic: str) -> None:
    shapes = []
    for bootstrap in brokers:
        [row] = Ottla(bootstrap).json("topics", "describe", topic)
        replicas = {len(partition["replicas"]) for partition in row["partitions"]}
        shapes.append((row["is_internal"], len(row["partitions"]), replicas))
    assert shapes[0] == shapes[1] == (True, 50, {1})


def own_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """Those that the topic was created with. Kafka 4.3 has a default of its own for all brokers'
    topics besides: `min.insync.replicas`, for eligible leader replicas (KIP-966).
    """
    entries = described(bootstrap, topic)
    return {entry["key"]: entry["value"] for entry in entries if entry["source"] == "topic"}


def settings(bootstrap: str, topic: str) -> dict[str, str]:
    return {entry["key"]: entry["value"] for entry in described(bootstrap, topic, "--all")}


def described(bootstrap: str, topic: str, *more: str) -> list[dict[str, str]]:
    [row] = Ottla(bootstrap).json("configs", "describe", "--topic", topic, *more)
    configs: list[dict[str, str]] = row["configs"]
    return configs
