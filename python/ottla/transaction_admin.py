"""Transactions as an operator sees them: the part of `Admin` that is about them (KIP-664)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from ottla.names import names_of
from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla import _core
    from ottla.group_admin import Topics


class TransactionListing(NamedTuple):
    """A transactional id in a list."""

    transactional_id: str
    coordinator: int
    producer_id: int
    state: str


class TransactionDescription(NamedTuple):
    """A transactional id in full; `started` is None while no transaction is open."""

    transactional_id: str
    coordinator: int
    state: str
    producer_id: int
    producer_epoch: int
    timeout: dt.timedelta
    started: dt.datetime | None
    partitions: list[TopicPartition]


class ProducerState(NamedTuple):
    """A producer as a partition knows it.

    `last_sequence` is -1 if the last that was written of it is the end of a transaction,
    `coordinator_epoch` None if none was ever ended, `transaction_start_offset` None if none is
    open.
    """

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: dt.datetime
    coordinator_epoch: int | None
    transaction_start_offset: int | None


class HangingTransaction(NamedTuple):
    """A transaction that a partition waits for the end of, and no coordinator knows any more."""

    topic: str
    partition: int
    start_offset: int
    producer: ProducerState


class TransactionAdmin:
    """What `Admin` does with transactions.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
    ...     admin.transactions()
    []
    """

    _core: _core.Admin

    def transactions(
        self,
        *,
        states: str | Iterable[str] = (),
        producer_ids: Iterable[int] = (),
        open_for: dt.timedelta | None = None,
        pattern: str | None = None,
    ) -> list[TransactionListing]:
        """Return all transactional ids, or those that the filters let through.

        Parameters
        ----------
        states
            Such as ``"Ongoing"``, ``"PrepareCommit"`` or ``"CompleteAbort"``.
        producer_ids
            Only those of these producers.
        open_for
            Only those whose transaction has been open for longer.
        pattern
            Only those whose name this regular expression matches as a whole.
        """
        duration_ms = None if open_for is None else open_for // dt.timedelta(milliseconds=1)
        core = self._core.transactions
        rows = core.listings(names_of(states), list(producer_ids), duration_ms, pattern)
        return [TransactionListing(*row) for row in rows]

    def describe_transaction(self, transactional_id: str) -> TransactionDescription:
        """Return what the coordinator of a transactional id knows of it.

        Raises
        ------
        UnknownTransactionalIdError
            Nobody has used the id, or not for so long that it was forgotten.
        """
        return self.describe_transactions(transactional_id)[transactional_id]

    def describe_transactions(self, *transactional_ids: str) -> dict[str, TransactionDescription]:
        """Return what coordinators know of transactional ids, by name.

        Raises
        ------
        UnknownTransactionalIdError
            Nobody has used one of them, or not for so long that it was forgotten.
        """
        rows = self._core.transactions.describe(list(transactional_ids))
        return {row[0]: _description(row) for row in rows}

    def producers(
        self, topic: str, partition: int = 0, *, broker: int | None = None
    ) -> list[ProducerState]:
        """Return the producers that a partition knows, by id.

        Parameters
        ----------
        topic, partition
            The partition.
        broker
            Whose replica is asked; the leader's if None.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
        ...     with ottla.Producer(broker) as producer:
        ...         producer.produce("orders", b"one")
        ...     [known.last_sequence for known in admin.producers("orders")]
        [0]
        """
        rows = self._core.transactions.producers((topic, partition), broker)
        return [_producer(row) for row in rows]

    def abort_transaction(self, topic: str, partition: int, *, start_offset: int) -> None:
        """End a transaction that hangs in a partition, by force.

        One that is still under way must not be ended so: it would be committed without this part.

        Raises
        ------
        LookupError
            No transaction is open in the partition that begins at this offset.
        """
        if not self._core.transactions.abort((topic, partition), start_offset):
            place = f"{topic}-{partition}"
            raise LookupError(f"{place}: no transaction is open that begins at {start_offset}")

    def hanging_transactions(
        self,
        topics: Topics = (),
        *,
        broker: int | None = None,
        transaction_timeout_max: dt.timedelta = dt.timedelta(minutes=15),
    ) -> list[HangingTransaction]:
        """Return transactions that partitions wait for, and nobody will end.

        They hold up whoever reads committed records only, and compaction; `abort_transaction` ends
        them.

        Parameters
        ----------
        topics
            Topics, and partitions as ``("orders", 0)``; all that there are if none is named.
        broker
            Only partitions that this broker has a replica of.
        transaction_timeout_max
            How long a transaction may take: none is looked at whose producer has written since.
        """
        from ottla.group_admin import scope_of  # noqa: PLC0415

        core = self._core.transactions
        rows = core.hanging(scope_of(topics), broker, transaction_timeout_max)
        return [
            HangingTransaction(topic, partition, start, _producer(producer))
            for (topic, partition), start, producer in rows
        ]


def _description(row: _core.TransactionRow) -> TransactionDescription:
    return TransactionDescription(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        dt.timedelta(milliseconds=row[5]),
        None if row[6] is None else _moment(row[6]),
        [TopicPartition(*place) for place in row[7]],
    )


def _producer(row: _core.ProducerRow) -> ProducerState:
    return ProducerState(row[0], row[1], row[2], _moment(row[3]), row[4], row[5])


def _moment(unix_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=unix_ms)
