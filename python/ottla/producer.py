"""The producer."""

from __future__ import annotations

from ottla import _core, configuration, lifetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from ottla.committable import Committable
    from ottla.configuration import Cluster
    from ottla.consumer import Consumer
    from ottla.report import FlushReport
    from ottla.transaction import Transaction

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

    With a `transactional_id` records are sent in transactions, and seen by those who read what is
    committed (``isolation_level="read_committed"``) all together or not at all:

    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker, transactional_id="till") as producer:
    ...         with producer.transaction():
    ...             producer.produce("debits", b"5", key=b"alice")
    ...             producer.produce("credits", b"5", key=b"bob")
    ...     len(ottla.read(broker, "credits", isolation_level="read_committed"))
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

    def transaction(self) -> Transaction:
        """Return a block that is a transaction: it commits at its end, and aborts if it raises.

        The first one gets the producer's id from the coordinator (`init_transactions`).

        Raises
        ------
        TransactionAbortable
            Something of it was not delivered. It has been aborted, and may be done again.
        ProducerFenced
            Another producer has begun with this `transactional_id`.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     with ottla.Producer(broker, transactional_id="till") as producer:
        ...         try:
        ...             with producer.transaction():
        ...                 producer.produce("debits", b"5", key=b"alice")
        ...                 raise ValueError("no such account")
        ...         except ValueError as error:
        ...             print("aborted:", error)
        aborted: no such account
        """
        from ottla.transaction import Transaction  # noqa: PLC0415

        return Transaction(self)

    def init_transactions(self) -> None:
        """Get an id from the coordinator, and fence off whoever had the `transactional_id` before.

        A transaction that it has left open is aborted. Once, before the first transaction; again
        it does nothing.

        Raises
        ------
        Timeout
            The coordinator has not answered within ``max.block.ms``; call it again.
        TransactionError
            It refuses.
        """
        self.init_transactions_core()

    def begin_transaction(self) -> None:
        """Begin a transaction: everything that is sent from now on belongs to it."""
        self.begin_transaction_core()

    def send_offsets(
        self, what: Committable, consumer: Consumer | None = None, *, group: str | None = None
    ) -> None:
        """Commit how far a consumer has come together with the transaction.

        Parameters
        ----------
        what
            A batch or a message: everything up to and including it. A dictionary of offsets: of
            the records to read next, perhaps as `OffsetAndMetadata`.
        consumer
            The member of the group that has read them: the transaction cannot be committed if the
            group has given its partitions to others.
        group
            The group's name in its place, for offsets that are committed from outside of it.

        Raises
        ------
        PartitionLost
            The partition of the batch or message has become another member's since it was read.
        TransactionAbortable
            The group does not know the consumer any more: abort, and read again.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     with ottla.Producer(broker, transactional_id="copy") as producer:
        ...         with producer.transaction():
        ...             producer.produce("copies", b"one")
        ...             producer.send_offsets({("copies", 0): 0}, group="g")
        ...     with ottla.Consumer(broker, group="g") as consumer:
        ...         consumer.committed([("copies", 0)])
        {TopicPartition(topic='copies', partition=0): 0}
        """
        from ottla import committable  # noqa: PLC0415

        self.send_offsets_core(*committable.in_transaction(what, consumer, group))

    def commit_transaction(self) -> None:
        """Make everything that was sent in the transaction visible, all of it.

        Raises
        ------
        TransactionAbortable
            Something of it was not delivered, or its offsets are not its consumer's to commit:
            nothing of it is visible, and `abort_transaction` comes next.
        Timeout
            After ``max.block.ms`` it is not known whether it is committed; the same call waits on.
        ProducerFenced
            Another producer has begun with this `transactional_id`.
        """
        self.commit_transaction_core()

    def abort_transaction(self) -> None:
        """See to it that nothing of the transaction is ever seen by who reads what is committed."""
        self.abort_transaction_core()

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Deliver what was sent, for `timeout` seconds at most, and give up the rest.

        A transaction that is open is aborted. A second call does nothing. Raises what `flush`
        raises.
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
