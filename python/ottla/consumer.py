"""The consumer: in a group, or by assignment."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, cast

from ottla import _core, committable, configuration, lifetime, position
from ottla.batch import Batch
from ottla.names import topics_of
from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from ottla.assignor import Assignor
    from ottla.committable import Committable
    from ottla.configuration import Cluster
    from ottla.consumer_lag import ConsumerLag
    from ottla.deserialized import Deserializer
    from ottla.errors import OttlaError
    from ottla.interceptor import Interceptor, Interceptors
    from ottla.metrics import ConsumerMetrics
    from ottla.offset import OffsetAndMetadata
    from ottla.position import Position

    Place = tuple[str, int]

    OnRebalance: TypeAlias = Callable[[list[TopicPartition]], object]
    OnCommit: TypeAlias = Callable[[OttlaError | None, dict[TopicPartition, int]], object]

CLOSE_SECONDS = 30.0
"""How long a consumer takes at most to commit and to leave its group."""


class Consumer(lifetime.Closable):
    """Reads records: as a member of a group, or from partitions that it is given.

    A group shares its topics' partitions out among its members, and remembers how far each has
    come. Callbacks are called on the thread that polls or iterates, before it is given another
    record; every method can be called from any thread.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    group
        The group's name (``group.id``). Heartbeats do not depend on what the program does, but
        it has to come back for more within ``max.poll.interval.ms``.
    topics
        Topics by name, or a compiled pattern that whole names are to match, new ones too. Without
        a group, all partitions of topics by name are read, from where ``auto.offset.reset`` says.
    assignment
        Partitions, each with where to start: an offset, ``"earliest"``, ``"latest"``, a datetime,
        or how long ago (``"-10m"``); None for where the group has come, or for
        ``auto.offset.reset``.
    on_assign, on_revoke, on_lost
        What to call with the partitions that this member is given, is to give up, or has lost to
        others without having been asked. They may commit and seek. Their time counts: who takes
        longer than ``max.poll.interval.ms`` over one is out of the group.
    assignors
        The assignors that this member offers to its group, the preferred one first: names of
        Kafka's (``"cooperative-sticky"``) and objects of the program's own (`Assignor`); in place
        of ``partition.assignment.strategy``. To move a group from eager to cooperative ones,
        restart each member with both, the cooperative one first, and then with that one alone.
    interceptors
        What sees everything that is given out and committed (`Interceptor`).
    key_deserializer, value_deserializer
        What makes objects of the bytes of messages; batches keep their columns of bytes. Then
        messages are `DeserializedMessage`: what a deserializer raises comes when `key` or `value`
        is read, as a `DeserializationError`.
    config, **keywords
        Kafka's consumer configuration, dotted or as ``auto_offset_reset="earliest"``.

    Raises
    ------
    BrokerUnreachable
        No broker answers; within five seconds.
    UnknownTopicError
        There is no such topic, and no group that could wait for it.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one")
    ...     start = "earliest"
    ...     with ottla.Consumer(broker, group="g", topics=["orders"], auto_offset_reset=start) as c:
    ...         for batch in c.batches(timeout=10):
    ...             c.commit(batch)
    ...             break
    ...         committed = c.committed()
    ...     with ottla.Consumer(broker, assignment={("orders", 0): start}) as consumer:
    ...         message = consumer.poll(timeout=10)
    >>> committed, message.value
    ({TopicPartition(topic='orders', partition=0): 1}, b'one')
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        group: str | None = None,
        topics: Iterable[str] | str | re.Pattern[str] | None = None,
        assignment: Mapping[Place, Position | None] | None = None,
        on_assign: OnRebalance | None = None,
        on_revoke: OnRebalance | None = None,
        on_lost: OnRebalance | None = None,
        assignors: Sequence[str | Assignor] | None = None,
        interceptors: Sequence[Interceptor] = (),
        key_deserializer: Deserializer | None = None,
        value_deserializer: Deserializer | None = None,
        config: Mapping[str, object] | None = None,
        **keywords: object,
    ) -> None:
        if group is not None:
            keywords["group_id"] = group
        pairs = configuration.client_pairs(cluster, config, keywords)
        self._has_group = "group.id" in pairs
        if self._has_group and topics is not None and assignment is not None:
            raise ValueError("the group assigns partitions: give topics or an assignment")
        self._deserializers = (key_deserializer, value_deserializer)
        self._has_deserializers = any(one is not None for one in self._deserializers)
        self._interceptors = _interceptors(interceptors)
        self._assignors = None
        rows = None
        if assignors is not None:
            from ottla.assignor import Assignors  # noqa: PLC0415

            self._assignors = Assignors(assignors, pairs)
            rows = self._assignors.rows

        def made(pairs: _core.Pairs) -> _core.Consumer:
            return _core.Consumer(pairs, rows)

        parameters = ["cluster", "group", "topics", "assignment", "config"]
        self._core = configuration.made(made, pairs, keywords, parameters)
        configuration.warn(self._core.warnings)
        lifetime.opened_client(self)
        try:
            if topics is not None and self._has_group:
                self.subscribe(topics, on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)
            else:
                self.assign(self._starts(topics, assignment))
        except BaseException:
            self.close()
            raise

    def subscribe(
        self,
        topics: Iterable[str] | str | re.Pattern[str],
        *,
        on_assign: OnRebalance | None = None,
        on_revoke: OnRebalance | None = None,
        on_lost: OnRebalance | None = None,
    ) -> None:
        """Read these topics as a member of the group, and nothing else.

        Joining begins with the first poll. A compiled pattern means every topic whose whole name
        matches, now or when metadata is next asked for (``metadata.max.age.ms``).
        """
        callbacks = {"assigned": on_assign, "revoked": on_revoke, "lost": on_lost}

        def listener(word: str, places: list[Place]) -> None:
            callback = callbacks[word]
            if callback is not None:
                callback([TopicPartition(*place) for place in places])

        if isinstance(topics, re.Pattern):
            if topics.flags & ~re.UNICODE:
                raise ValueError("a pattern for topics has no flags: write (?i) into it instead")
            self._core.subscribe([], topics.pattern, listener, self._assignors)
        else:
            self._core.subscribe(topics_of(topics), None, listener, self._assignors)

    def unsubscribe(self, timeout: float = CLOSE_SECONDS) -> None:
        """Leave the group; what was assigned is given up as when closing."""
        self._core.unsubscribe(timeout)

    def commit(
        self,
        what: Committable | None = None,
        *,
        wait: bool = True,
        on_commit: OnCommit | None = None,
    ) -> None:
        """Commit how far the program has come.

        Parameters
        ----------
        what
            A batch or a message: everything up to and including it. A dictionary of offsets: of
            the records to read next, perhaps as `OffsetAndMetadata`. None: everything that was
            given out.
        wait
            Whether to wait for the result, and to raise if it is an error.
        on_commit
            What to call with the error or None and the offsets: now if it waits, otherwise from
            a later call that polls, commits or closes.

        Raises
        ------
        PartitionLost
            The partition of the batch or message has become another member's since it was read.
        CommitError
            The coordinator refuses.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     broker.create_topic("orders")
        ...     with ottla.Consumer(broker, group="g") as consumer:
        ...         consumer.commit({("orders", 0): 7})
        ...         consumer.committed([("orders", 0)])
        {TopicPartition(topic='orders', partition=0): 7}
        """

        def callback(error: OttlaError | None, rows: list[tuple[Place, int]]) -> None:
            if error is None and self._interceptors is not None:
                self._interceptors.committed(_offsets(rows))
            if on_commit is not None:
                on_commit(error, _offsets(rows))

        is_heard = on_commit is not None or self._interceptors is not None
        self._core.commit(committable.rows(self._core, what), wait, callback if is_heard else None)

    def committed(
        self, places: Iterable[Place] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata | None]:
        """Return what the group has committed, of the assigned partitions unless others are named.

        The offset is that of the record to read next; None where nothing is committed.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     broker.create_topic("orders")
        ...     with ottla.Consumer(broker, group="g") as consumer:
        ...         offset = ottla.OffsetAndMetadata(7, metadata="host a", leader_epoch=0)
        ...         consumer.commit({("orders", 0): offset})
        ...         committed = consumer.committed([("orders", 0)])["orders", 0]
        >>> committed, committed.metadata, committed.leader_epoch
        (OffsetAndMetadata(7, metadata='host a'), 'host a', 0)
        """
        found = self._core.committed(self._places(places))
        return {TopicPartition(*place): committable.committed(row) for place, row in found}

    def assign(self, assignment: Mapping[Place, Position | None]) -> None:
        """Read these partitions, each from where it says, and no others.

        A consumer that has subscribed leaves its group first.
        """
        if self._core.is_subscribed:
            self.unsubscribe()
        here = ("committed", 0) if self._has_group else ("reset", 0)
        rows = [
            (place, here if start is None else position.parse(start), None)
            for place, start in assignment.items()
        ]
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
            self._hear_commits()
            if core is None:
                return
            batch = Batch(core)
            yield batch if self._interceptors is None else self._interceptors.consumed(batch)

    def poll(self, timeout: float | None = None) -> _core.Message | None:
        """Return the next record, or None if none has come within `timeout` seconds."""
        message = self._core.poll(timeout)
        if self._has_deserializers and message is not None:
            from ottla.deserialized import DeserializedMessage  # noqa: PLC0415

            made = DeserializedMessage(message, self._deserializers)
            message = cast("_core.Message", made)
        if self._interceptors is not None:
            self._hear_commits()
            message = None if message is None else self._interceptors.consumed(message)
        return message

    def __iter__(self) -> Iterator[_core.Message]:
        """Iterate over the records that come, for ever."""
        while (message := self.poll()) is not None:
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

    def lag(self) -> ConsumerLag:
        """Return how far behind it is, a row for each assigned partition, as a frame too.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker:
        ...     with ottla.Producer(broker) as producer:
        ...         for number in range(3):
        ...             producer.produce("orders", str(number))
        ...     with ottla.Consumer(broker, assignment={("orders", 0): 1}) as consumer:
        ...         print(consumer.lag())
        topic   partition  position  committed  end_offset  lag
        orders  0          1         -          3           2
        """
        from ottla.consumer_lag import ConsumerLag, measured  # noqa: PLC0415

        return ConsumerLag(measured(*found) for found in self._core.lag())

    def metrics(self) -> ConsumerMetrics:
        """Return what it has done so far, in numbers; see there for an example."""
        from ottla.metrics import ConsumerMetrics  # noqa: PLC0415

        return ConsumerMetrics(**self._core.metrics())

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

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Commit what is committed automatically, leave the group, and stop fetching.

        It takes no longer than `timeout` seconds; a group that could not be told finds out after
        ``session.timeout.ms``. A static member does not leave. What was given out stays good. A
        second call does nothing.
        """
        self._core.close(timeout)
        # What was committed on the way.
        self._hear_commits()

    def close_at_exit(self) -> None:
        """Stop fetching although the program forgot to."""
        self.close(lifetime.EXIT_SECONDS)

    def __repr__(self) -> str:
        """Return what it reads."""
        if self._core.is_closed:
            return "<ottla.Consumer, closed>"
        places = ", ".join(f"{topic}-{partition}" for topic, partition in self._core.assignment())
        return f"<ottla.Consumer of {places or 'nothing'}>"

    def _starts(
        self,
        topics: Iterable[str] | str | re.Pattern[str] | None,
        assignment: Mapping[Place, Position | None] | None,
    ) -> dict[Place, Position | None]:
        if isinstance(topics, re.Pattern):
            message = "a pattern for topics needs a group, which picks up new ones"
            raise TypeError(message)
        starts = dict(assignment or {})
        for topic in [topics] if isinstance(topics, str) else topics or []:
            for place in self._core.partitions(topic):
                starts.setdefault(place, None)
        return starts

    def _hear_commits(self) -> None:
        if self._interceptors is not None:
            for rows in self._core.own_commits():
                self._interceptors.committed(_offsets(rows))

    def _places(self, places: Iterable[Place] | None) -> list[Place]:
        return self._core.assignment() if places is None else list(places)


def _offsets(rows: list[tuple[Place, int]]) -> dict[TopicPartition, int]:
    return {TopicPartition(*place): offset for place, offset in rows}


def _interceptors(interceptors: Sequence[Interceptor]) -> Interceptors | None:
    if not interceptors:
        return None
    from ottla.interceptor import Interceptors  # noqa: PLC0415

    return Interceptors(interceptors)
