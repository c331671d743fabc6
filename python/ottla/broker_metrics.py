"""What a broker has done so far, in numbers: the names, and what each counts."""

from __future__ import annotations

from typing import TypedDict


class BrokerMetrics(TypedDict):
    """A snapshot, by name; totals count from the start of the broker.

    The unit is the last word of a name that has one. Those of the log cleaner that Kafka has are
    called as there (``kafka.log:type=LogCleaner`` and ``LogCleanerManager``).
    """

    free_request_bytes: int
    """The bytes of ``queued.max.request.bytes`` that no request holds, and no unread reply."""

    rebalance_total: int
    """Rebalances of groups that have come to their end."""
    rebalance_seconds_total: float
    rebalance_seconds_max: float
    """How long the longest took."""
    rebalance_cause_joined_total: int
    """Members that joined. A rebalance may have several causes; `Broker.explain` tells whose."""
    rebalance_cause_rejoined_total: int
    """Members that joined again: as leader, or with other topics."""
    rebalance_cause_replaced_total: int
    """Static members that came back, and not as they were."""
    rebalance_cause_left_total: int
    """Members that left."""
    rebalance_cause_session_expired_total: int
    """Members of which nothing was heard for ``session.timeout.ms``."""
    rebalance_cause_join_expired_total: int
    """Members that did not join in time."""
    rebalance_cause_sync_expired_total: int
    """Members that did not fetch their assignment in time."""
    rebalance_cause_revocation_expired_total: int
    """Members that did not give up partitions in time."""
    rebalance_cause_assignment_too_large_total: int
    """Assignments that the log could not hold."""
    rebalance_cause_over_capacity_total: int
    """Groups that had more members than they may."""
    rebalance_cause_topics_changed_total: int
    """Changes of the topics that a group reads."""
    rebalance_cause_protocol_changed_total: int
    """Groups that moved between the classic and the new protocol."""

    partitions_with_late_transactions_count: int
    """Partitions with a transaction that has been silent for five minutes longer than
    ``transaction.max.timeout.ms``: nobody has ended it, and perhaps nobody will."""

    cleaner_cleaning_total: int
    """Compactions of a log that have come to their end."""
    cleaner_abandoned_cleaning_total: int
    """Compactions that were given up: the log had changed or was damaged, or the disk was full."""
    cleaner_clean_time_secs_total: float
    cleaner_bytes_read_total: int
    """A dirty part counts twice: it is read for its keys first."""
    cleaner_bytes_written_total: int
    cleaner_map_bytes: int
    """What the maps of keys take at the moment; nothing while no log is compacted."""
    cleaner_map_bytes_max: int
    """The most that they have ever taken."""
    cleaner_max_clean_time_secs: float
    """How long the last compaction took, of the cleaner whose took longest."""
    cleaner_recopy_percent: float
    """What was written of what was read, in each cleaner's last compaction."""
    cleaner_max_buffer_utilization_percent: float
    """How much of its share of ``log.cleaner.dedupe.buffer.size`` a last compaction has filled."""
    cleaner_max_dirty_percent: float
    """How dirty the filthiest log was when a cleaner last looked."""
    cleaner_max_compaction_delay_secs: float
    """How long a log was overdue by ``max.compaction.lag.ms`` then."""
    cleaner_uncleanable_partitions_count: int
    """Logs that have a damaged batch, and are not compacted any more."""
    cleaner_time_since_last_run_ms: float
    """How long ago a cleaner last looked for a log to compact; -1 if none has yet."""
