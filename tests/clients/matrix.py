"""Which clients a test runs with: all that have the abilities it asks for, none is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from clients.aiokafka_client import AioKafkaClient
from clients.confluent_client import ConfluentClient
from clients.foreign_client import Ability, ForeignClient
from clients.kafka_python_client import KafkaPythonClient
from interop.franz_go_client import FranzGoClient
from interop.java_client import JavaClient
from interop.kafkajs_client import KafkaJsClient
from interop.kcat_client import KcatClient

FROM_PYPI: tuple[type[ForeignClient], ...] = (ConfluentClient, AioKafkaClient, KafkaPythonClient)
FROM_ELSEWHERE: tuple[type[ForeignClient], ...] = (
    KcatClient,
    FranzGoClient,
    JavaClient,
    KafkaJsClient,
)
"""These need more than Rust and Python: their tests carry the mark `interop`."""


def with_clients(*abilities: Ability) -> pytest.MarkDecorator:
    """Runs the test once with each client that can do all of it."""
    return pytest.mark.parametrize(
        "client", [_param(client) for client in able(abilities)], indirect=True
    )


def with_clients_and(
    argument: str, choices: Callable[[type[ForeignClient]], Iterable[object]], *abilities: Ability
) -> pytest.MarkDecorator:
    """The same, times what each client has to choose from."""
    pairs = [_param(client, choice) for client in able(abilities) for choice in choices(client)]
    return pytest.mark.parametrize(("client", argument), pairs, indirect=["client"])


def able(abilities: Iterable[Ability]) -> list[type[ForeignClient]]:
    wanted = set(abilities)
    return [client for client in FROM_PYPI + FROM_ELSEWHERE if wanted <= client.abilities]


def _param(client: type[ForeignClient], *choice: object) -> object:
    marks = [pytest.mark.interop] if client in FROM_ELSEWHERE else []
    label = "-".join([client.name, *(_label(part) for part in choice)])
    return pytest.param(client, *choice, marks=marks, id=label)


def _label(choice: object) -> str:
    return "-".join(map(str, choice)) if isinstance(choice, tuple) else str(choice)
