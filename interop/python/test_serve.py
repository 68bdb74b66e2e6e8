"""The command line: what starts, what is printed, what ends it."""

import os
import signal
import socket

import pytest

from sim import Sim

pytestmark = pytest.mark.skipif("KAFKA_SIM_BOOTSTRAP" in os.environ, reason="no process of our own to stop")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_the_cluster_with_status_0(how):
    sim = Sim("orders:1:1", brokers=1)
    assert sim.stop(how) == 0


def test_every_broker_accepts_when_the_bootstrap_line_is_printed():
    sim = Sim("orders:6:3")
    try:
        for address in sim.bootstrap.split(","):
            host, port = address.rsplit(":", 1)
            socket.create_connection((host, int(port)), timeout=5).close()
    finally:
        assert sim.stop() == 0


def test_a_client_that_stays_connected_does_not_hold_up_the_stop():
    sim = Sim("orders:1:1", brokers=1)
    host, port = sim.bootstrap.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5):
        assert sim.stop() == 0


def test_standard_output_carries_the_bootstrap_line_alone():
    sim = Sim("orders:1:1", brokers=1)
    assert sim.stop() == 0
    assert sim.lines.get(timeout=5) == ""
