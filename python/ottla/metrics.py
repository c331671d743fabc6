"""What a consumer has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerMetrics:
    """A snapshot; totals count from the beginning.

    Examples
    --------
    >>> import ottla
    >>> with ottla.Broker() as broker:
    ...     with ottla.Producer(broker) as producer:
    ...         producer.produce("orders", b"one")
    ...     with ottla.Consumer(broker, assignment={("orders", 0): "earliest"}) as consumer:
    ...         message = consumer.poll(timeout=10)
    ...         metrics = consumer.metrics()
    >>> metrics.records_consumed_total, metrics.assigned_partitions, metrics.rebalance_total
    (1, 1, 0)
    """

    records_consumed_total: int
    """Records that have left the client; gaps that compaction has left count too."""
    bytes_consumed_total: int
    """Their batches, compressed as they were fetched."""
    fetch_total: int
    fetch_seconds_total: float
    """How long fetches took, waiting for records included."""
    fetch_seconds_max: float
    commit_total: int
    failed_commit_total: int
    reset_total: int
    """Positions that were not in the log, and went where ``auto.offset.reset`` says."""
    assigned_partitions: int
    buffered_bytes: int
    """Fetched and not given out."""
    records_lag_max: int | None
    """How far the partition furthest behind is behind, as of its last fetch."""
    rebalance_total: int
    lost_total: int
    """How often the membership was lost with all partitions."""
    rebalance_seconds_total: float
    rebalance_seconds_max: float
    last_rebalance_cause: str | None
    last_rebalance_seconds: float | None
