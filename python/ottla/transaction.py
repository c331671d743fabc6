"""A transaction as a block: it commits at its end, and aborts if it raises."""

from __future__ import annotations

from ottla import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ottla.producer import Producer


class Transaction:
    """What `Producer.transaction` returns: see there for an example."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __enter__(self) -> Self:
        """Begin it."""
        self._producer.init_transactions()
        self._producer.begin_transaction()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit it, or abort it after an exception, which is what is raised then."""
        if error is not None:
            abort_after(self._producer.abort_transaction, error)
            return
        try:
            self._producer.commit_transaction()
        except errors.TransactionAbortable as failed:
            abort_after(self._producer.abort_transaction, failed)
            raise

    def __repr__(self) -> str:
        """Return whose it is."""
        return f"<ottla.Transaction of {self._producer.transactional_id}>"


def abort_after(abort: Callable[[], None], error: BaseException) -> None:
    """Abort because of an exception, which stays the one to be raised.

    If that fails the exception says so: the coordinator aborts the transaction in its own time.
    A transaction that has failed because the producer is fenced off raises that.
    """
    if isinstance(error, errors.ProducerFenced):
        return
    try:
        abort()
    except errors.OttlaError as failed:
        is_why = isinstance(failed, errors.ProducerFenced)
        if is_why and isinstance(error, errors.TransactionAbortable):
            raise failed from error
        error.add_note(f"the transaction could not be aborted: {failed}")
