"""The life of one broker process: how it starts, whom it refuses, and how it stops."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, read, write
from interop.kafka import free_port

IDLE_SECONDS = 4.0
GOLDEN = Path(__file__).parents[1] / "golden"
VALUES = [str(number).encode() for number in range(1_000)]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order_and_the_next_start_finds_everything(
    tmp_path: Path, by: signal.Signals
) -> None:
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        write(broker.bootstrap, "t", VALUES)
        broker.stop(by)
        assert (broker.data_dir / ".kafka_cleanshutdown").exists()
        assert "stopped" in broker.output()
        broker.start()
        assert not (broker.data_dir / ".kafka_cleanshutdown").exists()
        assert read(broker.bootstrap, "t") == VALUES
        broker.stop()


def test_a_second_broker_on_the_directory_is_refused_with_the_first_ones_pid(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "data"
    with OttlaProcess(data_dir) as broker:
        create_topic(broker.bootstrap, "t")
        write(broker.bootstrap, "t", VALUES)
        refusal = OttlaProcess(data_dir, log=tmp_path / "second.log").start_refused()
        assert str(broker.pid) in refusal
        assert str(data_dir) in refusal
        # The first one has not noticed.
        assert read(broker.bootstrap, "t") == VALUES
        broker.stop()


def test_a_killed_brokers_lock_dies_with_it(tmp_path: Path) -> None:
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        write(broker.bootstrap, "t", VALUES)
        for _ in range(3):
            broker.kill()
            broker.start()
        assert read(broker.bootstrap, "t") == VALUES
        broker.stop()


def test_the_properties_file_that_kafka_ships_starts(tmp_path: Path) -> None:
    port, controller_port = free_port(), free_port()
    # Only the ports and the directory are ours.
    stock = (GOLDEN / "config" / "server.properties").read_text()
    stock = stock.replace(":9092", f":{port}").replace(":9093", f":{controller_port}")
    stock = stock.replace("/tmp/kraft-combined-logs", str(tmp_path / "data"))
    config = tmp_path / "server.properties"
    config.write_text(stock)
    with OttlaProcess(tmp_path / "data", config=config) as broker:
        bootstrap = f"localhost:{port}"
        write(bootstrap, "made-by-being-asked-for", VALUES)
        assert read(bootstrap, "made-by-being-asked-for") == VALUES
        assert (tmp_path / "data" / "made-by-being-asked-for-0").is_dir()
        assert "WARN controller.quorum.bootstrap.servers=" in broker.output()
        broker.stop()


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("compression.type=zstd", "compression.type"),
        ("num.partitions=many", "num.partitions"),
        ("node.id", "node.id"),
    ],
)
def test_a_setting_that_cannot_be_ends_the_start_naming_it(
    tmp_path: Path, override: str, named: str
) -> None:
    ottla = Path(sys.executable).with_name("ottla")
    arguments = ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    refused = subprocess.run(
        [ottla, "broker", *arguments, "--override", override],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert named in refused.stdout + refused.stderr


def test_a_poll_that_waits_costs_no_cpu(tmp_path: Path) -> None:
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        poll = {"fetch.wait.max.ms": 20_000, "topic.metadata.refresh.interval.ms": -1}
        group = {"group.id": "unused", "enable.auto.commit": False}
        consumer = Consumer({"bootstrap.servers": broker.bootstrap, **group, **poll})
        consumer.assign([TopicPartition("t", 0, 0)])
        # Time to connect and to send the fetch that then waits.
        consumer.poll(1.0)
        before = broker.cpu_seconds()
        assert consumer.poll(IDLE_SECONDS) is None
        spent = broker.cpu_seconds() - before
        assert spent <= IDLE_SECONDS / 100, f"{spent} s of CPU in {IDLE_SECONDS} s"
        consumer.close()
        broker.stop()


def test_a_bad_request_is_one_line_in_the_log_and_costs_one_connection(tmp_path: Path) -> None:
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        host, port = broker.bootstrap.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=WAIT_SECONDS) as stranger:
            peer = "{}:{}".format(*stranger.getsockname())
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert stranger.recv(1) == b""
        write(broker.bootstrap, "t", VALUES)
        assert read(broker.bootstrap, "t") == VALUES
        broker.stop()
        lines = [line for line in broker.output().splitlines() if peer in line]
        assert len(lines) == 1, lines
        assert " WARN " in lines[0]
