"""The address that clients are told, when the one that they reach is a port forward's."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka.admin import AdminClient

from cluster.ottla_process import OttlaProcess
from cluster.port_forward import port_forward
from cluster.records import WAIT_SECONDS, create_topic, read, write
from interop.kafka import free_port

VALUES = [str(number).encode() for number in range(100)]


def told_addresses(bootstrap: str) -> set[str]:
    metadata = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=WAIT_SECONDS)
    return {f"{broker.host}:{broker.port}" for broker in metadata.brokers.values()}


def test_unset_the_client_is_told_the_socket_that_was_reached(tmp_path: Path) -> None:
    with (
        OttlaProcess(tmp_path / "data") as broker,
        port_forward(broker.bootstrap) as forwarded,
    ):
        assert told_addresses(broker.bootstrap) == {broker.bootstrap}
        # A broker cannot see a forward in front of it: this is why the setting exists.
        assert told_addresses(forwarded) == {broker.bootstrap}
        broker.stop()


def test_set_every_client_is_told_the_forward_and_works_through_it(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    with (
        port_forward(listen) as forwarded,
        OttlaProcess(
            tmp_path / "data",
            listen=listen,
            overrides={"advertised.listeners": f"PLAINTEXT://{forwarded}"},
        ) as broker,
    ):
        assert told_addresses(listen) == {forwarded}
        create_topic(forwarded, "t")
        write(forwarded, "t", VALUES)
        assert read(forwarded, "t") == VALUES
        broker.stop()
