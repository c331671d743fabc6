"""The producer."""

from __future__ import annotations

from ottla import _core, configuration, lifetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from ottla.configuration import Cluster
    from ottla.report import FlushReport

CLOSE_SECONDS = 30.0
"""How long `close` waits for what was sent, unless it is told otherwise."""


class Producer(_core.Producer, lifetime.Closable):
    """Sends records to topics.

    Idempotent by default: a record that is sent again after a failure of the network is in the log
    once, and in order. Every method can be called from any thread.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    config, **keywords
        Kafka's producer configuration, dotted (``{"linger.ms": 5}``) or as ``linger_ms=5``.

    Raises
    ------
    BrokerUnreachable
        No broker answers; within five seconds.
    ConfigError
        A key is unknown, or a value cannot be.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker, ottla.Producer(broker, linger_ms=0) as producer:
    ...     producer.produce("orders", b"one", key=b"k", headers={"trace": b"1"})
    ...     delivery = producer.send("orders", "two", key="k")
    ...     delivery.result(timeout=10).offset
    1
    """

    def __new__(
        cls,
        cluster: Cluster,
        *,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> Self:
        """Connect."""
        pairs = configuration.client_pairs(cluster, config, keywords)
        producer = configuration.made(
            lambda texts: _core.Producer.__new__(cls, texts), pairs, keywords, ["cluster", "config"]
        )
        configuration.warn(producer.warnings)
        lifetime.opened_client(producer)
        return producer

    def flush(self, timeout: float | None = None) -> FlushReport:
        """Wait until everything that was sent is delivered; nothing lingers.

        Raises
        ------
        DeliveryFailed
            Records were not delivered; its ``report`` says how many of which partition, and why.
        Timeout
            Records have no result within `timeout` seconds.
        CallbackError
            Delivery callbacks raised.

        Returns
        -------
        FlushReport
            What became of the records since the last flush.
        """
        return _checked(self.finish(timeout), timeout)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Deliver what was sent, for `timeout` seconds at most, and give up the rest.

        A second call does nothing. Raises what `flush` raises.
        """
        if not self.is_closed:
            _checked(self.close_core(timeout), timeout)

    def close_at_exit(self) -> None:
        """Deliver what the program has not waited for, or say what was lost."""
        from ottla.errors import OttlaError  # noqa: PLC0415

        try:
            self.close(lifetime.EXIT_SECONDS)
        except OttlaError as error:
            import logging  # noqa: PLC0415

            log = logging.getLogger("ottla")
            message = "the interpreter ended before a producer was closed: %s"
            log.error(message, error)  # noqa: TRY400

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it. After an exception in the block, that one is what is raised."""
        if error is None:
            self.close()
        else:
            self.close_core(CLOSE_SECONDS)

    def __repr__(self) -> str:
        """Return what is still to be delivered."""
        if self.is_closed:
            return "<ottla.Producer, closed>"
        return f"<ottla.Producer, {sum(count for _, _, count in self.pending())} records pending>"


def _checked(outcome: _core.Outcome, timeout: float | None) -> FlushReport:
    from ottla.report import FlushReport, PartitionReport  # noqa: PLC0415

    rows, raised, count = outcome
    report = FlushReport(PartitionReport(*row) for row in rows)
    if not report.is_ok or count:
        from ottla import errors  # noqa: PLC0415

        if report.failed:
            raise errors.DeliveryFailed(report)
        if report.pending:
            message = f"{report.pending} records have no result after {timeout} s: {report}"
            raise errors.Timeout(message, retriable=True)
        raise errors.CallbackError(raised, count)
    return report
