"""A broker and programs that use it, any of which may be killed, and what they were told."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from clients.ottla_transactor import OttlaTransactor
from cluster import history
from cluster.history import History
from cluster.lives import Lives
from cluster.ottla_process import OttlaProcess
from cluster.reader import read_to_the_end

WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.1
FOREIGN_STUCK_MAX = 3
"""How often a library of somebody else's may wait for what will never come, in one test."""


class Turmoil:
    """A broker, the programs that use it, and the histories of them all."""

    def __init__(
        self, broker: OttlaProcess, folder: Path, stack: ExitStack, bootstrap: str | None = None
    ) -> None:
        """The broker is reached where it listens, unless there is another address for it."""
        self.broker = broker
        self.bootstrap = bootstrap or broker.bootstrap
        self._folder, self._stack = folder, stack
        self._numbers = itertools.count()
        self._histories: list[Path] = []
        self.programs: dict[str, Lives] = {}
        """By transactional id."""

    def begin(self, module: str, kind: str, transactional_id: str, *arguments: str) -> Lives:
        fixed = [kind, self.bootstrap, transactional_id, *arguments]
        lives = Lives(module, fixed, self._folder, self._numbers)
        self.programs[transactional_id] = self._stack.enter_context(lives)
        return lives

    def own_history(self) -> History:
        """Of a process in this one."""
        number = next(self._numbers)
        self._histories.append(self._folder / f"{number}.history")
        return History(self._histories[-1], number)

    def kill_broker(self) -> None:
        self.broker.kill()
        self.broker.start()

    def await_all(self, *done: Callable[[], bool]) -> None:
        """Until everything is done. Programs that have ended meanwhile begin anew."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not all(is_done() for is_done in done):
            for lives in self.programs.values():
                lives.begin_again_if_over()
            assert time.monotonic() < deadline, f"it does not go on:\n{self._told()}"
            time.sleep(LOOK_SECONDS)

    def _told(self) -> str:
        """What each program has come to, and what it has printed."""
        return "\n\n".join(
            f"{name}, {lives.commits()} commits in {len(lives.histories)} lives:\n{lives.output()}"
            for name, lives in self.programs.items()
        )

    def await_commits(self, programs: Sequence[Lives], count: int) -> None:
        """Until each of them has committed so many more."""

        def more(lives: Lives) -> Callable[[], bool]:
            wanted = lives.commits() + count
            return lambda: lives.commits() >= wanted

        self.await_all(*[more(lives) for lives in programs])

    def storm(self, programs: Sequence[Lives], commits: int) -> None:
        """Kills each of the programs, and the broker twice; in between each goes on for a while."""
        self.await_commits(programs, commits)
        for program in programs:
            program.kill()
            self.await_commits([program], commits)
        for _ in range(2):
            self.kill_broker()
            self.await_commits(programs, commits)

    def end(self) -> None:
        """Of all programs. Whatever they have left open is aborted."""
        for transactional_id, lives in self.programs.items():
            lives.end()
            OttlaTransactor(self.bootstrap, transactional_id, None).close()

    def read(self, topics: Mapping[str, int], isolation: str) -> dict[str, list[str]]:
        """Every value of topics of so many partitions."""
        with self.own_history() as notes:
            return read_to_the_end(self.bootstrap, topics, isolation, notes)

    def check(self, *, serializable: bool = False) -> None:
        of_programs = [path for lives in self.programs.values() for path in lives.histories]
        wrong = history.check([*of_programs, *self._histories], serializable=serializable)
        assert not wrong, wrong
        for name, lives in self.programs.items():
            stuck_max = 0 if OttlaTransactor.__name__ in name else FOREIGN_STUCK_MAX
            assert lives.stuck() <= stuck_max, self._told()
