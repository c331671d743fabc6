"""Assignors of the program's own: who reads what, decided by a group's leader."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla import _core

    Place = tuple[str, int]


class GroupMember(NamedTuple):
    """A member of a group, as its leader's assignor sees it."""

    member_id: str
    """Its id, given by the coordinator."""
    instance_id: str | None
    """Its own name (``group.instance.id``), if it is a static member."""
    topics: list[str]
    """What it subscribes to."""
    owned: list[TopicPartition]
    """What it says that it owns."""
    generation: int
    """The generation in which it came to own that; -1 if it does not say."""
    userdata: bytes | None
    """What its assignor's `userdata` has said."""
    rack: str | None
    """Where it is (``client.rack``)."""


class GroupPartitions(dict[str, int]):
    """How many partitions each topic has; and where they are kept."""

    racks: dict[TopicPartition, frozenset[str]]
    """The racks (``broker.rack``) in which each partition has replicas, in sync or not. It is left
    out if none of its brokers says where it is."""

    def __init__(
        self, counts: Mapping[str, int], racks: Mapping[TopicPartition, frozenset[str]]
    ) -> None:
        super().__init__(counts)
        self.racks = dict(racks)


class Assignor(Protocol):
    """What a program's assignor has: a name that all members know it by, and a way to assign.

    It is called on the thread that polls, like the callbacks of a rebalance, and may have two more
    attributes: ``cooperative`` (False), whether members keep what they own while the group
    rebalances (then what has to move is given to nobody until it is given up); and
    ``userdata(topics)``, bytes that this member says to the leader's assignor.

    Examples
    --------
    >>> import ottla
    >>> class FirstTakesAll:
    ...     name = "first-takes-all"
    ...
    ...     def assign(self, members, partitions):
    ...         first = min(member.member_id for member in members)
    ...         return {first: [(topic, n) for topic, count in partitions.items()
    ...                         for n in range(count)]}
    >>> with ottla.Broker() as broker:
    ...     broker.create_topic("orders", partitions=3)
    ...     with ottla.Consumer(broker, group="g", topics=["orders"],
    ...                         assignors=[FirstTakesAll()]) as consumer:
    ...         while not consumer.assignment:
    ...             _ = consumer.poll(timeout=0.1)
    ...         len(consumer.assignment)
    3
    """

    @property
    def name(self) -> str:
        """What it is called between members."""
        ...

    def assign(
        self, members: list[GroupMember], partitions: GroupPartitions
    ) -> Mapping[str, Iterable[Place]]:
        """Say which member reads what; `partitions` is a dict of how many each topic has."""
        ...


class Assignors:
    """The assignors that a consumer offers, the preferred one first."""

    def __init__(self, offered: Sequence[str | Assignor], pairs: Mapping[str, str]) -> None:
        _check(pairs)
        self._own = {one.name: one for one in offered if not isinstance(one, str)}
        self.rows: list[tuple[str, bool | None]] = [
            (one, None) if isinstance(one, str) else (one.name, _is_cooperative(one))
            for one in offered
        ]

    def describe(self, name: str, topics: list[str]) -> bytes | None:
        """Return what this member says to the leader's assignor."""
        userdata = getattr(self._own[name], "userdata", None)
        said: bytes | None = None if userdata is None else userdata(topics)
        return said

    def assign(
        self,
        name: str,
        rows: list[_core.SubscriberRow],
        counts: dict[str, int],
        racks: dict[Place, list[str]],
    ) -> list[tuple[str, list[Place]]]:
        """Return who reads what."""
        members = [
            GroupMember(*row[:3], [TopicPartition(*place) for place in row[3]], *row[4:])
            for row in rows
        ]
        kept = {TopicPartition(*place): frozenset(names) for place, names in racks.items()}
        said = self._own[name].assign(members, GroupPartitions(counts, kept))
        return [
            (member, [(place[0], place[1]) for place in given]) for member, given in said.items()
        ]


def _is_cooperative(assignor: Assignor) -> bool:
    return bool(getattr(assignor, "cooperative", False))


def _check(pairs: Mapping[str, str]) -> None:
    if "group.id" not in pairs:
        raise ValueError("assignors are for a group: give one")
    if "partition.assignment.strategy" in pairs:
        raise ValueError("assignors take the place of partition.assignment.strategy: give one")
    if pairs.get("group.protocol", "classic").lower() != "classic":
        message = "assignors are for group.protocol=classic: the coordinator has its own otherwise"
        raise ValueError(message)
