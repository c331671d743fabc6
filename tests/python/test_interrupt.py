"""Ctrl-C ends every blocking call against a host that does not answer, at once."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ottla

WITHIN_SECONDS = 0.1
ATTEMPTS_MAX = 5
START_SECONDS = 60.0

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
    "produce to a new topic": 'call(lambda: producer.produce("new", b"v"))',
    "write": 'call(lambda: producer.write(frame, "t"))',
    "partitions": 'call(lambda: producer.partitions("new"))',
    "poll": "call(consumer.poll)",
    "iterate": "call(lambda: next(iter(consumer)))",
    "batches": "call(lambda: next(consumer.batches()))",
    "end offsets": "call(consumer.end_offsets)",
    "offsets for a time": 'call(lambda: consumer.offsets_for_time("-1m"))',
    "list topics": "call(admin.topics)",
    "create a topic": 'call(lambda: admin.create_topic("new"))',
    "configs": 'call(lambda: admin.configs("t"))',
    "delete records": 'call(lambda: admin.delete_records({("t", 0): 1}))',
}

CONSTRUCTORS = ["ottla.Producer", "ottla.Consumer", "ottla.Admin"]

SCRIPT = """
import os, signal, sys, time
import pyarrow as pa
import ottla

where = sys.argv[1]

def freeze():
    os.kill(int(sys.argv[2]), signal.SIGSTOP)

def call(function):
    print("calling", flush=True)
    try:
        function()
        print("returned", flush=True)
    except KeyboardInterrupt:
        print(time.monotonic(), flush=True)
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


def interrupted_after(body: str, *arguments: str) -> float:
    script = SCRIPT + textwrap.dedent(body)
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "calling\n"
        time.sleep(0.3)  # into the call
        sent_at = time.monotonic()
        process.send_signal(signal.SIGINT)
        answer = process.stdout.readline().strip()
        assert process.wait(START_SECONDS) == 0
    assert answer.replace(".", "").isdigit(), f"the call was not interrupted: {answer}"
    return float(answer) - sent_at


@pytest.mark.parametrize("call", CALLS)
def test_a_call_to_a_broker_that_hangs_is_interrupted(broker: tuple[str, int], call: str) -> None:
    where, pid = broker
    assert interrupted_after(textwrap.dedent(CONNECTED) + CALLS[call], where, str(pid)) < 1


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_a_constructor_is_interrupted_within_a_tenth_of_a_second(
    silent: str, constructor: str
) -> None:
    # A busy machine may hold one of them up, but not all.
    for _ in range(ATTEMPTS_MAX):
        if interrupted_after(f"call(lambda: {constructor}(where))", silent) < WITHIN_SECONDS:
            return
    pytest.fail(f"{constructor} was never interrupted within {WITHIN_SECONDS} s")


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_a_host_that_says_nothing_is_told_of_within_seconds(silent: str, constructor: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ottla.BrokerUnreachable) as unreachable:
        getattr(ottla, constructor.split(".")[1])(silent)
    assert time.monotonic() - begun < 10
    assert silent in str(unreachable.value)
