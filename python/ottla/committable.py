"""What a program commits: everything that says which offsets, as rows for the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ottla.batch import Batch
from ottla.offset import OffsetAndMetadata

if TYPE_CHECKING:
    from typing import TypeAlias

    from ottla import _core
    from ottla.consumer import Consumer
    from ottla.deserialized import DeserializedMessage

    Place = tuple[str, int]

    Committable: TypeAlias = Batch | _core.Message | DeserializedMessage | Mapping[Place, int]
    """What says which offsets to commit."""

_NO_EPOCH = -1


def rows(core: _core.Consumer, what: Committable | None) -> list[_core.ToCommit] | None:
    """Return what is to be committed; None for everything that was given out.

    A batch and a message are committed as what was read in their assignment, a mapping whoever
    owns the partitions.
    """
    if what is None:
        return None
    if isinstance(what, Mapping):
        return [(*row[:3], None, *row[3:]) for row in _offsets(what)]
    if isinstance(what, Batch):
        read = what._core.commit_rows  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    else:
        read = [(what.topic, what.partition, what.offset + 1, None)]
    return [
        (*row[:3], _tenure(core, row[:2]) if row[3] is None else row[3], _NO_EPOCH, "")
        for row in read
    ]


def in_transaction(
    what: Committable, consumer: Consumer | None, group: str | None
) -> tuple[_core.GroupMetadataRow, list[_core.OffsetToSend]]:
    """Return as whom, and what, is committed with a transaction."""
    if (consumer is None) == (group is None):
        raise ValueError("offsets are sent as a consumer, or for a group by its name: give one")
    if consumer is None:
        if not isinstance(what, Mapping):
            raise ValueError("without its consumer a batch may be another's: give offsets instead")
        if not group:
            raise ValueError("a group's name is not empty")
        metadata: _core.GroupMetadataRow = (str(group), "", -1, None)
        return metadata, _offsets(what)
    core = consumer._core  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    # First as whom, then whether it still has them: if the group rebalances in between, the
    # coordinator knows this member's generation to be over.
    found = core.group_metadata()
    if found is None:
        from ottla.errors import PartitionLost  # noqa: PLC0415

        raise PartitionLost(
            "the consumer is not a member of its group now: what it has read may be another's"
        )
    to_send = rows(core, what) or []
    for topic, partition, _, tenure, *_beside_it in to_send:
        if tenure is not None and core.tenure((topic, partition)) != tenure:
            from ottla.errors import PartitionLost  # noqa: PLC0415

            raise PartitionLost(
                f"{topic}-{partition} was lost since it was read: the group has rebalanced, and"
                " whoever has it now reads those records again"
            )
    return found, [_with_epoch(core, row) for row in to_send]


def committed(row: tuple[int, int, str] | None) -> OffsetAndMetadata | None:
    """Return what the core says that the group has committed."""
    if row is None:
        return None
    offset, epoch, metadata = row
    return OffsetAndMetadata(offset, metadata, None if epoch == _NO_EPOCH else epoch)


def _offsets(what: Mapping[Place, int]) -> list[_core.OffsetToSend]:
    for (topic, partition), offset in what.items():
        if offset < 0:
            raise ValueError(f"{topic}-{partition}: an offset is not negative, as {offset} is")
    return [(*place, offset, *_beside(offset)) for place, offset in what.items()]


def _with_epoch(core: _core.Consumer, row: _core.ToCommit) -> _core.OffsetToSend:
    """Return an offset with the epoch of the record before it, if the consumer has read that."""
    topic, partition, offset, _, epoch, metadata = row
    if epoch == _NO_EPOCH:
        epoch = core.leader_epoch_before((topic, partition), offset)
    return topic, partition, offset, epoch, metadata


def _tenure(core: _core.Consumer, place: Place) -> int:
    tenure = core.tenure(place)
    if tenure is None:
        from ottla.errors import PartitionLost  # noqa: PLC0415

        raise PartitionLost(f"{place[0]}-{place[1]} is not this consumer's, or not any more")
    return tenure


def _beside(offset: int) -> tuple[int, str]:
    if not isinstance(offset, OffsetAndMetadata):
        return _NO_EPOCH, ""
    return _NO_EPOCH if offset.leader_epoch is None else offset.leader_epoch, offset.metadata
