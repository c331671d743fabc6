"""A bank's clerk as a process, which may be killed: each transaction takes an amount from one
account and pays it into another, or is aborted halfway. Accounts are partitions. SIGTERM ends it
after a transaction.

`python -m cluster.banker KIND BOOTSTRAP TRANSACTIONAL_ID TOPIC ACCOUNTS PROCESS FILE`
"""

from __future__ import annotations

import random
import signal
import sys
import threading
from pathlib import Path

from clients.transactor import Transactor
from cluster.history import History
from cluster.stuck import progress_expected
from cluster.transactors import TRANSACTORS

AMOUNT_MAX = 100
ABORTED_OF_TEN = 2


def main() -> None:
    kind, bootstrap, transactional_id, topic, accounts, process, path = sys.argv[1:]
    leaving = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    rng = random.Random(f"{transactional_id} {process}")
    with (
        History(Path(path), int(process)) as history,
        TRANSACTORS[kind](bootstrap, transactional_id, None) as transactor,
    ):
        number = 0
        while not leaving.is_set():
            with progress_expected():
                transact(transactor, history, rng, (topic, int(accounts)), f"{process}/{number}")
            number += 1


def transact(
    transactor: Transactor,
    history: History,
    rng: random.Random,
    accounts: tuple[str, int],
    name: str,
) -> None:
    """Of so many accounts of a topic."""
    topic, count = accounts
    history.did("begin", transactor.begin)
    for account, value in transfer(rng, count, name):
        history.invoke({"send": {"partition": f"{topic}-{account}", "value": value}})
        transactor.produce(topic, value.encode(), account)
    if rng.randrange(10) < ABORTED_OF_TEN:
        history.did("abort", transactor.abort)
    else:
        history.did("commit", transactor.commit)


def transfer(rng: random.Random, accounts: int, name: str) -> list[tuple[int, str]]:
    """Two accounts, and the record for each: whose it is, and what is paid in there."""
    payer, payee = rng.sample(range(accounts), 2)
    amount = rng.randint(1, AMOUNT_MAX)
    return [(payer, f"{name} {-amount:+}"), (payee, f"{name} {amount:+}")]


if __name__ == "__main__":
    main()
