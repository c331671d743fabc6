"""A forked child holds nothing of its parent's, and may begin anew."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

import ottla

WAIT_SECONDS = 30.0

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


class Relay:
    """Passes bytes on to a broker, and sees when a client closes its end."""

    def __init__(self, broker: ottla.Broker) -> None:
        self._target = (broker.host, broker.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.opened = 0
        self._closed = threading.Semaphore(0)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def wait_until_all_are_closed(self, seconds: float) -> None:
        for _ in range(self.opened):
            assert self._closed.acquire(timeout=seconds), "a client's connection stays open"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.opened += 1
                broker = socket.create_connection(self._target)
                threading.Thread(target=self._pass, args=(client, broker), daemon=True).start()
                threading.Thread(target=self._back, args=(broker, client), daemon=True).start()

    def _pass(self, client: socket.socket, broker: socket.socket) -> None:
        with client, broker:
            with contextlib.suppress(OSError):
                while received := client.recv(1 << 16):
                    broker.sendall(received)
            self._closed.release()
            # The other direction may be waiting for the broker.
            broker.shutdown(socket.SHUT_RDWR)

    def _back(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := broker.recv(1 << 16):
                client.sendall(received)


def in_child(function: Callable[[], object]) -> object:
    """Run a function in a forked child and return what it returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = function()
        except BaseException:  # noqa: BLE001
            result = traceback.format_exc()
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        result = pickle.load(pipe)
    assert os.waitpid(pid, 0)[1] == 0
    return result


def open_files() -> list[str]:
    files = []
    for link in Path("/proc/self/fd").iterdir():
        # The listing itself is closed by now.
        with contextlib.suppress(FileNotFoundError):
            files.append(str(link.readlink()))
    return files


def names_of_errors(calls: list[Callable[[], object]]) -> list[str]:
    names = []
    for call in calls:
        try:
            call()
            names.append("nothing")
        except Exception as error:  # noqa: BLE001
            names.append(type(error).__name__)
    return names


def test_every_handle_raises_in_a_child(ottla_broker: ottla.Broker, ottla_topic: str) -> None:
    with (
        ottla.Producer(ottla_broker) as producer,
        ottla.Consumer(ottla_broker, topics=[ottla_topic]) as consumer,
        ottla.Admin(ottla_broker) as admin,
    ):
        delivery = producer.send(ottla_topic, b"v")
        calls: list[Callable[[], object]] = [
            lambda: producer.produce(ottla_topic, b"child"),
            producer.flush,
            delivery.result,
            consumer.poll,
            admin.topics,
            ottla_broker.close,
        ]
        assert in_child(lambda: names_of_errors(calls)) == ["ForkedProcessError"] * len(calls)
        assert delivery.result(WAIT_SECONDS).offset == 0
        producer.produce(ottla_topic, b"parent")
        producer.flush(WAIT_SECONDS)
    values = [message.value for message in ottla.read(ottla_broker, ottla_topic)]
    assert values == [b"v", b"parent"]


def test_a_child_holds_no_listener_lock_or_log_file(tmp_path: Path) -> None:
    with ottla.Broker(tmp_path) as broker:
        with ottla.Producer(broker) as producer:
            producer.send("t", b"v").result(WAIT_SECONDS)
        assert any(file.startswith(str(tmp_path)) for file in open_files())
        held = in_child(open_files)
        assert isinstance(held, list)
        assert [file for file in held if file.startswith(str(tmp_path))] == []


def test_a_child_keeps_what_has_the_number_of_a_socket_of_its_parents(tmp_path: Path) -> None:
    """The parent goes on while the child looks: it may have closed a file, and have opened a socket
    that has its number.
    """
    with ottla.Broker(tmp_path) as broker:
        number = listener(broker)
        aside = os.dup(number)
        reader, writer = os.pipe()
        # The broker's epoll goes on waiting for the socket by this number.
        os.dup2(writer, number)
        try:
            kept = in_child(lambda: os.fstat(number).st_ino)
            assert kept == os.fstat(writer).st_ino
        finally:
            os.dup2(aside, number)
            for file in (aside, reader, writer):
                os.close(file)
        broker.create_topic("it-goes-on")


def listener(broker: ottla.Broker) -> int:
    """The descriptor of the socket that a broker of this process listens with."""
    port = int(broker.bootstrap_servers.rsplit(":", 1)[1])
    for link in Path("/proc/self/fd").iterdir():
        if not link.is_socket():
            continue
        with socket.socket(fileno=os.dup(int(link.name))) as copy:
            if copy.family == socket.AF_INET and copy.getsockname()[1] == port:
                return int(link.name)
    raise AssertionError("nobody listens")


def test_a_peer_sees_the_parent_close_although_a_child_lives_on(
    ottla_broker: ottla.Broker, ottla_topic: str
) -> None:
    with Relay(ottla_broker) as relay:
        clients = [
            ottla.Producer(relay.address),
            ottla.Consumer(relay.address, topics=[ottla_topic]),
            ottla.Admin(relay.address),
        ]
        # What is not ours stays open in a child, whatever watches it.
        foreign, other = socket.socketpair()
        with foreign, other, select.epoll() as watching:
            watching.register(foreign)
            go_on, wait = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(wait)
                foreign.sendall(b"from the child")
                os.read(go_on, 1)
                os._exit(0)
            try:
                assert other.recv(100) == b"from the child"
                for client in clients:
                    client.close()
                assert relay.opened >= len(clients)
                relay.wait_until_all_are_closed(WAIT_SECONDS)
            finally:
                os.close(go_on)
                os.close(wait)
                os.waitpid(pid, 0)


def test_the_port_and_the_directory_are_free_although_a_child_lives_on(tmp_path: Path) -> None:
    broker = ottla.Broker(tmp_path)
    go_on, wait = os.pipe()
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(wait)
        os.write(tell, b"!")
        os.read(go_on, 1)
        os._exit(0)
    try:
        # Before its first line of Python the child has closed what it must not hold.
        assert os.read(told, 1) == b"!"
        broker.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((broker.host, broker.port))
        with ottla.Broker(tmp_path, port=broker.port):
            pass
    finally:
        os.close(wait)
        os.waitpid(pid, 0)
        for descriptor in (go_on, told, tell):
            os.close(descriptor)


def test_a_child_may_have_a_broker_of_its_own(ottla_broker: ottla.Broker) -> None:
    def own() -> object:
        with ottla.Broker() as broker:
            with ottla.Producer(broker) as producer:
                producer.produce("t", b"of the child")
            values = [message.value for message in ottla.read(broker, "t")]
        return values, broker.port != ottla_broker.port

    assert in_child(own) == ([b"of the child"], True)


def test_a_batch_is_memory_and_stays_good(ottla_broker: ottla.Broker, ottla_topic: str) -> None:
    with ottla.Producer(ottla_broker) as producer:
        producer.produce(ottla_topic, b"v")
    batch = ottla.read(ottla_broker, ottla_topic)
    assert in_child(lambda: [message.value for message in batch]) == [b"v"]
