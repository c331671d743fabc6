"""The command line of the programs that produce in transactions.

`PROGRAM BOOTSTRAP TOPIC RECORDS VALUE_BYTES RECORDS_PER_TRANSACTION`; a transaction of none is no
transaction: the same loop, plain.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def run(
    plain: Callable[[str, str, int, bytes], None],
    in_transactions: Callable[[str, str, int, bytes, int], None],
) -> None:
    """Calls what the command line asks for."""
    bootstrap, topic, count_text, bytes_text, per_text = sys.argv[1:]
    count, value, per_transaction = int(count_text), b"x" * int(bytes_text), int(per_text)
    if per_transaction == 0:
        plain(bootstrap, topic, count, value)
    else:
        in_transactions(bootstrap, topic, count, value, per_transaction)
