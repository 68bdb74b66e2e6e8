"""The command line: what starts, what is printed, what ends it."""

import json
import os
import signal
import socket
import subprocess

import pytest

from sim import Sim, binary, eventually

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


@pytest.fixture
def hurt():
    """Two brokers that take commands."""
    sim = Sim("orders:1:2", brokers=2, control=True)
    yield sim
    assert sim.stop() == 0


def test_a_fault_strikes_when_it_is_told_and_heals_when_it_said(hurt):
    leader = next(one["leader"] for one in hurt.tell('"view"')["view"]["partitions"] if one["topic"] == "orders")
    kill = {"kill": {"leader_of": {"topic": "orders", "partition": 0}}}
    assert hurt.strike(kill, heal_after_ms=200) == [leader]
    assert hurt.running() == [1 - leader]
    eventually(lambda: hurt.running() == [0, 1])


def test_a_fault_can_say_when_it_strikes_and_everything_be_healed(hurt):
    answer = hurt.tell('{"at": {"ms": 50}, "fault": {"kill": {"broker": 0}}}')
    assert answer == {"line": 1, "scheduled": "at 50ms: kill of broker 0"}
    eventually(lambda: hurt.running() == [1])
    assert hurt.tell('"heal_all"')["healed"] is True
    assert hurt.running() == [0, 1]


def test_a_bad_line_is_named_and_the_next_one_counts(hurt):
    answer = hurt.tell('{"fault": {"crash": "all_brokers"}}')
    assert answer["line"] == 1
    assert "unknown variant `crash`, expected one of `kill`" in answer["error"]
    assert "expected a fault such as" in answer["error"]
    hurt.process.stdin.write("\n")
    assert hurt.tell("kill")["line"] == 3
    assert hurt.tell('{"fault": {"kill": {"broker": 1}}}') == {"line": 4, "struck": [1]}
    assert hurt.strike({"kill": {"leader_of": {"topic": "payments", "partition": 0}}}) == []


def test_the_end_of_the_commands_is_not_the_end_of_the_cluster(hurt):
    hurt.process.stdin.close()
    host, port = hurt.bootstrap.split(",")[0].rsplit(":", 1)
    socket.create_connection((host, int(port)), timeout=5).close()
    assert hurt.process.poll() is None


def test_a_schedule_of_faults_comes_from_a_file(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"at": {"ms": 300}, "fault": {"kill": {"broker": 1}}, "heal_after_ms": 1000}]))
    sim = Sim("orders:1:2", brokers=2, control=True, arguments=("--faults", str(file)))
    eventually(lambda: sim.running() == [0])
    eventually(lambda: sim.running() == [0, 1])
    assert sim.stop() == 0


@pytest.mark.parametrize("content", [None, "[", '[{"at": {"ms": 1}, "fault": {"crash": "all_brokers"}}]'])
def test_a_bad_schedule_ends_the_start_and_names_the_file(tmp_path, content):
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content)
    command = [str(binary()), "serve", "--port", "0", "--faults", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert f"the faults in {file}: " in ended.stderr
    assert ended.stdout == ""
