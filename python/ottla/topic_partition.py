"""A topic's name and a partition's number."""

from __future__ import annotations

from typing import NamedTuple


class TopicPartition(NamedTuple):
    """How a partition is named; a plain ``("orders", 0)`` is as good.

    Examples
    --------
    >>> TopicPartition("orders", 0) == ("orders", 0)
    True
    """

    topic: str
    partition: int
