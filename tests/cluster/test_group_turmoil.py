"""A group whose members come, go and die while its broker is killed: every record is processed at
least once, none is lost, and no partition has two owners. Members of different libraries share a
group as far as their protocols allow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import ottla
from clients.group_member import SESSION_MS
from cluster.ottla_process import OttlaProcess
from cluster.records import create_topic, write
from cluster.worker_process import ConsoleWorkerProcess, WorkerProcess

GROUP, TOPIC, PARTITIONS = "workers", "work", 6
RECORDS_EACH = 300
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.2

of_other_languages = pytest.mark.interop
GROUPS = [
    pytest.param(
        ["ConfluentMember", "AioKafkaMember", "KafkaPythonMember", "OttlaMember"], id="classic"
    ),
    pytest.param(["ConfluentConsumerMember", "OttlaConsumerMember"] * 2, id="consumer"),
    pytest.param(
        ["OttlaConsumerMember", "OttlaMember", "ConfluentConsumerMember", "ConfluentMember"],
        id="both",
    ),
    pytest.param(
        ["FranzGoMember", "OttlaMember", "FranzGoMember", "ConfluentMember"],
        id="franz-go",
        marks=of_other_languages,
    ),
    pytest.param(
        ["FranzGoConsumerMember", "OttlaConsumerMember"] * 2,
        id="franz-go-consumer",
        marks=of_other_languages,
    ),
    pytest.param(["KafkaJsMember"] * 4, id="kafkajs", marks=of_other_languages),
    pytest.param(
        ["ConsoleMember", "OttlaMember", "ConsoleMember", "ConfluentMember"],
        id="java",
        marks=of_other_languages,
    ),
    pytest.param(
        ["ConsoleConsumerMember", "OttlaConsumerMember"] * 2,
        id="java-consumer",
        marks=of_other_languages,
    ),
]


class Turmoil:
    """A broker, the records that were written to it, and the members that it has had."""

    def __init__(self, broker: OttlaProcess, folder: Path, stack: ExitStack) -> None:
        self.broker = broker
        self._folder = folder
        self._stack = stack
        self._written = 0
        self._ever: list[WorkerProcess] = []
        self.present: list[WorkerProcess] = []

    def join(self, kind: str) -> None:
        notes = self._folder / f"{len(self._ever)}.notes"
        process = ConsoleWorkerProcess if kind.startswith("Console") else WorkerProcess
        worker = process(kind, self.broker.bootstrap, GROUP, TOPIC, notes)
        self._ever.append(self._stack.enter_context(worker))
        self.present.append(worker)

    def write(self) -> None:
        values = [str(self._written + number).encode() for number in range(RECORDS_EACH)]
        write(self.broker.bootstrap, TOPIC, values, PARTITIONS)
        self._written += RECORDS_EACH

    def await_processed(self) -> None:
        """Until every record that was written has been processed; whoever was given one was given
        the same as everybody else.
        """

        def missing() -> str:
            at: dict[tuple[int, int], bytes] = {}
            for worker in self._ever:
                for partition, offset, value in worker.noted():
                    assert at.setdefault((partition, offset), value) == value
            left = self._written - len(set(at.values()))
            return f"{left} of {self._written} records are not processed" if left else ""

        self._await(missing)

    def await_shared(self) -> None:
        """Until the group has settled on its members, and every partition has one owner."""

        def unsettled() -> str:
            with ottla.Admin(self.broker.bootstrap) as admin:
                group = admin.describe_group(GROUP)
            owned = sorted(at.partition for member in group.members for at in member.assignment)
            # At no time has a partition two.
            assert len(set(owned)) == len(owned), group
            is_settled = len(group.members) == len(self.present) and owned == [*range(PARTITIONS)]
            return "" if is_settled else f"the group is not settled: {group}"

        self._await(unsettled)

    def _replace_who_has_given_up(self) -> None:
        for worker in [worker for worker in self.present if worker.has_given_up()]:
            worker.kill()
            self.present.remove(worker)
            self.join(worker.kind)

    def _await(self, problem: Callable[[], str]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while found := problem():
            self._replace_who_has_given_up()
            logs = "\n".join(worker.output() for worker in self._ever)
            assert time.monotonic() < deadline, f"{found}\n{logs}"
            time.sleep(LOOK_SECONDS)


@pytest.fixture
def turmoil(tmp_path: Path) -> Iterator[Turmoil]:
    overrides = {
        "group.initial.rebalance.delay.ms": "0",
        # In the new protocol the broker says when a member is given up.
        "group.consumer.min.session.timeout.ms": str(SESSION_MS),
        "group.consumer.session.timeout.ms": str(SESSION_MS),
    }
    with OttlaProcess(tmp_path / "data", overrides=overrides) as broker, ExitStack() as stack:
        create_topic(broker.bootstrap, TOPIC, PARTITIONS)
        yield Turmoil(broker, tmp_path, stack)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kinds", GROUPS)
def test_no_record_is_lost_while_members_come_go_and_die(
    turmoil: Turmoil, kinds: Sequence[str]
) -> None:
    for kind in kinds[:2]:
        turmoil.join(kind)
    turmoil.write()
    turmoil.await_processed()

    # Out.
    for kind in kinds[2:]:
        turmoil.join(kind)
    turmoil.write()
    turmoil.await_processed()
    turmoil.await_shared()

    # A member dies: the others take over when its session has ended.
    turmoil.write()
    turmoil.present.pop(0).kill()
    turmoil.await_processed()
    turmoil.await_shared()

    # The broker dies in the middle of it.
    turmoil.write()
    turmoil.broker.kill()
    turmoil.broker.start()
    turmoil.write()
    turmoil.await_processed()
    turmoil.await_shared()

    # And in.
    turmoil.write()
    leaver = turmoil.present.pop(0)
    leaver.leave()
    leaver.await_end()
    turmoil.await_processed()
    turmoil.await_shared()

    for worker in turmoil.present:
        worker.leave()
    for worker in turmoil.present:
        worker.await_end()
    turmoil.broker.stop()
