"""One cluster for all tests; each test has topics of its own in it."""

import os
import signal

import pytest

from group import CONFIG
from sim import CODECS, PARTITIONS, Sim, binary


@pytest.fixture(scope="session")
def bootstrap():
    """The bootstrap list of three brokers. KAFKA_SIM_BOOTSTRAP names a server that is already up."""
    running = os.environ.get("KAFKA_SIM_BOOTSTRAP")
    if running:
        yield running
        return
    assert binary().is_file(), f"{binary()} is not there: build it with cargo build --release, or set KAFKA_SIM_BIN"
    topics = [f"{client}:{PARTITIONS}:3:min.insync.replicas=2" for client in ("confluent", "kafka-python")]
    topics += [f"{client}-{codec}:{PARTITIONS}:3" for client in ("confluent", "kafka-python") for codec in CODECS]
    sim = Sim(*topics, config=CONFIG)
    yield sim.bootstrap
    assert sim.stop(signal.SIGTERM) == 0, "SIGTERM stops the cluster cleanly"
