"""From `import ottla` to the first record on the disk, in this process.

`first_acknowledgement DATA_DIR TOPIC`
"""

import time

STARTED = time.perf_counter()

# Before all else, so that what it imports itself is counted.
import ottla  # noqa: E402, I001

import json  # noqa: E402
import sys  # noqa: E402

DELIVERY_SECONDS = 60.0


def main() -> None:
    data_dir, topic = sys.argv[1:]
    with ottla.Broker(data_dir) as broker:
        listening = time.perf_counter()
        with ottla.Producer(broker) as producer:
            producer.send(topic, b"first").result(DELIVERY_SECONDS)
            acknowledged = time.perf_counter()
    figures = {
        "until it listens, ms": (listening - STARTED) * 1e3,
        "until the record is acknowledged, ms": (acknowledged - STARTED) * 1e3,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
