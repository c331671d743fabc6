"""The broker under test: ours by default, Apache Kafka to prove the tests, or one that runs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient, UpdateFeatureType

from interop import kafka

STOP_SECONDS = 30.0
VARIABLE = "OTTLA_TEST_BOOTSTRAP"
# As for Kafka: groups do not wait for members that do not come, and hear of changes soon; logs are
# compacted soon.
OVERRIDES = [
    argument for key, value in kafka.PROMPT.items() for argument in ("--override", f"{key}={value}")
]


@dataclass(frozen=True)
class Broker:
    """Where a broker listens, and where its logs lie if it was started here."""

    bootstrap: str
    data_dir: Path | None


@contextlib.contextmanager
def broker_under_test(scratch: Path) -> Iterator[Broker]:
    """Ours, unless the variable says `kafka` or names a running broker as `host:port`."""
    wanted = os.environ.get(VARIABLE)
    if wanted in (None, "kafka"):
        with own_broker(scratch) as broker:
            yield broker
    else:
        yield Broker(wanted, None)


@contextlib.contextmanager
def own_broker(scratch: Path) -> Iterator[Broker]:
    """A broker that nobody else uses and that ends with the block."""
    data_dir = scratch / "data"
    starting = kafka.running if os.environ.get(VARIABLE) == "kafka" else running_ottla
    with starting(data_dir) as bootstrap:
        yield Broker(bootstrap, data_dir)


@contextlib.contextmanager
def transaction_version(broker: Broker, level: int) -> Iterator[None]:
    """Has the cluster speak an older protocol of transactions while the block lasts (KIP-890)."""
    feature = "transaction.version"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        _, newest = admin.describe_features()[feature]["finalized"]
        admin.update_features({feature: (UpdateFeatureType.SAFE_DOWNGRADE, level)})
        # A cluster that is at level 0 does not say so.
        _, now = admin.describe_features()[feature].get("finalized", (0, 0))
        assert now == level
        yield
        admin.update_features({feature: (UpdateFeatureType.UPGRADE, newest)})
    finally:
        admin.close()


@contextlib.contextmanager
def running_ottla(data_dir: Path) -> Iterator[str]:
    """`ottla broker` as a process of its own, which must end well when it is asked to."""
    port = kafka.free_port()
    bootstrap = f"127.0.0.1:{port}"
    # The command lies beside the interpreter that the wheel was installed for.
    command = [str(Path(sys.executable).with_name("ottla")), "broker"]
    log = data_dir.with_suffix(".log")
    with log.open("w") as output:
        broker = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), "--listen", bootstrap, *OVERRIDES],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        kafka.await_port(broker, port, log)
        yield bootstrap
    except BaseException:
        broker.kill()
        broker.wait()
        raise
    broker.terminate()
    assert broker.wait(timeout=STOP_SECONDS) == 0, log.read_text()[-4000:]
