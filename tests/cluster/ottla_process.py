"""`ottla broker` as a process that a test may kill and start again on the same address."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

START_SECONDS = 60.0
STOP_SECONDS = 30.0
READY = re.compile(r"^ottla broker .* is ready on (?P<addresses>.*), data in ", re.MULTILINE)


class OttlaProcess:
    """One data directory and the broker on it, if one runs; it ends with the block."""

    def __init__(
        self,
        data_dir: Path,
        *,
        listen: str = "127.0.0.1:0",
        overrides: Mapping[str, str] | None = None,
        config: Path | None = None,
        log: Path | None = None,
    ) -> None:
        """With a properties file, the directory and the address are the file's."""
        self.data_dir = data_dir
        self._config = config
        self._listen = listen
        self._overrides = overrides or {}
        self._log = log or data_dir.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None, "no broker runs"
        return self._process.pid

    def cpu_seconds(self) -> float:
        """The processor time that the process has taken so far."""
        # The fields behind the command's name, which may hold spaces: proc_pid_stat(5).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        user_ticks, system_ticks = int(fields[11]), int(fields[12])
        return (user_ticks + system_ticks) / os.sysconf("SC_CLK_TCK")

    def start(self) -> None:
        """Returns when clients may come. A later start takes the address of the first."""
        self._launch()
        deadline = time.monotonic() + START_SECONDS
        while (ready := READY.search(self.output())) is None:
            assert self._running().poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)
        self.bootstrap = self._listen = ready["addresses"]

    def start_refused(self) -> str:
        """Starts a broker that must refuse to run, and gives what it says."""
        self._launch()
        assert self._running().wait(START_SECONDS) == 1, self.output()
        self._process = None
        return self.output()

    def kill(self) -> None:
        self._end(signal.SIGKILL, -signal.SIGKILL)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Asks the broker to stop, which it must do in order."""
        self._end(by, 0)

    def output(self) -> str:
        """What the broker has printed and logged since it was started."""
        return self._log.read_text()

    def _launch(self) -> None:
        assert self._process is None, "a broker runs already"
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A file that may not grow is an error to write to, and no signal (SIGXFSZ).
                restore_signals=False,
            )

    def _command(self) -> list[str]:
        # The command lies beside the interpreter that the wheel was installed for.
        command = [str(Path(sys.executable).with_name("ottla")), "broker"]
        if self._config is not None:
            command += ["--config", str(self._config)]
        else:
            command += ["--data-dir", str(self.data_dir), "--listen", self._listen]
        for key, value in self._overrides.items():
            command += ["--override", f"{key}={value}"]
        return command

    def _end(self, by: signal.Signals, expected: int) -> None:
        process = self._running()
        process.send_signal(by)
        code = process.wait(STOP_SECONDS)
        self._process = None
        assert code == expected, f"ended with {code}:\n{self.output()[-4000:]}"

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "no broker runs"
        return self._process
