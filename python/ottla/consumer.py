"""The consumer by assignment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ottla import _core, configuration, lifetime, position
from ottla.batch import Batch
from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ottla.configuration import Cluster
    from ottla.position import Position

    Place = tuple[str, int]


class Consumer(lifetime.Closable):
    """Reads records from partitions that it is given; there is no group.

    Every method can be called from any thread.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    topics
        Topics of which all partitions are read, from where ``auto.offset.reset`` says.
    assignment
        Partitions, each with where to start: an offset, ``"earliest"``, ``"latest"``, a datetime,
        or how long ago (``"-10m"``); None for ``auto.offset.reset``.
    config, **keywords
        Kafka's consumer configuration, dotted or as ``auto_offset_reset="earliest"``.

    Raises
    ------
    BrokerUnreachable
        No broker answers; within five seconds.
    UnknownTopicError
        There is no such topic.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one")
    ...     start = {("orders", 0): "earliest"}
    ...     with ottla.Consumer(broker, assignment=start) as consumer:
    ...         message = consumer.poll(timeout=10)
    >>> message.value
    b'one'
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        topics: Iterable[str] | None = None,
        assignment: Mapping[Place, Position | None] | None = None,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> None:
        pairs = configuration.client_pairs(cluster, config, keywords)
        parameters = ["cluster", "topics", "assignment", "config"]
        self._core = configuration.made(_core.Consumer, pairs, keywords, parameters)
        configuration.warn(self._core.warnings)
        lifetime.opened_client(self)
        try:
            starts = dict(assignment or {})
            for topic in [topics] if isinstance(topics, str) else topics or []:
                for place in self._core.partitions(topic):
                    starts.setdefault(place, None)
            self.assign(starts)
        except BaseException:
            self.close()
            raise

    def assign(self, assignment: Mapping[Place, Position | None]) -> None:
        """Read these partitions, each from where it says, and no others."""
        rows = [(place, position.parse(start), None) for place, start in assignment.items()]
        self._core.assign(rows)

    @property
    def assignment(self) -> list[TopicPartition]:
        """The partitions that are read."""
        return [TopicPartition(*place) for place in self._core.assignment()]

    def batches(
        self,
        max_rows: int = 50_000,
        max_wait: float = 0.2,
        min_rows: int = 1,
        timeout: float | None = None,
    ) -> Iterator[Batch]:
        """Iterate over batches of what comes.

        Parameters
        ----------
        max_rows
            The most records in a batch.
        max_wait
            How many seconds after its first record a batch is given out, however few there are.
        min_rows
            How many records a batch waits for, for that long.
        timeout
            After how many seconds without a record the iteration ends; None waits for ever.
        """
        if max_rows < 1 or min_rows < 0:
            message = f"a batch has at least one record: max_rows={max_rows}, min_rows={min_rows}"
            raise ValueError(message)
        while True:
            core = self._core.next_batch(max_rows, min_rows, max_wait, timeout)
            if core is None:
                return
            yield Batch(core)

    def poll(self, timeout: float | None = None) -> _core.Message | None:
        """Return the next record, or None if none has come within `timeout` seconds."""
        return self._core.poll(timeout)

    def __iter__(self) -> Iterator[_core.Message]:
        """Iterate over the records that come, for ever."""
        while (message := self._core.poll(None)) is not None:
            yield message

    def seek(self, topic: str, partition: int, start: Position) -> None:
        """Read a partition on from an offset, a time, or ``"earliest"`` or ``"latest"``."""
        self._core.seek((topic, partition), position.parse(start))

    def seek_to_time(self, topic: str, time: dt.datetime | dt.timedelta | str) -> None:
        """Read all assigned partitions of a topic on from their first record since then."""
        start = position.parse(time)
        for place in self._core.assignment():
            if place[0] == topic:
                self._core.seek(place, start)

    def pause(self, *places: Place) -> None:
        """Read no more of these partitions, until they are resumed; without any, of none."""
        self._core.pause(list(places) or self._core.assignment())

    def resume(self, *places: Place) -> None:
        """Read these partitions on; without any, all that are paused."""
        self._core.resume(list(places) or self._core.paused())

    @property
    def paused(self) -> list[TopicPartition]:
        """The partitions that are paused."""
        return [TopicPartition(*place) for place in self._core.paused()]

    def position(self, topic: str, partition: int) -> int | None:
        """Return the offset of the next record that will be given out, None if not yet known."""
        return self._core.position((topic, partition))

    def beginning_offsets(self, places: Iterable[Place] | None = None) -> dict[TopicPartition, int]:
        """Return where the logs start, of the assigned partitions unless others are named."""
        return _offsets(self._core.beginning_offsets(self._places(places)))

    def end_offsets(self, places: Iterable[Place] | None = None) -> dict[TopicPartition, int]:
        """Return where the logs end, of the assigned partitions unless others are named."""
        return _offsets(self._core.end_offsets(self._places(places)))

    def offsets_for_time(
        self,
        time: dt.datetime | dt.timedelta | str,
        places: Iterable[Place] | None = None,
    ) -> dict[TopicPartition, int | None]:
        """Return the first offsets since then; None where no record is that young."""
        _, milliseconds = position.parse(time)
        times = [(place, milliseconds) for place in self._places(places)]
        found = self._core.offsets_for_times(times)
        return {TopicPartition(*place): offset for place, offset in found}

    def close(self) -> None:
        """Stop fetching; what was given out stays good. A second call does nothing."""
        self._core.close()

    def __repr__(self) -> str:
        """Return what it reads."""
        if self._core.is_closed:
            return "<ottla.Consumer, closed>"
        places = ", ".join(f"{topic}-{partition}" for topic, partition in self._core.assignment())
        return f"<ottla.Consumer of {places or 'nothing'}>"

    def _places(self, places: Iterable[Place] | None) -> list[Place]:
        return self._core.assignment() if places is None else list(places)


def _offsets(rows: list[tuple[Place, int]]) -> dict[TopicPartition, int]:
    return {TopicPartition(*place): offset for place, offset in rows}
