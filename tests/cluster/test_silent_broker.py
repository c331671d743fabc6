"""A broker that takes what is sent and says nothing: what a producer is told of its records."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import ottla
from cluster.ottla_process import OttlaProcess
from cluster.records import WAIT_SECONDS, create_topic, read


def test_a_record_that_a_silent_broker_may_have_is_in_doubt_and_the_producer_goes_on(
    tmp_path: Path,
) -> None:
    impatient = {"request.timeout.ms": 500, "delivery.timeout.ms": 1000}
    with OttlaProcess(tmp_path / "data") as broker:
        create_topic(broker.bootstrap, "t")
        with ottla.Producer(broker.bootstrap, config=impatient) as producer:
            producer.send("t", b"before").result(WAIT_SECONDS)
            os.kill(broker.pid, signal.SIGSTOP)
            delivery = producer.send("t", b"in doubt")
            with pytest.raises(ottla.DeliveryInDoubt, match="it may be in the log"):
                delivery.result(WAIT_SECONDS)
            os.kill(broker.pid, signal.SIGCONT)
            with pytest.raises(ottla.DeliveryFailed):
                producer.flush(WAIT_SECONDS)
            producer.send("t", b"after").result(WAIT_SECONDS)
        values = read(broker.bootstrap, "t")
        assert values in ([b"before", b"after"], [b"before", b"in doubt", b"after"])
        broker.stop()
