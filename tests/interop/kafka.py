"""Apache Kafka 4.3.1 from Maven Central: its jars, its tools, and a broker of one node.

As a command it runs a broker in the foreground:
`python -m interop.kafka PORT DATA_DIR [KEY=VALUE ...]`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
START_SECONDS = 60.0
TOOL_SECONDS = 60.0
PROMPT = {
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "200",
    "group.consumer.assignment.interval.ms": "0",
    "log.cleaner.backoff.ms": "500",
}
"""What lets a test's groups settle at once, and its logs be compacted soon; the defaults spare a
cluster of many members and many logs."""


def jars() -> Path:
    """The folder of Kafka's jars, which Maven fills on the first call."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # A folder for each list of jars that there has been.
    wanted = zlib.crc32((HERE / "pom.xml").read_bytes())
    folder = cache / "ottla-interop" / f"kafka-4.3.1-{wanted:08x}"
    if not (folder / "complete").exists():
        # Under a name of its own until it is whole: an interrupted download is not used.
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(HERE / "pom.xml")]
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
        subprocess.run([*command, *copy, f"-DoutputDirectory={partial}"], check=True)
        (partial / "complete").touch()
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return folder


def java(*arguments: str) -> list[str]:
    """The command line that runs a main class of Kafka's."""
    log4j = f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"
    return ["java", log4j, "-cp", f"{jars()}/*", *arguments]


def run_tool(main_class: str, *arguments: str, stdin: str | None = None) -> str:
    """What a tool prints. One that fails raises with both of its outputs.

    A tool lives for a second: the quick compiler alone, and no more heap than it needs.
    """
    command = java("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx256M", main_class, *arguments)
    done = subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ToolFailed(main_class, done.returncode, done.stdout + done.stderr)
    return done.stdout


@contextlib.contextmanager
def running_tool(main_class: str, *arguments: str, log: Path) -> Iterator[None]:
    """A tool that goes on until it is stopped; what it says is in `log`."""
    with log.open("w") as output:
        command = java("-XX:TieredStopAtLevel=1", "-Xmx256M", main_class, *arguments)
        tool = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        tool.terminate()
        tool.wait(timeout=TOOL_SECONDS)


class ToolFailed(Exception):
    """One of Kafka's tools ended with an error; `output` is all that it printed."""

    def __init__(self, main_class: str, code: int, output: str) -> None:
        super().__init__(f"{main_class} ended with {code}:\n{output}")
        self.output = output


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_properties(path: Path, port: int, data_dir: Path, extra: Mapping[str, str]) -> None:
    controller = f"127.0.0.1:{free_port()}"
    properties = {
        "process.roles": "broker,controller",
        "node.id": "0",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": str(data_dir),
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        **PROMPT,
        **extra,
    }
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def prepare(port: int, data_dir: Path, extra: Mapping[str, str] | None = None) -> list[str]:
    """Formats the data directory and answers the command line of its broker."""
    data_dir.mkdir(parents=True, exist_ok=True)
    properties = data_dir.with_suffix(".properties")
    write_properties(properties, port, data_dir, extra or {})
    format_arguments = ["format", "--standalone", "--ignore-formatted"]
    cluster = ["--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk", "--config", str(properties)]
    run_tool("kafka.tools.StorageTool", *format_arguments, *cluster)
    return java("-Xms512M", "-Xmx512M", "-XX:+UseG1GC", "kafka.Kafka", str(properties))


@contextlib.contextmanager
def running(data_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[str]:
    """A broker of one node; answers `host:port`."""
    port = free_port()
    command = prepare(port, data_dir, extra)
    log = data_dir.with_suffix(".log")
    with log.open("w") as output:
        broker = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        await_port(broker, port, log)
        yield f"127.0.0.1:{port}"
    finally:
        broker.terminate()
        broker.wait(timeout=START_SECONDS)


def await_port(broker: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and broker.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    state = "runs" if broker.returncode is None else f"ended with {broker.returncode}"
    raise AssertionError(
        f"no broker answers at port {port}; it {state}:\n{log.read_text()[-4000:]}"
    )


def main() -> None:
    port, data_dir, *pairs = sys.argv[1:]
    extra = dict(pair.split("=", 1) for pair in pairs)
    command = prepare(int(port), Path(data_dir), extra)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
