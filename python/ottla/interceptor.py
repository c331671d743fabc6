"""What sees everything between a consumer and its program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla import _core
    from ottla.batch import Batch
    from ottla.topic_partition import TopicPartition

Consumed = TypeVar("Consumed")

_LOG = logging.getLogger("ottla")


class Interceptor:
    """Sees what a consumer is given and what it commits; a base class to override.

    What it raises is logged and keeps nothing from happening, as with Kafka's interceptors. They
    are called in the order in which they were given, on the thread that polls or commits.

    Examples
    --------
    >>> import ottla
    >>> class Counting(ottla.Interceptor):
    ...     count = 0
    ...
    ...     def on_consume(self, records):
    ...         self.count += len(records) if isinstance(records, ottla.Batch) else 1
    >>> counting = Counting()
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one")
    ...     with ottla.Consumer(broker, assignment={("orders", 0): "earliest"},
    ...                         interceptors=[counting]) as consumer:
    ...         message = consumer.poll(timeout=10)
    >>> counting.count
    1
    """

    def on_consume(self, records: Batch | _core.Message) -> Batch | _core.Message | None:
        """Before the program gets a batch or a message; what is returned goes in its place."""
        del records
        return None

    def on_commit(self, offsets: dict[TopicPartition, int]) -> None:
        """After offsets were committed, automatically or not."""
        del offsets


class Interceptors:
    """All of a consumer's."""

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        self._interceptors = list(interceptors)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._interceptors)

    def consumed(self, records: Consumed) -> Consumed:
        """Show them what the program is given, and return what it is to get."""
        shown: Any = records
        for interceptor in self._interceptors:
            try:
                other = interceptor.on_consume(shown)
            except Exception:  # noqa: BLE001
                _LOG.exception("%r.on_consume failed", interceptor)
            else:
                shown = shown if other is None else other
        return cast("Consumed", shown)

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """Show them what was committed."""
        for interceptor in self._interceptors:
            try:
                interceptor.on_commit(dict(offsets))
            except Exception:  # noqa: BLE001
                _LOG.exception("%r.on_commit failed", interceptor)
