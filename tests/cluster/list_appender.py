"""Transactions over lists as a process, which may be killed: each reads what has been appended to
all of them, and appends to some. Lists are partitions. SIGTERM ends it after a transaction.

`python -m cluster.list_appender KIND BOOTSTRAP TRANSACTIONAL_ID TOPIC LISTS TURNS PROCESS FILE`

TURNS is `-`, or a file to take turns by: whoever has it locked reads all lists to their ends before
it appends to any, so that no order of transactions but that of the turns explains what they read.
"""

from __future__ import annotations

import fcntl
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clients.transactor import Transactor
from cluster.history import History
from cluster.reader import Reader
from cluster.stuck import progress_expected
from cluster.transactors import TRANSACTORS

STEPS_MAX = 5
ABORTED_OF_TEN = 2
PAUSE_SECONDS = 0.005
"""Between two turns, or nobody else would get one."""


def main() -> None:
    kind, bootstrap, transactional_id, topic, lists, turns, process, path = sys.argv[1:]
    leaving = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    with (
        History(Path(path), int(process)) as history,
        TRANSACTORS[kind](bootstrap, transactional_id, None) as producer,
        Reader(bootstrap, {topic: int(lists)}, "read_committed", history) as reader,
    ):
        places = [(topic, index) for index in range(int(lists))]
        appender = ListAppender(producer, reader, history, places, process)
        while not leaving.is_set():
            if turns == "-":
                with progress_expected():
                    appender.read_and_append()
            else:
                # To wait for a turn may take longer, as those who have it may be stuck.
                with turn(Path(turns)), progress_expected():
                    appender.read_all_then_append()
                time.sleep(PAUSE_SECONDS)


class ListAppender:
    """Makes transactions, and notes what it does in them."""

    def __init__(
        self,
        producer: Transactor,
        reader: Reader,
        history: History,
        lists: list[tuple[str, int]],
        name: str,
    ) -> None:
        self._producer, self._reader, self._history = producer, reader, history
        self._lists = lists
        self._name = name
        self._rng = random.Random(name)
        self._appended = 0

    def read_and_append(self) -> None:
        """In any order, and beside others who do the same."""
        self._history.did("begin", self._producer.begin)
        for _ in range(self._rng.randint(1, STEPS_MAX)):
            if self._rng.randrange(2) == 0:
                self._reader.poll()
            else:
                self._append()
        self._end()

    def read_all_then_append(self) -> None:
        self._history.did("begin", self._producer.begin)
        for _ in self._reader.read_to(self._reader.high_watermarks()):
            pass
        for _ in range(self._rng.randint(0, STEPS_MAX)):
            self._append()
        self._end()

    def _append(self) -> None:
        topic, index = self._rng.choice(self._lists)
        value = f"{self._name}/{self._appended}"
        self._appended += 1
        self._history.invoke({"send": {"partition": f"{topic}-{index}", "value": value}})
        self._producer.produce(topic, value.encode(), index)

    def _end(self) -> None:
        if self._rng.randrange(10) < ABORTED_OF_TEN:
            self._history.did("abort", self._producer.abort)
        else:
            self._history.did("commit", self._producer.commit)


@contextmanager
def turn(file: Path) -> Iterator[None]:
    """Nobody else has it meanwhile. The system takes it back from a process that is killed."""
    with file.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
