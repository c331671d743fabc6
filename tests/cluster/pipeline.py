"""A pipeline as a process, which may be killed: each record of one topic becomes a record of
another, and the offset of what was read is committed with what was written. It goes on until it
is killed, or something fails.

`python -m cluster.pipeline KIND BOOTSTRAP TRANSACTIONAL_ID GROUP SOURCE TARGET PARTITIONS PROCESS
FILE`
"""

from __future__ import annotations

import sys
from pathlib import Path

from clients.group_member import Read
from clients.transactor import Source, Transactor
from cluster.history import History
from cluster.transactors import TRANSACTORS


def main() -> None:
    kind, bootstrap, transactional_id, group, source, target, *rest = sys.argv[1:]
    partitions, process, path = rest
    with (
        History(Path(path), int(process)) as history,
        TRANSACTORS[kind](bootstrap, transactional_id, Source(group, source)) as transactor,
    ):
        number = 0
        while True:
            history.did("begin", transactor.begin)
            read = take(transactor, history, source, int(partitions))
            value = f"{(read.value or b'').decode()} by {process}/{number}"
            place = f"{target}-{read.partition}"
            history.invoke({"send": {"partition": place, "value": value}})
            transactor.produce(target, value.encode(), read.partition)
            behind = {"partition": f"{source}-{read.partition}", "offset": read.offset + 1}
            sent = {"group": group, "offsets": [behind]}
            history.did({"send_offsets": sent}, transactor.send_offsets)
            history.did("commit", transactor.commit)
            number += 1


def take(transactor: Transactor, history: History, source: str, partitions: int) -> Read:
    """The next record. Where the group has its member go on is not known."""
    history.position({f"{source}-{partition}": None for partition in range(partitions)})
    asked = history.invoke({"poll": {"isolation": "read_committed"}})
    [read] = transactor.take(1)
    record = {
        "partition": f"{source}-{read.partition}",
        "offset": read.offset,
        "value": (read.value or b"").decode(),
    }
    history.ok(asked, {"polled": {"records": [record]}})
    return read


if __name__ == "__main__":
    main()
