"""Our assignors beside Kafka's own, which run from its jars, on the same random groups.

Where Kafka's rule names one result, ours is the same. The others (uniform, sticky,
cooperative-sticky) follow the order of hash maps in Kafka, so there the promises are compared: how
even the result is, how much is read in another rack than it is kept in, and how much moves.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass

import pytest

from interop.kafka import HERE, java

pytestmark = pytest.mark.interop

REPOSITORY = HERE.parents[1]
GROUPS = 300
"""Each is assigned five times, by every assignor."""

Place = tuple[str, int]
Owned = dict[str, set[Place]]


@dataclass(frozen=True)
class Case:
    """A group, and what the two make of it."""

    assignor: str
    seed: int
    reads_the_same: bool
    racks: dict[str, str]
    """Of the members that say where they are."""
    kept: dict[str, list[str]]
    """The racks of partitions, by name; empty in a group without racks."""
    before: Owned
    ours: Owned
    kafkas: Owned


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    examples = {"coordinator": "server_assignments", "client-core": "client_assignments"}
    lines = [line for names in examples.items() for line in printed(*names).splitlines()]
    source = str(HERE / "KafkasAssignors.java")
    answers = run(java("-XX:TieredStopAtLevel=1", source), stdin="\n".join(lines)).splitlines()
    assert len(answers) == len(lines) == GROUPS * 5 * 6
    return [
        case(json.loads(line), json.loads(answer))
        for line, answer in zip(lines, answers, strict=True)
    ]


def printed(package: str, example: str) -> str:
    # The profile of the wheel, whose crates are built already.
    command = ["cargo", "run", "--quiet", "--release", "--locked", "--package", package]
    return run([*command, "--example", example, "--", str(GROUPS)])


def run(command: list[str], stdin: str = "") -> str:
    done = subprocess.run(
        command, input=stdin, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def case(group: dict[str, object], answer: dict[str, list[list[object]]]) -> Case:
    members: list[dict[str, list[str]]] = group["members"]  # type: ignore[assignment]
    kept: dict[str, list[str]] = group.get("racks", {})  # type: ignore[assignment]
    return Case(
        assignor=str(group["assignor"]),
        seed=int(str(group["seed"])),
        reads_the_same=len({tuple(sorted(member["topics"])) for member in members}) == 1,
        racks={str(one["id"]): str(one["rack"]) for one in members if one.get("rack")},
        kept=kept,
        before=owned({str(member["id"]): member["owned"] for member in members}),
        ours=owned(group["assigned"]),
        kafkas=owned(answer),
    )


def owned(partitions: object) -> Owned:
    pairs: dict[str, list[tuple[str, int]]] = partitions  # type: ignore[assignment]
    return {member: {(topic, index) for topic, index in of} for member, of in pairs.items()}


def sizes(assigned: Owned) -> list[int]:
    return sorted(len(partitions) for partitions in assigned.values())


def moved(case: Case, after: Owned) -> int:
    return sum(len(before - after[member]) for member, before in case.before.items())


def far(case: Case, after: Owned) -> int:
    """How much is read in another rack than it is kept in."""
    return sum(
        rack not in kept_in(case, partition)
        for member, rack in case.racks.items()
        for partition in after[member]
    )


def kept_in(case: Case, partition: Place) -> set[str]:
    topic, index = partition
    return set(case.kept.get(f"{topic}-{index}", []))


def racks_matter(case: Case) -> bool:
    """Whether Kafka looks at racks at all: otherwise the one or the other is luckier."""
    kept = [kept_in(case, partition) for of in case.kafkas.values() for partition in of]
    everywhere = set().union(*kept)
    return bool(everywhere & set(case.racks.values())) and any(one != everywhere for one in kept)


def unevenness(assigned: Owned) -> int:
    return sum(size * size for size in sizes(assigned))


@pytest.mark.parametrize("assignor", ["server-range", "range", "roundrobin"])
def test_an_assignor_whose_rule_names_one_result_gives_kafkas_with_racks_and_without(
    cases: list[Case], assignor: str
) -> None:
    compared = [case for case in cases if case.assignor == assignor]
    assert len(compared) == GROUPS * 5
    has_racks = [bool(case.kept) for case in compared]
    assert any(has_racks) == (not assignor.startswith("server-"))
    assert not all(has_racks)
    for one in compared:
        assert one.ours == one.kafkas, one


@pytest.mark.parametrize("assignor", ["server-uniform", "sticky"])
def test_where_all_read_the_same_the_result_is_as_even_as_kafkas_and_no_more_moves(
    cases: list[Case], assignor: str
) -> None:
    compared = [case for case in cases if case.assignor == assignor and case.reads_the_same]
    compared = [case for case in compared if not case.kept]
    assert len(compared) > GROUPS
    for one in compared:
        assert sizes(one.ours) == sizes(one.kafkas), one
        assert moved(one, one.ours) <= moved(one, one.kafkas), one


def test_where_racks_matter_the_result_is_as_even_as_kafkas_and_no_more_is_read_from_afar(
    cases: list[Case],
) -> None:
    racked = [case for case in cases if case.assignor == "sticky" and racks_matter(case)]
    compared = [case for case in racked if case.reads_the_same]
    assert len(compared) > GROUPS
    for one in compared:
        assert sizes(one.ours) == sizes(one.kafkas), one
        assert far(one, one.ours) <= far(one, one.kafkas), one
    for score in (far, moved):
        ours = sum(score(one, one.ours) for one in racked)
        kafkas = sum(score(one, one.kafkas) for one in racked)
        assert 0 < ours <= kafkas, score.__name__


@pytest.mark.parametrize("assignor", ["server-uniform", "sticky"])
def test_where_members_read_different_topics_the_result_is_no_worse_on_the_whole(
    cases: list[Case], assignor: str
) -> None:
    """Neither looks for the best result: now the one, now the other is a little better."""
    compared = [case for case in cases if case.assignor == assignor and not case.reads_the_same]
    assert len(compared) > GROUPS
    verdicts = Counter(
        (unevenness(one.ours) > unevenness(one.kafkas))
        - (unevenness(one.ours) < unevenness(one.kafkas))
        for one in compared
    )
    assert verdicts[1] <= verdicts[-1], "ours is less even more often than Kafka's is"
    assert verdicts[0] > 0.95 * len(compared), verdicts
    ours = sum(moved(one, one.ours) for one in compared)
    kafkas = sum(moved(one, one.kafkas) for one in compared)
    assert ours <= kafkas


def test_the_cooperative_assignor_withholds_what_has_to_move_and_moves_no_more(
    cases: list[Case],
) -> None:
    compared = [case for case in cases if case.assignor == "cooperative-sticky"]
    assert len(compared) == GROUPS * 5
    for one in compared:
        held = {partition: member for member, of in one.before.items() for partition in of}
        for member, of in one.ours.items():
            taken = {partition for partition in of if held.get(partition, member) != member}
            assert not taken, f"{member} is given what another has not given up: {one}"
    ours = sum(moved(one, one.ours) for one in compared)
    kafkas = sum(moved(one, one.kafkas) for one in compared)
    assert ours <= kafkas
