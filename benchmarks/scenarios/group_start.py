"""First message of a new group: from making a consumer to the first record in its hands.

In the process: one Python process has a new broker with its defaults, and each consumer of ours is
the first of a new group; the very first group also waits for the topic that groups are kept in.
Otherwise a process with confluent-kafka does the same with `ottla broker` and with Apache Kafka
4.3.1. With their defaults both wait 3 s for more members of a new group
(`group.initial.rebalance.delay.ms`); the other sides have set that to 0, which shows what else it
takes. A run is the median of five new groups, one after the other, with 0 s, and of one otherwise.
The topic has one partition and holds one record; the clock does not cover imports, nor leaving.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from benchmarks import brokers, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Run, Scenario, Sides, Size, Target, at_most, at_most_of

LIMIT_MS = 100
DELAY = "group.initial.rebalance.delay.ms"
# Apache Kafka is otherwise started as tests want it.
DEFAULTS = {DELAY: "3000"}
PROMPT = {DELAY: "0"}
PROMPT_GROUPS = 5
FIGURE = "until the first message, ms"
VERY_FIRST = "the same of the broker's very first group, ms"
IN_PROCESS, OURS, KAFKA = "Ottla in the process", "Ottla", "Kafka"
OURS_PROMPT, KAFKA_PROMPT = "Ottla without the delay", "Kafka without the delay"


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    numbers = itertools.count()

    def in_process() -> dict[str, float]:
        data_dir = size.scratch / f"in-process-{next(numbers)}"
        return program.run("first_of_group_ottla", data_dir, PROMPT_GROUPS)

    waiting, prompt = size.scratch / "waiting", size.scratch / "prompt"
    waiting.mkdir()
    prompt.mkdir()
    with (
        brokers.both(waiting, "disk", DEFAULTS) as (ours, kafka),
        brokers.both(prompt, "disk", PROMPT) as (ours_prompt, kafka_prompt),
    ):
        yield {
            IN_PROCESS: in_process,
            OURS: _side(ours, 1),
            KAFKA: _side(kafka, 1),
            OURS_PROMPT: _side(ours_prompt, PROMPT_GROUPS),
            KAFKA_PROMPT: _side(kafka_prompt, PROMPT_GROUPS),
        }


def _side(broker: Broker, groups: int) -> Run:
    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as topic:
            return program.run("first_of_group_confluent", broker.bootstrap, topic, groups)

    return run


SCENARIO = Scenario(
    name="group-start",
    description=__doc__,
    targets=[
        Target(
            "first message of a new group, in the process",
            f"{LIMIT_MS} ms",
            at_most(FIGURE, IN_PROCESS, LIMIT_MS, "ms"),
        ),
        Target(
            "the same, the broker's very first group",
            f"{LIMIT_MS} ms",
            at_most(VERY_FIRST, IN_PROCESS, LIMIT_MS, "ms"),
        ),
        Target(
            "the same, `ottla broker` with defaults",
            "no more than Kafka's",
            at_most_of(FIGURE, OURS, KAFKA, 1),
        ),
        Target(
            "the same, without the delay",
            "no more than Kafka's",
            at_most_of(FIGURE, OURS_PROMPT, KAFKA_PROMPT, 1),
        ),
    ],
    sides=sides,
)
