"""The admin client."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla import _core, configuration, lifetime, position
from ottla.errors import ConfigError
from ottla.group_admin import GroupAdmin
from ottla.topic_partition import TopicPartition
from ottla.transaction_admin import TransactionAdmin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.configuration import Cluster
    from ottla.position import Position


_PARTITIONS_MAX = 2**31 - 1
_REPLICAS_MAX = 2**15 - 1
_TOPIC_PARAMETERS = (
    "name",
    "partitions",
    "replication_factor",
    "durability",
    "validate_only",
    "config",
)


class PartitionDescription(NamedTuple):
    """One partition of a topic."""

    partition: int
    leader: int | None
    leader_epoch: int
    replicas: list[int]
    in_sync_replicas: list[int]
    offline_replicas: list[int]


class TopicDescription(NamedTuple):
    """A topic in full."""

    name: str
    id: str
    is_internal: bool
    partitions: list[PartitionDescription]


class ConfigEntry(NamedTuple):
    """A configuration key: its value and where that comes from."""

    value: str | None
    source: str
    is_read_only: bool
    is_sensitive: bool


class BrokerDescription(NamedTuple):
    """A broker of the cluster."""

    id: int
    host: str
    port: int
    rack: str | None


class ClusterDescription(NamedTuple):
    """The cluster."""

    id: str
    controller: int | None
    brokers: list[BrokerDescription]


class LogDirectoryDescription(NamedTuple):
    """A log directory of a broker, and how many bytes each partition takes in it."""

    broker: int
    path: str
    total_bytes: int | None
    usable_bytes: int | None
    partitions: dict[TopicPartition, int]


class Admin(GroupAdmin, TransactionAdmin, lifetime.Closable):
    """Creates, describes, changes and deletes topics and groups; describes the cluster.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    config, **keywords
        Kafka's admin configuration, dotted or as keywords.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
    ...     admin.create_topic("orders", partitions=2, retention_ms=60_000)
    ...     admin.configs("orders")["retention.ms"].value
    '60000'
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> None:
        pairs = configuration.client_pairs(cluster, config, keywords)
        self._core = configuration.made(_core.Admin, pairs, keywords, ["cluster", "config"])
        configuration.warn(self._core.warnings)
        lifetime.opened_client(self)

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        *,
        durability: str | None = None,
        validate_only: bool = False,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> None:
        """Create a topic.

        Parameters
        ----------
        name
            The topic.
        partitions, replication_factor
            How many partitions it has, and replicas of each; the broker's defaults if None.
        durability
            When a record of it is acknowledged: ``"disk"``, ``"os"`` or ``"memory"``; as the broker
            has it if None.
        validate_only
            Only check whether it could be created.
        config, **keywords
            Kafka's topic configuration, dotted or as ``retention_ms=-1``.

        Raises
        ------
        TopicExistsError
            There is a topic of that name.
        ConfigError
            A configuration key is unknown, or a value cannot be.
        """
        _require_text("name", name)
        if not name:
            raise ValueError("a topic needs a name, and this one is empty")
        texts: dict[str, str | None] = dict(configuration.pairs(config, keywords))
        if durability is not None:
            texts["ottla.durability"] = durability
        partitions = _count("partitions", partitions, _PARTITIONS_MAX)
        replicas = _count("replication_factor", replication_factor, _REPLICAS_MAX)
        try:
            self._core.create_topics([(name, partitions, replicas, texts)], validate_only)
        except ConfigError as error:
            hint = configuration.misspelt(str(error), keywords, _TOPIC_PARAMETERS)
            if hint is None:
                raise
            raise ConfigError(f"{error}; {hint}", error.code, error.name) from None

    def delete_topic(self, *names: str) -> None:
        """Delete topics and their records."""
        self._core.delete_topics(list(names))

    def topics(self, *, internal: bool = False) -> dict[str, int]:
        """Return all topics, with the number of their partitions."""
        rows = sorted(self._core.list_topics())
        return {name: count for name, count, is_internal in rows if internal or not is_internal}

    def describe(self, topic: str) -> TopicDescription:
        """Return a topic in full."""
        name, id_, is_internal, rows = self._core.describe_topics([topic])[0]
        partitions = [PartitionDescription(*row) for row in rows]
        return TopicDescription(name, id_, is_internal, partitions)

    def add_partitions(self, topic: str, total: int, *, validate_only: bool = False) -> None:
        """Give a topic more partitions; `total` is how many it has then."""
        _require_text("topic", topic)
        count = _count("total", total, _PARTITIONS_MAX)
        if count is None:
            raise TypeError("total is the number of partitions to have then, not None")
        self._core.create_partitions([(topic, count)], validate_only)

    def configs(self, topic: str) -> dict[str, ConfigEntry]:
        """Return all configuration keys of a topic."""
        return _entries(self._core.describe_configs("topic", topic))

    def broker_configs(self, broker: int) -> dict[str, ConfigEntry]:
        """Return all configuration keys of a broker."""
        return _entries(self._core.describe_configs("broker", str(broker)))

    def group_configs(self, group: str) -> dict[str, ConfigEntry]:
        """Return all configuration keys of a group."""
        return _entries(self._core.describe_configs("group", group))

    def alter_configs(
        self, topic: str, changes: Mapping[str, object], *, validate_only: bool = False
    ) -> None:
        """Set configuration keys of a topic; None goes back to the default."""
        self._core.alter_configs("topic", topic, _changes(changes), validate_only)

    def alter_broker_configs(
        self, broker: int, changes: Mapping[str, object], *, validate_only: bool = False
    ) -> None:
        """Set configuration keys of a broker; None goes back to the default."""
        self._core.alter_configs("broker", str(broker), _changes(changes), validate_only)

    def alter_group_configs(
        self, group: str, changes: Mapping[str, object], *, validate_only: bool = False
    ) -> None:
        """Set configuration keys of a group; None goes back to the default."""
        self._core.alter_configs("group", group, _changes(changes), validate_only)

    def offsets(self, topic: str, at: Position = "latest") -> dict[TopicPartition, int | None]:
        """Return an offset of each partition of a topic.

        Parameters
        ----------
        topic
            The topic.
        at
            ``"earliest"``, ``"latest"``, ``"max_timestamp"`` for the record with the largest
            timestamp, a time, or how long ago (``"-10m"``, a timedelta). A partition without a
            record from then on has None.
        """
        place, number = ("max_timestamp", 0) if at == "max_timestamp" else position.parse(at)
        if place == "offset":
            raise TypeError("an offset is what is asked for: give a time, or one end of the log")
        rows = self._core.list_offsets(topic, place, number)
        return {TopicPartition(*partition): offset for partition, offset in rows}

    def delete_records(self, before: Mapping[tuple[str, int], int]) -> dict[TopicPartition, int]:
        """Delete the records before each offset (-1: all); return where the logs start then."""
        rows = self._core.delete_records(list(before.items()))
        return {TopicPartition(*place): offset for place, offset in rows}

    def cluster(self) -> ClusterDescription:
        """Return the cluster and its brokers."""
        id_, controller, rows = self._core.describe_cluster()
        return ClusterDescription(id_, controller, [BrokerDescription(*row) for row in rows])

    def log_directories(self) -> list[LogDirectoryDescription]:
        """Return the log directories of all brokers."""
        return [
            LogDirectoryDescription(
                broker,
                path,
                total,
                usable,
                {TopicPartition(topic, partition): size for topic, partition, size in replicas},
            )
            for broker, path, total, usable, replicas in self._core.describe_log_dirs()
        ]

    def close(self) -> None:
        """Close the connections. A second call does nothing."""
        self._core.close()

    def __repr__(self) -> str:
        """Return whether it is closed."""
        return f"<ottla.Admin{', closed' if self._core.is_closed else ''}>"


def _entries(rows: list[_core.ConfigRow]) -> dict[str, ConfigEntry]:
    return {
        name: ConfigEntry(value, source, is_read_only, is_sensitive)
        for name, value, source, is_read_only, is_sensitive in sorted(rows)
    }


def _changes(changes: Mapping[str, object]) -> dict[str, str | None]:
    return {
        key: None if value is None else configuration.text(value) for key, value in changes.items()
    }


def _require_text(argument: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{argument} is a text, not {type(value).__name__}")


def _count(argument: str, value: Any, most: int) -> int | None:
    if value is None:
        return None
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{argument} is a whole number, not {type(value).__name__}") from None
    if not 1 <= count <= most:
        raise ValueError(f"{argument}={count} is refused: expected a number from 1 to {most}")
    return count
