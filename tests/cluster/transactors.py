"""The libraries whose transactions a program of the tests can be told to use, by name."""

from __future__ import annotations

from clients.aiokafka_transactor import AioKafkaTransactor
from clients.confluent_transactor import ConfluentTransactor
from clients.kafka_python_transactor import KafkaPythonTransactor
from clients.ottla_transactor import OttlaTransactor
from clients.transactor import Transactor

TRANSACTORS: dict[str, type[Transactor]] = {
    kind.__name__: kind
    for kind in (AioKafkaTransactor, ConfluentTransactor, KafkaPythonTransactor, OttlaTransactor)
}
