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

from cluster.history import History
from cluster.stuck import expect_progress
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
            expect_progress()
            history.did("begin", transactor.begin)
            for account, value in transfer(rng, int(accounts), f"{process}/{number}"):
                history.invoke({"send": {"partition": f"{topic}-{account}", "value": value}})
                transactor.produce(topic, value.encode(), account)
            if rng.randrange(10) < ABORTED_OF_TEN:
                history.did("abort", transactor.abort)
            else:
                history.did("commit", transactor.commit)
            number += 1


def transfer(rng: random.Random, accounts: int, name: str) -> list[tuple[int, str]]:
    """Two accounts, and the record for each: whose it is, and what is paid in there."""
    payer, payee = rng.sample(range(accounts), 2)
    amount = rng.randint(1, AMOUNT_MAX)
    return [(payer, f"{name} {-amount:+}"), (payee, f"{name} {amount:+}")]


if __name__ == "__main__":
    main()
