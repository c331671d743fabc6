"""All scenarios, in the order in which they are run and reported."""

from benchmarks.scenario import Scenario
from benchmarks.scenarios import (
    broker_cpu,
    closed_loop,
    compaction,
    end_to_end,
    memory,
    produce,
    read,
    start,
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
)
