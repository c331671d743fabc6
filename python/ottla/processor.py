"""The processor: batches in, frames out, offsets with them, in one transaction a batch."""

from __future__ import annotations

import enum
import logging
import re
import struct
from typing import TYPE_CHECKING

from ottla import errors, lifetime
from ottla.consumer import Consumer
from ottla.names import topics_of
from ottla.producer import Producer
from ottla.transaction import abort_after

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from ottla import _core
    from ottla.batch import Batch
    from ottla.configuration import Cluster

_REBALANCED = {
    "ILLEGAL_GENERATION",
    "UNKNOWN_MEMBER_ID",
    "STALE_MEMBER_EPOCH",
    "FENCED_MEMBER_EPOCH",
    "FENCED_INSTANCE_ID",
    "REBALANCE_IN_PROGRESS",
}
"""What a coordinator calls it when the partitions may be another member's."""

_log = logging.getLogger("ottla")


class _Stage(enum.Enum):
    """How far the transaction of the batch that was given out last has come."""

    OPEN = enum.auto()
    COMMITTING = enum.auto()
    """Its offsets are part of it, and its commit was asked for: only the coordinator knows."""
    ABORTING = enum.auto()


class Processor(lifetime.Closable):
    """Reads batches, and takes what comes of each into the log exactly once.

    Each batch is a transaction: what is written for it and how far the group has come are committed
    together, or not at all. Whoever reads with ``isolation_level="read_committed"`` never sees a
    record of a batch twice, or only some of what it has made, whatever crashes when.

    A batch's transaction is committed when the next batch is asked for, or when the block of the
    processor ends. An exception in the body aborts it, at the end of the processor's block; after
    `abort`, or when it is iterated over anew, the same records come again. If the group
    rebalances meanwhile, the transaction is aborted, and whoever has the partitions now reads them
    again: the body must have no other effects than what it writes to `out`.

    No batch is passed over: what takes longer than ``max.block.ms`` raises `Timeout` and goes on,
    and the next call, be it for the next batch, waits for it first.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    group
        The group's name. Several processors share the work, each with a `transactional_id` of its
        own.
    source
        The topics to read: one, several, or a compiled pattern.
    transactional_id
        This processor's name towards the coordinator: one that begins with the same name takes
        over, and the one before is fenced off.
    max_rows, max_wait, timeout
        How large a batch is, how many seconds it waits for more records after its first, and after
        how many seconds without a record the iteration ends; None waits for ever.
    consumer, producer
        Configuration of its two clients, dotted or with underscores. The consumer begins at the
        earliest record unless the group has come further, and reads what is committed.

    Raises
    ------
    ProducerFenced
        Another processor has begun with the same `transactional_id`; this one stops.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         for word in ["a", "b", "a"]:
    ...             producer.produce("words", word)
    ...     options = {"group": "g", "source": "words", "transactional_id": "upper-1"}
    ...     with ottla.Processor(broker, **options, timeout=2) as processor:
    ...         for batch, out in processor:
    ...             for message in batch:
    ...                 out.produce("upper", message.value.upper())
    ...     read = ottla.read(broker, "upper", isolation_level="read_committed")
    ...     [message.value for message in read]
    [b'A', b'B', b'A']

    As a program that runs for ever, and takes frames::

        options = {"group": "g", "source": "words", "transactional_id": "upper-1"}
        with ottla.Processor("localhost:9092", **options) as processor:
            for batch, out in processor:
                frame = batch.to_polars()
                out.write(frame.with_columns(value=transformed(frame)), topic="upper")
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        group: str,
        source: Iterable[str] | str | re.Pattern[str],
        transactional_id: str,
        max_rows: int = 50_000,
        max_wait: float = 0.2,
        timeout: float | None = None,
        consumer: Mapping[str, object] | None = None,
        producer: Mapping[str, object] | None = None,
    ) -> None:
        self._limits = (max_rows, max_wait, timeout)
        self._open: Batch | None = None
        self._stage = _Stage.OPEN
        self._is_closed = False
        settings = {
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            **_dotted(consumer),
            "enable.auto.commit": "false",
        }
        # Before another processor of this name is fenced off.
        topics = source if isinstance(source, re.Pattern) else topics_of(source)
        self._producer = Producer(
            cluster, config={**_dotted(producer), "transactional.id": transactional_id}
        )
        self._output = ProcessorOutput(self._producer)
        try:
            # Whoever had the name before is fenced off, and its transaction ended, before
            # anything is read: the offsets are final then.
            self._producer.init_transactions()
            self._consumer = Consumer(cluster, group=group, topics=topics, config=settings)
        except BaseException:
            self._producer.close()
            raise
        lifetime.opened_client(self)

    def __iter__(self) -> Iterator[tuple[Batch, ProcessorOutput]]:
        """Iterate over batches, each with where to write what comes of it.

        A batch that an iteration before has left unfinished is aborted, and comes again.
        """
        if self._stage is _Stage.COMMITTING:
            self.commit()
        self.abort()
        return self

    def __next__(self) -> tuple[Batch, ProcessorOutput]:
        """Commit the batch before, and return the next one."""
        self.commit()
        if self._is_closed:
            raise errors.ClosedError("the processor is closed")
        rows, wait, timeout = self._limits
        batch = next(self._consumer.batches(max_rows=rows, max_wait=wait, timeout=timeout), None)
        if batch is None:
            raise StopIteration
        # As long as it is not known that its transaction has begun, it may have.
        self._open, self._stage = batch, _Stage.ABORTING
        try:
            self._producer.begin_transaction()
        except errors.TransactionError:
            self._give_back(batch)
            raise
        self._stage = _Stage.OPEN
        return batch, self._output

    def commit(self) -> None:
        """Commit the batch that was given out last, without asking for the next one.

        What is written after that belongs to no transaction, and is refused. Without a batch it
        does nothing; one whose abort has not come to its end is aborted.
        """
        batch = self._open
        if batch is None:
            return
        if self._stage is _Stage.ABORTING:
            self.abort()
            return
        try:
            if self._stage is _Stage.OPEN:
                self._producer.send_offsets(batch, self._consumer)
                self._stage = _Stage.COMMITTING
            self._producer.commit_transaction()
        except (errors.TransactionAbortable, errors.CommitError) as failed:
            abort_after(self.abort, failed)
            if self._open is not None or not _is_rebalance(failed):
                raise
            _log.info("a batch is given up to the members who have its partitions now: %s", failed)
        except errors.TransactionError:
            # Fenced off, or lost: there is nothing to be aborted any more.
            self._give_back(batch)
            raise
        else:
            self._open = None

    def abort(self) -> None:
        """Abort the batch that was given out last: its records come again, from the first on."""
        batch, stage = self._open, self._stage
        if batch is None:
            return
        self._stage = _Stage.ABORTING
        try:
            self._producer.abort_transaction()
        except errors.TransactionStateError:
            if stage is _Stage.COMMITTING:
                self._stage = stage
                raise
            # It had not begun: so nothing of it is to be aborted.
        except errors.TransactionError:
            self._give_back(batch)
            raise
        self._give_back(batch)

    def close(self, timeout: float = 30.0) -> None:
        """Abort what is not committed, leave the group, and close the clients.

        A second call does nothing.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._open = None
        try:
            # What is committed was delivered, and nobody asks what became of the rest.
            self._producer.close_core(timeout)
        finally:
            self._consumer.close(timeout)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit the last batch, or abort it after an exception; and close it."""
        try:
            if error is None:
                self.commit()
            else:
                abort_after(self.abort, error)
        finally:
            self.close()

    def __repr__(self) -> str:
        """Return its name."""
        state = ", closed" if self._is_closed else ""
        return f"<ottla.Processor {self._producer.transactional_id}{state}>"

    def _give_back(self, batch: Batch) -> None:
        """Go back to where the batch begins, in the partitions that are still this member's."""
        self._open = None
        core = self._consumer._core  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        rows = batch._core.commit_rows  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        tenures = {(topic, partition): tenure for topic, partition, _, tenure in rows}
        for place, offset in _starts(batch).items():
            if core.tenure(place) == tenures[place]:
                self._consumer.seek(*place, offset)


class ProcessorOutput:
    """Where a body writes what comes of a batch: it is committed with it, or not at all."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def write(
        self,
        frame: object,
        topic: str,
        *,
        value: str | None = "value",
        key: str | None = None,
        headers: str | None = None,
        timestamp: str | None = None,
        partition: int | str | None = None,
    ) -> int:
        """Send the rows of a frame, as `Producer.write` does; return how many there are."""
        return self._producer.write(
            frame,
            topic,
            value=value,
            key=key,
            headers=headers,
            timestamp=timestamp,
            partition=partition,
        )

    def produce(
        self,
        topic: str,
        value: _core.Payload = None,
        key: _core.Payload = None,
        *,
        headers: _core.Headers | None = None,
        timestamp: dt.datetime | int | None = None,
        partition: int | None = None,
    ) -> None:
        """Send a record, as `Producer.produce` does."""
        self._producer.produce(
            topic, value, key, headers=headers, timestamp=timestamp, partition=partition
        )

    def __repr__(self) -> str:
        """Return whose it is."""
        return f"<ottla.ProcessorOutput of {self._producer.transactional_id}>"


def _starts(batch: Batch) -> dict[tuple[str, int], int]:
    """Return the offset of the first record of each partition in a batch."""
    core = batch._core  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    partitions = struct.unpack(f"={len(batch)}i", core.numbers("partition"))
    offsets = struct.unpack(f"={len(batch)}q", core.numbers("offset"))
    starts: dict[tuple[str, int], int] = {}
    for place in zip(core.objects("topic"), partitions, offsets, strict=True):
        topic, partition, offset = place
        starts.setdefault((str(topic), partition), offset)
    return starts


def _is_rebalance(error: errors.OttlaError) -> bool:
    return error.name in _REBALANCED or isinstance(error, errors.PartitionLost)


def _dotted(config: Mapping[str, object] | None) -> dict[str, object]:
    return {name.replace("_", "."): value for name, value in (config or {}).items()}
