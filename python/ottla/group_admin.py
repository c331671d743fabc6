"""Consumer groups as an operator sees them: the part of `Admin` that is about groups."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ottla.names import names_of
from ottla.topic_partition import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from ottla import _core
    from ottla.lag import Lag
    from ottla.position import Position

    Topics: TypeAlias = "str | tuple[str, int] | Iterable[str | tuple[str, int]]"
    Offset: TypeAlias = "int | CommittedOffset"
    Offsets: TypeAlias = "Mapping[tuple[str, int], Offset] | Mapping[TopicPartition, Offset]"


class GroupListing(NamedTuple):
    """A group in a list; `protocol_type` is empty if it has nothing but committed offsets."""

    name: str
    state: str
    type: str
    protocol_type: str


class MemberDescription(NamedTuple):
    """A member of a group; what only groups of KIP-848 have is None in classic ones."""

    id: str
    group_instance_id: str | None
    client_id: str
    host: str
    rack: str | None
    epoch: int | None
    is_upgraded: bool | None
    subscribed_topics: list[str]
    subscribed_pattern: str | None
    assignment: list[TopicPartition]
    target_assignment: list[TopicPartition] | None


class GroupDescription(NamedTuple):
    """A group in full; what only groups of KIP-848 have is None in classic ones."""

    name: str
    state: str
    type: str
    protocol_type: str
    assignor: str
    coordinator: int
    coordinator_address: str | None
    epoch: int | None
    target_assignment_epoch: int | None
    members: list[MemberDescription]


class CommittedOffset(NamedTuple):
    """Where a group goes on in a partition, and what it remembers with that."""

    offset: int
    leader_epoch: int | None = None
    metadata: str = ""


class PlannedOffset(NamedTuple):
    """What a reset makes of a partition's offset, and why that is not what was asked for, if so."""

    topic: str
    partition: int
    before: int | None
    after: int
    note: str | None


class GroupAdmin:
    """What `Admin` does with consumer groups.

    Where a call is about several groups or partitions, all of them are tried; the first refusal is
    raised, with a note for each further one.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one")
    ...     admin.alter_group_offsets("billing", {("orders", 0): 0})
    ...     [group.name for group in admin.groups(states=["Empty"])]
    ...     [(row.topic, row.partition, row.lag) for row in admin.lag("billing")]
    ['billing']
    [('orders', 0, 1)]
    """

    _core: _core.Admin

    def groups(
        self, *, states: str | Iterable[str] = (), types: str | Iterable[str] = ()
    ) -> list[GroupListing]:
        """Return all groups, or those in one of these states and of one of these types.

        Parameters
        ----------
        states
            Such as ``"Empty"``, ``"Stable"`` or ``"PreparingRebalance"``.
        types
            ``"classic"``, ``"consumer"`` for groups of KIP-848, ``"share"``, ``"streams"``.
        """
        rows = self._core.groups.listings(names_of(states), names_of(types))
        return [GroupListing(*row) for row in rows]

    def describe_group(self, group: str) -> GroupDescription:
        """Return a group in full.

        Raises
        ------
        UnknownGroupError
            There is no such group.
        """
        return self.describe_groups(group)[group]

    def describe_groups(self, *groups: str) -> dict[str, GroupDescription]:
        """Return groups in full, by name."""
        rows = self._core.groups.describe(list(groups))
        return {row[0]: _description(row) for row in rows}

    def lag(self, *groups: str) -> Lag:
        """Return how far groups are behind, or all of them if none is named.

        Each partition that a group reads or has committed is a row, with the member that reads it.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
        ...     with ottla.Producer(broker) as producer:
        ...         for number in range(10):
        ...             producer.produce("orders", str(number))
        ...     admin.alter_group_offsets("billing", {("orders", 0): 4})
        ...     admin.lag("billing").total
        6
        """
        from ottla.lag import Lag, PartitionLag  # noqa: PLC0415

        named = list(groups) or [group.name for group in self.groups() if _is_consumers(group)]
        return Lag(PartitionLag(*row) for row in self._core.groups.lag(named))

    def group_offsets(self, group: str) -> dict[TopicPartition, CommittedOffset]:
        """Return what a group has committed; nothing if nobody knows it."""
        rows = self._core.groups.offsets(group)
        return {TopicPartition(*place): CommittedOffset(*offset) for place, offset in rows}

    def alter_group_offsets(self, group: str, offsets: Mapping[tuple[str, int], Offset]) -> None:
        """Set where a group without members goes on; a group that nobody knows is made by it."""
        rows = [(place, _committed(offset)) for place, offset in offsets.items()]
        self._core.groups.alter_offsets(group, rows)

    def reset_group_offsets(
        self,
        group: str,
        to: Position | Offsets | None = None,
        *,
        shift_by: int | None = None,
        topics: Topics = (),
        dry_run: bool = False,
    ) -> list[PlannedOffset]:
        """Make a group without members go on somewhere else; return where, partition by partition.

        Parameters
        ----------
        group
            The group.
        to
            ``"earliest"``, ``"latest"``, ``"current"``, an offset, a time, or how long ago
            (``"-10m"``, a timedelta); or offsets by partition, such as those of another group's
            `group_offsets`, which go for these partitions and no others.
        shift_by
            So many offsets on, or back, instead.
        topics
            Topics, and partitions as ``("orders", 0)``; all that the group has committed if none
            is named.
        dry_run
            Only say what would become of it.

        Raises
        ------
        GroupActiveError
            The group has members.
        UnknownGroupError
            It is no consumer group, but a share group, a streams group, or one of another protocol.

        Examples
        --------
        >>> import ottla
        >>> with ottla.Broker() as broker, ottla.Admin(broker) as admin:
        ...     with ottla.Producer(broker) as producer:
        ...         producer.produce("orders", b"one")
        ...     plan = admin.reset_group_offsets("billing", "latest", topics="orders")
        ...     plan[0].before, plan[0].after
        (None, 1)
        """
        scope, offsets = scope_of(topics), list[tuple[tuple[str, int], int]]()
        if isinstance(to, Mapping):
            if shift_by is not None or scope or not to:
                message = "offsets by partition say all: name one, and neither shift_by nor topics"
                raise TypeError(message)
            place, number = "offsets", 0
            offsets = [(where, _committed(offset)[0]) for where, offset in to.items()]
        else:
            place, number = _place(to, shift_by)
        rows = self._core.groups.reset_offsets(group, place, number, offsets, scope, dry_run)
        return [
            PlannedOffset(topic, partition, before, after, note)
            for (topic, partition), before, after, note in rows
        ]

    def delete_group_offsets(self, group: str, partitions: Iterable[tuple[str, int]]) -> None:
        """Make a group forget what it has committed, of topics that no member subscribes to."""
        self._core.groups.delete_offsets(group, [(topic, number) for topic, number in partitions])

    def delete_group(self, *groups: str) -> None:
        """Delete groups without members, with all that they have committed.

        Raises
        ------
        UnknownGroupError
            There is no such group.
        GroupActiveError
            The group has members.
        """
        self._core.groups.delete(list(groups))

    def remove_members(
        self,
        group: str,
        *,
        instances: Iterable[str] = (),
        members: Iterable[str] = (),
        reason: str | None = None,
    ) -> list[str]:
        """Make members leave a classic group, or all if none is named; return their names.

        Nobody waits for the sessions of members that are gone then. One that still runs joins
        again.

        Parameters
        ----------
        group
            The group.
        instances
            Static members, by their ``group.instance.id``.
        members
            Members by their id.
        reason
            What the coordinator writes into its log.
        """
        named = names_of(instances), names_of(members)
        return self._core.groups.remove_members(group, *named, reason)


def _description(row: _core.GroupRow) -> GroupDescription:
    return GroupDescription._make((*row[:-1], [_member(member) for member in row[-1]]))


def _member(row: _core.MemberRow) -> MemberDescription:
    assignment, target = row[-2:]
    owned = [TopicPartition(*place) for place in assignment]
    to_own = None if target is None else [TopicPartition(*place) for place in target]
    return MemberDescription._make((*row[:-2], owned, to_own))


def _is_consumers(group: GroupListing) -> bool:
    """Whether the group commits offsets; what others do together is no lag."""
    return group.protocol_type in {"consumer", ""}


def _committed(offset: int | CommittedOffset) -> tuple[int, int | None, str]:
    whole: Any = offset if isinstance(offset, tuple) else CommittedOffset(offset)
    number = operator.index(whole[0])
    if number < 0:
        raise ValueError(f"{number} is no offset: offsets begin at 0")
    return number, whole[1], whole[2]


def _place(to: Position | None, shift_by: int | None) -> tuple[str, int]:
    from ottla import position  # noqa: PLC0415

    if (to is None) == (shift_by is None):
        raise TypeError("where to go on is given either by `to` or by `shift_by`")
    if shift_by is not None:
        return "shift", operator.index(shift_by)
    return ("current", 0) if to == "current" else position.parse(to)


def scope_of(topics: Topics) -> list[tuple[str, list[int] | None]]:
    """Write topics and partitions as the core takes them.

    Examples
    --------
    >>> scope_of("a"), scope_of(["a", ("b", 1)]), scope_of(("b", 1))
    ([('a', None)], [('a', None), ('b', [1])], [('b', [1])])
    """
    given: Any = topics
    if isinstance(given, str):
        return [(given, None)]
    if _is_place(given):
        return [(given[0], [given[1]])]
    scope: list[tuple[str, list[int] | None]] = []
    for item in given:
        if isinstance(item, str):
            scope.append((item, None))
        elif _is_place(item):
            scope.append((item[0], [item[1]]))
        else:
            raise TypeError(f"{item!r} is neither a topic nor a topic with a partition")
    return scope


def _is_place(item: object) -> bool:
    parts = list(cast("tuple[object, ...]", item)) if isinstance(item, tuple) else []
    return [type(part) for part in parts] == [str, int]
