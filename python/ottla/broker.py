"""The broker in this process."""

from __future__ import annotations

import os

from ottla import _core, configuration, lifetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.broker_metrics import BrokerMetrics


_PARAMETERS = ("data_dir", "host", "port", "durability", "config")


class Broker(lifetime.Closable):
    """A broker that speaks Kafka's protocol, in this process.

    It answers when the constructor returns. Every acknowledged record is on the disk, unless
    ``durability`` says otherwise.

    Parameters
    ----------
    data_dir
        Where the logs lie; made if it is missing. None takes a temporary directory that is removed
        when the broker is closed.
    host, port
        Where to listen; port 0 takes any free one.
    durability
        When a record is acknowledged, unless its topic says otherwise: ``"disk"`` (the default)
        after it was synced, ``"os"`` when the operating system has it, ``"memory"`` without a file.
    config
        Broker configuration under Kafka's names, such as ``{"num.partitions": 6}``.
    **keywords
        The same with underscores: ``num_partitions=6``.

    Raises
    ------
    ConfigError
        A key is unknown, or a value cannot be.
    BrokerStartError
        The directory is in use by another broker, the address is taken, or the data is damaged.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker(num_partitions=3) as broker:
    ...     broker.bootstrap_servers == f"{broker.host}:{broker.port}"
    True
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        durability: str | None = None,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> None:
        properties = configuration.pairs(config, keywords)
        properties.setdefault("listeners", f"PLAINTEXT://{_bracketed(host)}:{port}")
        # A program that has its broker with it need not wait for members that may come.
        properties.setdefault("group.initial.rebalance.delay.ms", "0")
        if data_dir is not None:
            properties["log.dirs"] = os.fspath(data_dir)
        if durability is not None:
            properties["ottla.durability"] = durability
        self._core = configuration.made(_core.Broker, properties, keywords, _PARAMETERS)
        configuration.warn(self._core.warnings)
        lifetime.opened_broker(self)

    @property
    def host(self) -> str:
        """The address that clients in this machine reach it at."""
        return self._core.host

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._core.port

    @property
    def bootstrap_servers(self) -> str:
        """What any Kafka client takes as ``bootstrap.servers``."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def data_dir(self) -> str:
        """Where the logs lie."""
        return self._core.data_dir

    @property
    def cluster_id(self) -> str:
        """The id of the cluster, which was drawn when its directory was first used."""
        return self._core.cluster_id

    @property
    def node_id(self) -> int:
        """The number of this broker."""
        return self._core.node_id

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._core.is_closed

    def explain(self, group: str) -> str:
        """Say where a group stands, whom it waits for, and why it was rebalanced lately.

        The text is for people: its first line has the group's state, then come its members, and
        the last 16 rebalances since the broker was started, the latest first.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     print(broker.explain("readers"))
        group readers: there is no such group
        no rebalance has ended since the coordinator was started
        """
        return self._core.explain(group)

    def metrics(self) -> BrokerMetrics:
        """Return what it has done so far, in numbers by name: rebalances, compactions.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker(log_cleaner_backoff_ms=10) as broker:
        ...     broker.create_topic("prices", cleanup_policy="compact", segment_bytes=1_048_576)
        ...     with ottla.Producer(broker) as producer:
        ...         for number in range(30):
        ...             _ = producer.send("prices", bytes(100_000), key=b"the only one").result()
        ...     while broker.metrics()["cleaner_cleaning_total"] == 0:
        ...         pass
        ...     metrics = broker.metrics()
        >>> metrics["cleaner_bytes_written_total"] < metrics["cleaner_bytes_read_total"] / 2
        True
        >>> metrics["rebalance_total"], metrics["cleaner_uncleanable_partitions_count"]
        (0, 0)
        """
        return self._core.metrics()

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
        """Create a topic as `Admin.create_topic` does, by default with ``num.partitions``.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     broker.create_topic("orders", partitions=6, retention_ms=-1)
        ...     with ottla.Admin(broker) as admin:
        ...         admin.topics()["orders"]
        6
        """
        from ottla.admin import Admin  # noqa: PLC0415

        with Admin(self) as admin:
            admin.create_topic(
                name,
                partitions,
                replication_factor,
                durability=durability,
                validate_only=validate_only,
                config=config,
                **keywords,
            )

    def close(self) -> None:
        """Stop: what was accepted is answered, and everything is made durable.

        A second call does nothing.
        """
        self._core.close()

    def __repr__(self) -> str:
        """Return where it listens and where its data lies."""
        state = ", closed" if self.is_closed else ""
        temporary = " (temporary)" if self._core.is_temporary else ""
        return f"<ottla.Broker {self.bootstrap_servers}, data in {self.data_dir}{temporary}{state}>"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
