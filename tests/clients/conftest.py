"""Fixtures of the suite: one broker a session, each client once a session, a topic a test."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from clients.broker import Broker, broker_under_test, transaction_version
from clients.confluent_client import ConfluentClient
from clients.foreign_client import WAIT_SECONDS, ForeignClient
from clients.protocol import FetchFailed, fetch_batches

UNLED = {3, 6}
"""UNKNOWN_TOPIC_OR_PARTITION and NOT_LEADER_OR_FOLLOWER."""


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """One that has all that is new, unless a test asks for a level of `transaction.version`."""
    level: int | None = getattr(request, "param", None)
    with (
        broker_under_test(tmp_path_factory.mktemp("broker")) as running,
        contextlib.nullcontext() if level is None else transaction_version(running, level),
    ):
        yield running


@pytest.fixture(scope="session")
def started_clients(broker: Broker) -> Iterator[Callable[[type[ForeignClient]], ForeignClient]]:
    """Starts each client when its first test comes: some are processes that take a second."""
    started: dict[type[ForeignClient], ForeignClient] = {}
    with ExitStack() as stack:

        def start(kind: type[ForeignClient]) -> ForeignClient:
            if kind not in started:
                started[kind] = stack.enter_context(closing(kind(broker.bootstrap)))
            return started[kind]

        yield start


@pytest.fixture
def client(
    request: pytest.FixtureRequest,
    started_clients: Callable[[type[ForeignClient]], ForeignClient],
) -> ForeignClient:
    return started_clients(request.param)


@pytest.fixture(scope="session")
def reference(
    started_clients: Callable[[type[ForeignClient]], ForeignClient],
) -> ForeignClient:
    """The client that sets the scene and looks at the outcome when another one is tested."""
    return started_clients(ConfluentClient)


@pytest.fixture
def topic_name() -> str:
    """A name that no other test has; the topic does not exist yet."""
    return f"suite-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topic(broker: Broker, reference: ForeignClient, topic_name: str) -> str:
    """A fresh topic of one partition, which keeps records of any age."""
    reference.create_topic(topic_name, 1, {"retention.ms": "-1"})
    await_leader(broker, topic_name)
    return topic_name


def await_leader(broker: Broker, topic: str) -> None:
    """A topic is created before its partitions are led: until then they answer with an error."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fetch_batches(broker.bootstrap, topic, 0, wait_ms_max=0)
        except FetchFailed as failure:
            if failure.code not in UNLED or time.monotonic() > deadline:
                raise
        else:
            return
