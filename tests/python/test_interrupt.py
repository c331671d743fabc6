"""A blocking call to a host that does not answer holds up no thread, and Ctrl-C ends it at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import ottla

WITHIN_SECONDS = 0.1
INTO_SECONDS = 0.3
"""After so long the process is inside of the call."""
TICKS_MIN = 20
ATTEMPTS_MAX = 5
START_SECONDS = 60.0
UNREACHABLE_SECONDS = 5.5
"""Five, and what a busy machine adds."""

CONNECTED = """
    frame = pa.table({"value": [b"x" * 1000] * 1000})
    producer = ottla.Producer(where, buffer_memory=20_000, batch_size=1000)
    producer.send("t", b"v").result()
    consumer = ottla.Consumer(where, topics=["t"])
    admin = ottla.Admin(where)
    freeze()
"""

CALLS = {
    "flush": 'producer.produce("t", b"v"); call(producer.flush)',
    "close": 'producer.produce("t", b"v"); call(producer.close)',
    "result": 'call(producer.send("t", b"v").result)',
    "produce": 'call(lambda: [producer.produce("t", b"x" * 1000) for _ in range(1000)])',
    "produce to a new topic": 'call(lambda: [producer.produce("n", b"x" * 5000) for _ in "1234"])',
    "flush to a new topic": 'producer.produce("new", b"v"); call(producer.flush)',
    "result of a new topic": 'call(producer.send("new", b"v").result)',
    "write": 'call(lambda: producer.write(frame, "t"))',
    "read": 'call(lambda: ottla.read(where, "t"))',
    "partitions": 'call(lambda: producer.partitions("new"))',
    "poll": "call(consumer.poll)",
    "iterate": "call(lambda: next(iter(consumer)))",
    "batches": "call(lambda: next(consumer.batches()))",
    "end offsets": "call(consumer.end_offsets)",
    "offsets for a time": 'call(lambda: consumer.offsets_for_time("-1m"))',
    "list topics": "call(admin.topics)",
    "describe a topic": 'call(lambda: admin.describe("t"))',
    "create a topic": 'call(lambda: admin.create_topic("new"))',
    "delete a topic": 'call(lambda: admin.delete_topic("t"))',
    "log directories": "call(admin.log_directories)",
    "configs": 'call(lambda: admin.configs("t"))',
    "delete records": 'call(lambda: admin.delete_records({("t", 0): 1}))',
}

CONSTRUCTORS = ["ottla.Producer", "ottla.Consumer", "ottla.Admin"]

SCRIPT = """
import os, signal, sys, threading, time
from pathlib import Path
import pyarrow as pa
import ottla

where = sys.argv[1]
ticks = 0

def freeze():
    # Its threads stop one after the other, and the last one could still answer.
    pid = int(sys.argv[2])
    os.kill(pid, signal.SIGSTOP)
    while any(" T " not in stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")):
        time.sleep(0.001)

def tick():
    global ticks
    while True:
        time.sleep(0.001)
        ticks += 1

def call(function):
    global ticks
    threading.Thread(target=tick, daemon=True).start()
    print("calling", flush=True)
    ticks = 0
    try:
        function()
        print("returned", flush=True)
    except KeyboardInterrupt:
        print(time.monotonic(), ticks, flush=True)
    except BaseException as error:
        print(repr(error), flush=True)
    os._exit(0)
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A broker in a process of its own, which can be stopped in the middle of anything."""
    command = [str(Path(sys.executable).with_name("ottla")), "broker", "--log-level", "error"]
    command += ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        yield ready.split(" is ready on ")[1].split(",")[0], process.pid
        process.kill()


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


class Interrupted(NamedTuple):
    """How long after the signal a call ended, and how often another thread ran meanwhile."""

    seconds: float
    ticks: int


def interrupt(body: str, *arguments: str) -> Interrupted:
    script = SCRIPT + textwrap.dedent(body)
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "calling\n"
        time.sleep(INTO_SECONDS)
        sent_at = time.monotonic()
        process.send_signal(signal.SIGINT)
        answer = process.stdout.readline().split()
        assert process.wait(START_SECONDS) == 0
    assert answer[0].replace(".", "").isdigit(), f"the call was not interrupted: {answer}"
    return Interrupted(float(answer[0]) - sent_at, int(answer[1]))


def is_interrupted_at_once(body: str, *arguments: str) -> bool:
    done = interrupt(body, *arguments)
    # A call that keeps the interpreter's lock lets no other thread run at all.
    assert done.ticks >= TICKS_MIN, f"another thread ran {done.ticks} times meanwhile"
    return done.seconds < WITHIN_SECONDS


@pytest.mark.parametrize("call", CALLS)
def test_a_call_to_a_broker_that_hangs_holds_no_lock_and_is_interrupted_at_once(
    broker: tuple[str, int], call: str
) -> None:
    where, pid = broker
    body = textwrap.dedent(CONNECTED) + CALLS[call]
    # A busy machine may hold one of them up, but not all.
    for _ in range(ATTEMPTS_MAX):
        if is_interrupted_at_once(body, where, str(pid)):
            return
        os.kill(pid, signal.SIGCONT)
    pytest.fail(f"{call} was never interrupted within {WITHIN_SECONDS} s")


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_a_constructor_holds_no_lock_and_is_interrupted_at_once(
    silent: str, constructor: str
) -> None:
    for _ in range(ATTEMPTS_MAX):
        if is_interrupted_at_once(f"call(lambda: {constructor}(where))", silent):
            return
    pytest.fail(f"{constructor} was never interrupted within {WITHIN_SECONDS} s")


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_a_host_that_says_nothing_is_told_of_within_seconds(silent: str, constructor: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ottla.BrokerUnreachable) as unreachable:
        getattr(ottla, constructor.split(".")[1])(silent)
    assert time.monotonic() - begun < 10
    assert silent in str(unreachable.value)


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_every_address_that_does_not_answer_is_named_with_the_reason(
    silent: str, constructor: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = f"127.0.0.1:{listener.getsockname()[1]}"
    reasons = {
        "no-such-host.invalid:9092": "no-such-host.invalid",
        refusing: "connection refused",
        silent: "no answer yet",
    }
    begun = time.monotonic()
    with pytest.raises(ottla.BrokerUnreachable) as raised:
        getattr(ottla, constructor.removeprefix("ottla."))(",".join(reasons))
    assert time.monotonic() - begun < UNREACHABLE_SECONDS
    attempts = str(raised.value).removeprefix("no broker can be reached: ").split("; ")
    assert len(attempts) == len(reasons), attempts
    for address, reason in reasons.items():
        (attempt,) = (attempt for attempt in attempts if address in attempt)
        assert reason in attempt.lower()
