"""A member of a group as a process, which may be killed: it notes in a file what it is given, and
commits only then. SIGTERM has it leave. Where nothing but errors come any more, it ends in error.

`python -m cluster.worker KIND BOOTSTRAP GROUP TOPIC FILE`
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from clients.aiokafka_member import AioKafkaMember
from clients.confluent_member import ConfluentConsumerMember, ConfluentMember
from clients.group_member import GroupMember
from clients.kafka_python_member import KafkaPythonMember
from clients.ottla_member import OttlaConsumerMember, OttlaMember
from interop.franz_go_member import FranzGoConsumerMember, FranzGoMember
from interop.kafkajs_member import KafkaJsMember

KINDS: dict[str, Callable[..., GroupMember]] = {
    kind.__name__: kind
    for kind in (
        AioKafkaMember,
        ConfluentConsumerMember,
        ConfluentMember,
        FranzGoConsumerMember,
        FranzGoMember,
        KafkaJsMember,
        KafkaPythonMember,
        OttlaConsumerMember,
        OttlaMember,
    )
}
PAUSE_SECONDS = 0.1
FAILURES_MAX = 30
GIVEN_UP = 3


def main() -> None:
    kind, bootstrap, group, topic, path = sys.argv[1:]
    leaving = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    member, failures = KINDS[kind](bootstrap, group, topic, None), 0
    with Path(path).open("ab", buffering=0) as notes:
        while not leaving.is_set():
            try:
                work(member, notes)
                failures = 0
            except Exception as error:  # noqa: BLE001  # each library has errors of its own
                # Brokers go and groups rebalance: what was not committed will be read again.
                print(repr(error), file=sys.stderr, flush=True)
                failures += 1
                leaving.wait(PAUSE_SECONDS)
            if failures == FAILURES_MAX:
                # kafkajs gives up when it finds no broker: its program has to begin anew.
                os._exit(GIVEN_UP)
    member.close()


def work(member: GroupMember, notes: IO[bytes]) -> None:
    """Processes what there is."""
    read = member.poll()
    if not read:
        return
    rows = (b"%d %d %b\n" % (row.partition, row.offset, row.value or b"") for row in read)
    notes.write(b"".join(rows))
    member.commit()


if __name__ == "__main__":
    main()
