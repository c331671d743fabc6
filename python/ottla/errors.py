"""Every exception of the package: what Kafka calls it, and whether trying again helps."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ottla.report import FlushReport


class OttlaError(Exception):
    """What every exception of this package is.

    Attributes
    ----------
    code
        The number that Kafka's protocol has for the error, or None if it has none.
    name
        Kafka's name for it, such as ``"NOT_LEADER_OR_FOLLOWER"``.
    retriable
        Whether the same call may succeed when it is made again.
    fatal
        Whether the object that raised it is of no more use.

    Examples
    --------
    >>> import ottla
    >>> error = ottla.OttlaError("no such topic", 3, "UNKNOWN_TOPIC_OR_PARTITION", True)
    >>> error.code, error.name, error.retriable, error.fatal
    (3, 'UNKNOWN_TOPIC_OR_PARTITION', True, False)
    """

    def __init__(
        self,
        message: str,
        code: int | None = None,
        name: str | None = None,
        retriable: bool = False,  # noqa: FBT001, FBT002
        fatal: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.retriable = retriable
        self.fatal = fatal

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the code and the rest in a pickle."""
        return type(self), (self.message, self.code, self.name, self.retriable, self.fatal)

    @property
    def message(self) -> str:
        """What happened."""
        return str(self.args[0])

    def __str__(self) -> str:
        """Return what happened."""
        return self.message

    def __repr__(self) -> str:
        """Return what happened, with Kafka's name for it."""
        name = f", {self.name}" if self.name else ""
        return f"{type(self).__name__}({self.message!r}{name})"


class ConfigError(OttlaError, ValueError):
    """A configuration key or value that cannot be; the message names the nearest key."""


class UnknownKeyError(ConfigError):
    """A configuration key that nobody knows.

    Attributes
    ----------
    who
        What was configured, such as ``"broker"``.
    key
        The key as it was given.
    nearest
        The known key that it resembles, or None.

    Examples
    --------
    >>> str(UnknownKeyError("broker", "dat_dir", "data_dir"))
    'the broker knows no key `dat_dir`: did you mean `data_dir`?'
    """

    def __init__(self, who: str, key: str, nearest: str | None = None) -> None:
        hint = f": did you mean `{nearest}`?" if nearest else ""
        super().__init__(f"the {who} knows no key `{key}`{hint}")
        self.who = who
        self.key = key
        self.nearest = nearest

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the key in a pickle."""
        return type(self), (self.who, self.key, self.nearest)


class ConfigWarning(UserWarning):
    """A configuration key that is accepted, but changes nothing or not all that it says."""


class BrokerStartError(OttlaError, RuntimeError):
    """A broker did not start: directory in use, address taken, or data damaged."""


class BrokerUnreachable(OttlaError, ConnectionError):
    """No broker answers; the message names every address that was tried, and why it failed."""


class Timeout(OttlaError, TimeoutError):
    """The time for the call is over."""


class ClosedError(OttlaError, RuntimeError):
    """The broker or client was closed before the call."""


class ForkedProcessError(OttlaError, RuntimeError):
    """A broker or client was used in a forked child of the process that made it."""


class UnknownTopicError(OttlaError, LookupError):
    """There is no such topic, or it has no such partition."""


class TopicExistsError(OttlaError, ValueError):
    """There is a topic of that name."""


class RecordTooLarge(OttlaError, ValueError):
    """A record is larger than the producer, the topic or the broker allows."""


class BufferFull(OttlaError, BufferError):
    """The producer's memory was full for as long as it may block (``max.block.ms``)."""


class ColumnError(OttlaError, ValueError):
    """A frame has no such column, or one of another type than is needed."""


class DeliveryError(OttlaError):
    """A record was not delivered, or nobody knows whether it was."""


class DeliveryInDoubt(DeliveryError):
    """Nobody knows whether the record is in the log: the broker did not say, and cannot be asked.

    Whoever sends it anew may have it there twice. A producer that is idempotent sees to that itself
    for as long as it can (``delivery.timeout.ms``); who needs more uses a transaction.
    """


class DeliveryFailed(OttlaError):
    """Records that were sent before a flush were not delivered.

    Attributes
    ----------
    report
        What became of the records, partition by partition.
    """

    def __init__(self, report: FlushReport) -> None:
        error = next((row.error for row in report if row.error is not None), None)
        code = error.code if error is not None else None
        name = error.name if error is not None else None
        super().__init__(str(report), code, name)
        self.report = report

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the report in a pickle."""
        return type(self), (self.report,)


class CallbackError(OttlaError):
    """Delivery callbacks raised; the other callbacks were called all the same.

    Attributes
    ----------
    exceptions
        What they raised, the first hundred of them.
    """

    def __init__(self, exceptions: list[Exception], count: int) -> None:
        first = f"{type(exceptions[0]).__name__}: {exceptions[0]}"
        super().__init__(f"{count} delivery callbacks raised, the first one {first}")
        self.exceptions = exceptions
        self.count = count

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the exceptions in a pickle."""
        return type(self), (self.exceptions, self.count)


class TransactionError(OttlaError):
    """A transaction cannot begin, go on or end; if it is `fatal`, nor can the producer."""


class TransactionAbortable(TransactionError):
    """The transaction has failed: abort it, then the same may be done in another one."""


class TransactionStateError(TransactionError, RuntimeError):
    """The call does not fit: there is no transaction, or there is one already."""


class ProducerFenced(TransactionError):
    """Another producer has begun with the same `transactional_id`, or a transaction took too long.

    This one is of no more use, and what it has not committed is aborted. If it is the one to go on,
    make a new producer.
    """


class ConsumeError(OttlaError):
    """Records cannot be read."""


class OffsetOutOfRange(ConsumeError, LookupError):
    """The offset is not in the log any more, or not yet, and ``auto.offset.reset`` is none."""


class GroupError(ConsumeError):
    """The group does not take this consumer; `name` is Kafka's word for the reason."""


class PollIntervalExceeded(GroupError, TimeoutError):
    """The program took longer between two polls than ``max.poll.interval.ms`` allows.

    Or over a callback of a rebalance, or an assignor. The consumer has left its group, and joins it
    again when it polls again.
    """


class UnknownGroupError(OttlaError, LookupError):
    """There is no such group."""


class GroupActiveError(OttlaError, RuntimeError):
    """The group has members, and only they change it: stop them first."""


class UnknownTransactionalIdError(OttlaError, LookupError):
    """No coordinator knows the transactional id: nobody has used it, or not for a long time."""


class CommitError(OttlaError):
    """Offsets were not committed, or what is committed cannot be found out."""


class PartitionLost(CommitError, LookupError):
    """The offsets are of a partition that is not this consumer's any more.

    Whoever has the partition now reads those records again.
    """


class LogTruncation(ConsumeError):
    """The log was cut behind the consumer, and ``auto.offset.reset`` is none (KIP-320).

    What was read from the cut on is not in the log any more; the message says where that is.
    """


class DeserializationError(ConsumeError, ValueError):
    """A deserializer has raised, which is the cause; the message names the record."""


class CorruptRecordError(ConsumeError):
    """What the broker sent is damaged."""
