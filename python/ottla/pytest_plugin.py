"""Fixtures for tests that need a Kafka broker: a real one, in the test process, and fresh topics.

Installed with the package. Under pytest-xdist every worker has a broker of its own.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ottla.broker import Broker

_NAME_LENGTH_MAX = 100


@pytest.fixture(scope="session")
def ottla_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Return a durable broker that lives as long as the session."""
    from ottla.broker import Broker  # noqa: PLC0415

    with Broker(tmp_path_factory.mktemp("ottla") / "data") as broker:
        yield broker


@pytest.fixture
def ottla_topic(ottla_broker: Broker, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a topic of one partition that no other test has, and that is deleted afterwards."""
    from ottla.admin import Admin  # noqa: PLC0415
    from ottla.errors import UnknownTopicError  # noqa: PLC0415

    name = re.sub(r"[^A-Za-z0-9._-]", "_", request.node.name)[:_NAME_LENGTH_MAX]
    topic = f"{name}-{uuid.uuid4().hex[:8]}"
    with Admin(ottla_broker) as admin:
        # A test may send records of any age.
        admin.create_topic(topic, partitions=1, retention_ms=-1)
        yield topic
        with contextlib.suppress(UnknownTopicError):  # the test has deleted it itself
            admin.delete_topic(topic)
