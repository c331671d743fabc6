"""All scenarios, in the order in which they are run and reported."""

from benchmarks.scenario import Scenario
from benchmarks.scenarios import (
    broker_cpu,
    closed_loop,
    commits,
    compaction,
    coordinator_restart,
    end_to_end,
    group_cost,
    group_start,
    idempotence,
    memory,
    processor,
    produce,
    read,
    rebalance,
    start,
    transactions,
    wheel,
)

SCENARIOS: tuple[Scenario, ...] = (
    start.SCENARIO,
    memory.SCENARIO,
    wheel.SCENARIO,
    produce.SCENARIO,
    read.SCENARIO,
    broker_cpu.SCENARIO,
    closed_loop.SCENARIO,
    end_to_end.SCENARIO,
    compaction.SCENARIO,
    group_start.SCENARIO,
    rebalance.SCENARIO,
    commits.SCENARIO,
    coordinator_restart.SCENARIO,
    group_cost.SCENARIO,
    idempotence.SCENARIO,
    transactions.SCENARIO,
    processor.SCENARIO,
)
