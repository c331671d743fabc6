"""Transactions: records/s of a producer that commits often, against the same loop without them.

One partition, records of 100 B, each client a process of its own on the same Ottla broker
(durability `disk`, a new topic each run), and confluent-kafka on Apache Kafka beside it, which
acknowledges from the page cache. A transaction is committed before the next begins; the plain loop
waits once, at its end. The clock covers the loop, not the connection nor `init_transactions`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from benchmarks import brokers, page_cache, program
from benchmarks.brokers import Broker
from benchmarks.scenario import Measured, Run, Scenario, Sides, Size, Target, Verdict, at_least

RECORDS, SMALL_TRANSACTIONS = 2_000_000, 5_000
VALUE_BYTES = 100
PLAIN, ONE, MANY = 0, 1, 1_000
SHARE, RATE = 0.85, 1_000
FIGURE = "records/s"
OURS, FOREIGN, KAFKA = "Ottla", "confluent-kafka", "confluent-kafka on Kafka"


def _by(who: str, per_transaction: int) -> str:
    return who + (f", transactions of {per_transaction:,}" if per_transaction else ", plain")


@contextlib.contextmanager
def sides(size: Size) -> Iterator[Sides]:
    many, some = size.count(RECORDS) // MANY * MANY, size.count(SMALL_TRANSACTIONS)
    page_cache.warm(size.scratch, 3 * many * VALUE_BYTES)
    with brokers.both(size.scratch, durability="disk") as (ours, kafka):
        yield {
            _by(who, per): _side(broker, name, some if per == ONE else max(many, MANY), per)
            for who, broker, name in (
                (OURS, ours, "transact_ottla"),
                (FOREIGN, ours, "transact_confluent"),
                (KAFKA, kafka, "transact_confluent"),
            )
            for per in (PLAIN, MANY, ONE)
        }


def _side(broker: Broker, name: str, records: int, per_transaction: int) -> Run:
    def run() -> dict[str, float]:
        with brokers.fresh_topic(broker) as topic:
            place = [broker.bootstrap, topic, records, VALUE_BYTES]
            before = broker.cpu_seconds()
            figures = program.run(name, *place, per_transaction)
            used = broker.cpu_seconds() - before
        return {**figures, "broker CPU, us a record": used / records * 1e6}

    return run


def _share() -> Callable[[Measured], Verdict]:
    def judge(measured: Measured) -> Verdict:
        ratio = measured.ratio(FIGURE, _by(OURS, MANY), _by(OURS, PLAIN))
        return Verdict(f"{ratio:.3g} of the plain rate", ratio >= SHARE)

    return judge


SCENARIO = Scenario(
    name="transactions",
    description=__doc__,
    targets=[
        Target(f"transactions of {MANY:,} records", f"{SHARE} of the plain rate", _share()),
        Target(
            "transactions of 1 record, synced",
            f"{RATE:,} a second",
            at_least(FIGURE, _by(OURS, ONE), RATE, "a second"),
        ),
    ],
    sides=sides,
)
