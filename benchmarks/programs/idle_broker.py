"""The memory that `import ottla` and an idle broker add to this process.

`idle_broker DATA_DIR`
"""

import json
import os
import sys
import time

from benchmarks.process import pss_mebibytes

SETTLE_SECONDS = 2.0


def main() -> None:
    (data_dir,) = sys.argv[1:]
    bare = pss_mebibytes(os.getpid())
    import ottla  # noqa: PLC0415

    # Modules are imported when their first name is used.
    start = ottla.Broker
    imported = pss_mebibytes(os.getpid())
    with start(data_dir):
        time.sleep(SETTLE_SECONDS)
        idle = pss_mebibytes(os.getpid())
    figures = {
        "of the interpreter before, MiB": bare,
        "added by the import, MiB": imported - bare,
        "added by import and broker, MiB": idle - bare,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
