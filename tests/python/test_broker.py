"""A broker's life in the Python process: start, two at once, stop, start again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ottla


def test_a_broker_without_a_directory_leaves_nothing_behind() -> None:
    with ottla.Broker() as broker:
        data_dir = Path(broker.data_dir)
        assert data_dir.is_dir()
        assert data_dir.stat().st_mode & 0o077 == 0, "nobody else may look into it"
    assert not data_dir.exists()


def test_a_closed_broker_listens_no_more_and_closes_twice() -> None:
    broker = ottla.Broker()
    with socket.create_connection((broker.host, broker.port)):
        pass
    broker.close()
    broker.close()
    assert broker.is_closed
    assert "closed" in repr(broker)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, broker.port))


def test_two_brokers_in_one_process_know_nothing_of_each_other() -> None:
    with ottla.Broker() as one, ottla.Broker() as other:
        assert one.port != other.port
        assert one.cluster_id != other.cluster_id
        one.create_topic("only-here")
        with ottla.Admin(one) as of_one, ottla.Admin(other) as of_other:
            assert of_one.topics() == {"only-here": 1}
            assert of_other.topics() == {}


def test_records_are_there_when_the_directory_is_opened_again(tmp_path: Path) -> None:
    with ottla.Broker(tmp_path / "data") as broker:
        cluster_id = broker.cluster_id
        broker.create_topic("kept", partitions=2, retention_ms=-1)
        with ottla.Producer(broker) as producer:
            for number in range(10):
                producer.produce("kept", str(number), partition=number % 2)
    with ottla.Broker(tmp_path / "data") as broker:
        assert broker.cluster_id == cluster_id
        values = sorted(int(message.value or b"") for message in ottla.read(broker, "kept"))
        assert values == list(range(10))


def test_a_directory_in_use_is_refused_with_the_pid_of_its_holder(tmp_path: Path) -> None:
    with ottla.Broker(tmp_path), pytest.raises(ottla.BrokerStartError) as refused:
        ottla.Broker(tmp_path)
    assert str(os.getpid()) in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def test_a_place_where_no_temporary_directory_can_be_is_named() -> None:
    script = "import ottla; ottla.Broker()"
    environment = {**os.environ, "TMPDIR": "/proc/nowhere"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert "BrokerStartError" in run.stderr
    assert "/proc/nowhere/ottla-" in run.stderr
    assert "TMPDIR" in run.stderr


def test_the_command_runs_in_a_process_that_has_had_a_broker(tmp_path: Path) -> None:
    # Whoever logs first has set the subscriber of the process.
    script = """
import sys
import ottla
from ottla import command
ottla.Broker().close()
sys.argv = ["ottla", "broker", "--override", "=x"]
sys.exit(command.main())
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "is not of the form KEY=VALUE" in run.stderr
    assert "panicked" not in run.stderr


def test_a_port_in_use_is_refused_by_name() -> None:
    with ottla.Broker() as broker, pytest.raises(ottla.BrokerStartError) as refused:
        ottla.Broker(port=broker.port)
    assert str(refused.value).count("cannot listen on") == 1
    assert str(broker.port) in str(refused.value)


def test_an_unknown_key_names_its_neighbour() -> None:
    with pytest.raises(ottla.ConfigError, match="did you mean `auto_create_topics_enable`"):
        ottla.Broker(auto_create_topic_enable=False)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dat_dir", ": did you mean `data_dir`?"),
        ("durabilty", ": did you mean `durability`?"),
        ("num_partition", ": did you mean `num_partitions`?"),
        ("colour", ""),
    ],
)
def test_a_misspelt_keyword_is_told_as_it_was_typed(typed: str, hint: str) -> None:
    with pytest.raises(ottla.ConfigError) as refused:
        ottla.Broker(**{typed: "x"})  # type: ignore[arg-type]
    assert str(refused.value) == f"the broker knows no key `{typed}`{hint}"


def test_a_key_of_a_dictionary_keeps_its_dots() -> None:
    with pytest.raises(ottla.ConfigError) as refused:
        ottla.Broker(config={"num.partition": 2})
    assert str(refused.value).endswith("`num.partition`: did you mean `num.partitions`?")


@pytest.mark.parametrize("wrong", [[1], "num.partitions", 7, {1: 2}])
def test_a_configuration_that_is_none_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(TypeError, match="config"):
        ottla.Broker(config=wrong)  # type: ignore[arg-type]


def test_a_value_that_cannot_be_names_its_key() -> None:
    with pytest.raises(ottla.ConfigError, match=r"num\.partitions"):
        ottla.Broker(num_partitions="many")
    with pytest.raises(ValueError, match=r"ottla\.durability"):
        ottla.Broker(durability="forever")


def test_a_key_that_only_tunes_is_accepted_with_a_warning() -> None:
    with (
        pytest.warns(ottla.ConfigWarning, match=r"num\.io\.threads") as warned,
        ottla.Broker(num_io_threads=4),
    ):
        pass
    assert warned[0].filename == __file__


def test_a_dictionary_of_dotted_keys_is_as_good_as_keywords() -> None:
    with ottla.Broker(config={"num.partitions": 2}) as broker, ottla.Admin(broker) as admin:
        broker.create_topic("dotted")
        broker.create_topic("wider", partitions=5)
        assert admin.topics() == {"dotted": 2, "wider": 5}


def test_a_broker_creates_topics_as_an_admin_client_does() -> None:
    with ottla.Broker() as broker, ottla.Admin(broker) as admin:
        broker.create_topic("one", 2, replication_factor=1, durability="os")
        assert admin.configs("one")["ottla.durability"].value == "os"
        assert admin.topics() == {"one": 2}
        broker.create_topic("two", validate_only=True)
        assert admin.topics() == {"one": 2}
        with pytest.raises(ottla.OttlaError) as refused:
            broker.create_topic("three", replication_factor=3)
        assert refused.value.name == "INVALID_REPLICATION_FACTOR"


@pytest.mark.parametrize("durability", ["memory", "os", "disk"])
def test_every_durability_serves_what_it_took(durability: str) -> None:
    with ottla.Broker(durability=durability) as broker:
        with ottla.Producer(broker) as producer:
            assert producer.send("t", b"v").result(timeout=20).offset == 0
        assert [message.value for message in ottla.read(broker, "t")] == [b"v"]


def test_a_closed_broker_is_not_reached() -> None:
    with ottla.Broker() as broker:
        pass
    with pytest.raises(ottla.BrokerUnreachable) as unreachable:
        ottla.Producer(broker)
    assert broker.bootstrap_servers in str(unreachable.value)
    assert unreachable.value.retriable


def test_a_broker_counts_rebalances_and_compactions() -> None:
    with ottla.Broker(log_cleaner_backoff_ms=10) as broker:
        idle = broker.metrics()
        assert idle.keys() == ottla.BrokerMetrics.__annotations__.keys()
        assert {type(value) for value in idle.values()} == {int, float}
        alive = {"free_request_bytes", "cleaner_time_since_last_run_ms"}
        assert {name for name, value in idle.items() if value} <= alive
        assert idle["free_request_bytes"] > 0

        broker.create_topic("prices", cleanup_policy="compact", segment_bytes=1 << 20)
        with ottla.Producer(broker) as producer:
            for _ in range(30):
                producer.send("prices", bytes(100_000), key=b"the only one").result(timeout=10)
        with ottla.Consumer(broker, group="readers", topics="prices") as consumer:
            while not consumer.assignment:
                consumer.poll(timeout=0.05)
        while broker.metrics()["cleaner_cleaning_total"] == 0:
            time.sleep(0.01)
        busy = broker.metrics()
    assert busy["rebalance_total"] >= 1
    assert busy["rebalance_seconds_total"] >= busy["rebalance_seconds_max"]
    assert busy["rebalance_cause_joined_total"] == 1
    assert busy["cleaner_bytes_read_total"] > 2_000_000 > busy["cleaner_bytes_written_total"] > 0
    assert 0 < busy["cleaner_recopy_percent"] < 50
    assert busy["cleaner_map_bytes_max"] > 0
    assert busy["cleaner_uncleanable_partitions_count"] == 0
    assert busy["cleaner_time_since_last_run_ms"] >= 0
    with pytest.raises(ottla.ClosedError):
        broker.metrics()


def test_a_broker_explains_its_groups() -> None:
    with ottla.Broker() as broker:
        assert "no such group" in broker.explain("readers")
        broker.create_topic("orders")
        with ottla.Consumer(broker, group="readers", topics="orders") as consumer:
            explained = ""
            while "Stable" not in explained:
                consumer.poll(timeout=0.05)
                explained = broker.explain("readers")
            assert explained.startswith("group readers: classic, Stable, generation 1")
            assert "joined" in explained
    with pytest.raises(ottla.ClosedError):
        broker.explain("readers")
