"""What a program leaves open is closed in order when its interpreter ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import ottla


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_producer_that_is_forgotten_delivers(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    script = """
        import sys, ottla
        producer = ottla.Producer(sys.argv[1], linger_ms=60_000)
        for number in range(1000):
            producer.produce(sys.argv[2], str(number))
    """
    ended = run(script, ottla_broker.bootstrap_servers, ottla_topic)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ottla.read(ottla_broker, ottla_topic)) == 1000


def test_a_producer_that_goes_out_of_scope_delivers(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    script = """
        import sys, ottla
        def send():
            ottla.Producer(sys.argv[1], linger_ms=60_000).produce(sys.argv[2], b"v")
        send()
    """
    ended = run(script, ottla_broker.bootstrap_servers, ottla_topic)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ottla.read(ottla_broker, ottla_topic)) == 1


def test_what_cannot_be_delivered_at_the_end_is_told_with_counts(tmp_path: Path) -> None:
    script = """
        import sys, ottla
        broker = ottla.Broker(sys.argv[1])
        producer = ottla.Producer(broker, linger_ms=60_000)
        producer.partitions("t")
        broker.close()
        for number in range(7):
            producer.produce("t", b"v")
    """
    ended = run(script, str(tmp_path))
    assert ended.returncode == 0
    assert "7 failed" in ended.stderr or "7 pending" in ended.stderr
    assert "t-0" in ended.stderr


def test_what_a_producer_out_of_scope_cannot_deliver_is_logged(tmp_path: Path) -> None:
    script = """
        import sys, ottla
        def send():
            broker = ottla.Broker(sys.argv[1])
            producer = ottla.Producer(broker, linger_ms=60_000)
            producer.partitions("t")
            broker.close()
            for number in range(7):
                producer.produce("t", b"v")
        send()
    """
    ended = run(script, str(tmp_path))
    assert ended.returncode == 0
    assert "given up without being closed" in ended.stderr
    assert "7 failed" in ended.stderr or "7 pending" in ended.stderr


def test_a_broker_that_is_forgotten_stops_in_order(tmp_path: Path) -> None:
    script = """
        import sys, ottla
        broker = ottla.Broker(sys.argv[1])
        producer = ottla.Producer(broker)
        producer.produce("t", b"v")
    """
    ended = run(script, str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    with ottla.Broker(tmp_path) as broker:
        assert len(ottla.read(broker, "t")) == 1


def test_callbacks_run_before_the_interpreter_ends(tmp_path: Path) -> None:
    script = """
        import sys, ottla
        broker = ottla.Broker(sys.argv[1])
        producer = ottla.Producer(broker, linger_ms=60_000)
        producer.produce("t", b"v", on_delivery=lambda delivery: print(delivery.offset))
    """
    ended = run(script, str(tmp_path))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0\n", "")
