"""A read that ends: exactly up to the ends that were seen when it began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, overload

from ottla import _core, configuration, position
from ottla.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from ottla.configuration import Cluster
    from ottla.position import Position

    Bound: TypeAlias = "Position | Mapping[int, Position]"

_ROWS_PER_CHUNK = 1 << 20
_PARAMETERS = ("cluster", "topic", "start", "end", "batches", "max_rows", "config")


@overload
def read(
    cluster: Cluster,
    topic: str,
    start: Bound = ...,
    end: Bound = ...,
    *,
    batches: Literal[False] = False,
    max_rows: int = ...,
    config: Mapping[str, object] | None = ...,
    **keywords: object,
) -> Batch: ...
@overload
def read(
    cluster: Cluster,
    topic: str,
    start: Bound = ...,
    end: Bound = ...,
    *,
    batches: Literal[True],
    max_rows: int = ...,
    config: Mapping[str, object] | None = ...,
    **keywords: object,
) -> Iterator[Batch]: ...
def read(
    cluster: Cluster,
    topic: str,
    start: Bound = "earliest",
    end: Bound = "latest",
    *,
    batches: bool = False,
    max_rows: int = 50_000,
    config: Mapping[str, object] | None = None,
    **keywords: object,
) -> Batch | Iterator[Batch]:
    """Read a topic from one place to another, and no further, however fast others write.

    Parameters
    ----------
    cluster
        A `Broker`, ``"host:port"`` (several, separated by commas), or a dictionary of dotted keys.
    topic
        The topic; all its partitions are read.
    start, end
        An offset, ``"earliest"``, ``"latest"``, a datetime, or how long ago (``"-10m"``); or a
        dictionary with one of these for each partition that is to be read.
    batches
        Iterate over batches, rather than return all records as one.
    max_rows
        The most records in a batch of these.
    config, **keywords
        Kafka's consumer configuration, dotted or as keywords.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         for number in range(5):
    ...             producer.produce("orders", str(number), partition=0)
    ...     late = ottla.read(broker, "orders", start=3)
    ...     sizes = [len(batch) for batch in ottla.read(broker, "orders", batches=True, max_rows=2)]
    >>> [message.value for message in late], sum(sizes), max(sizes)
    ([b'3', b'4'], 5, 2)
    """
    if max_rows < 1:
        raise ValueError(f"a batch has at least one record: max_rows={max_rows}")
    pairs = configuration.client_pairs(cluster, config, keywords)
    core = configuration.made(_core.Consumer, pairs, keywords, _PARAMETERS)
    configuration.warn(core.warnings)
    try:
        places = _named(core.partitions(topic), topic, start)
        core.assign(_bounded(core, places, start, end))
    except BaseException:
        core.close()
        raise
    if batches:
        return _iterate(core, max_rows)
    # Frames as large as they come, and nobody to wait for: the end is known.
    return Batch.concatenated(_iterate(core, _ROWS_PER_CHUNK, min_rows=_ROWS_PER_CHUNK))


def _iterate(core: _core.Consumer, max_rows: int, min_rows: int = 1) -> Iterator[Batch]:
    try:
        while (batch := core.next_batch(max_rows, min_rows, None, None)) is not None:
            yield Batch(batch)
    finally:
        core.close()


def _named(places: list[tuple[str, int]], topic: str, start: Bound) -> list[tuple[str, int]]:
    if not isinstance(start, Mapping):
        return places
    unknown = sorted(set(start) - {partition for _, partition in places})
    if unknown:
        from ottla.errors import UnknownTopicError  # noqa: PLC0415

        raise UnknownTopicError(f"topic {topic} has no partitions {unknown}: it has {len(places)}")
    return [place for place in places if place[1] in start]


def _bounded(
    core: _core.Consumer, places: list[tuple[str, int]], start: Bound, end: Bound
) -> list[tuple[tuple[str, int], tuple[str, int], int]]:
    """Say for each partition where to start and where to stop; nothing is waited for."""
    stops = dict(core.end_offsets(places))
    for place in places:
        bound = end.get(place[1], "latest") if isinstance(end, Mapping) else end
        stops[place] = min(stops[place], _offset(core, place, bound, stops[place]))
    starts = {
        place: position.parse(start[place[1]] if isinstance(start, Mapping) else start)
        for place in places
    }
    return [(place, starts[place], stops[place]) for place in places]


def _offset(core: _core.Consumer, place: tuple[str, int], bound: Position, latest: int) -> int:
    word, number = position.parse(bound)
    if word == "offset":
        return number
    if word == "earliest":
        return core.beginning_offsets([place])[0][1]
    if word == "timestamp":
        _, found = core.offsets_for_times([(place, number)])[0]
        return latest if found is None else found
    return latest
