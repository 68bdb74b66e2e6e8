"""Starts, hurts and stops a kafka-sim process, and judges what came back from it."""

import json
import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FULL_SIZE = 100_000
PARTITIONS = 6
CODECS = ["gzip", "snappy", "lz4", "zstd"]


def binary() -> Path:
    """The binary under test: KAFKA_SIM_BIN, else the release build of this tree."""
    named = os.environ.get("KAFKA_SIM_BIN")
    if named:
        return Path(named)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "kafka-sim"


class Sim:
    """One `kafka-sim serve` process on ephemeral ports; with `control` one that takes commands."""

    def __init__(
        self,
        *topics: str,
        brokers: int = 3,
        config: tuple[str, ...] = (),
        control: bool = False,
        arguments: tuple[str, ...] = (),
    ):
        command = [str(binary()), "serve", "--brokers", str(brokers), "--port", "0", *arguments]
        for topic in topics:
            command += ["--topic", topic]
        for setting in config:
            command += ["--config", setting]
        if control:
            command.append("--control")
        stdin = subprocess.PIPE if control else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True)
        # A thread, because a read from a pipe has no time-out of its own.
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.bootstrap = self._line(20)
            assert len(self.bootstrap.split(",")) == brokers, f"one address per broker: {self.bootstrap!r}"
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def _line(self, seconds: float) -> str:
        line = self.lines.get(timeout=seconds).strip()
        assert line, f"kafka-sim ended with status {self.process.wait(5)} before it printed the line expected"
        return line

    def tell(self, line: str) -> dict:
        """Sends one line to a cluster that takes commands and returns its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self._line(20))

    def strike(self, fault: dict, heal_after_ms: int | None = None) -> list[int]:
        """Lets a fault strike now and returns the brokers it struck."""
        command = {"fault": fault}
        if heal_after_ms is not None:
            command["heal_after_ms"] = heal_after_ms
        answer = self.tell(json.dumps(command))
        assert "struck" in answer, answer
        return answer["struck"]

    def running(self) -> list[int]:
        """The brokers that are up."""
        return [broker["id"] for broker in self.tell('"view"')["view"]["brokers"] if broker["running"]]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process the way a shell does and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def value(number: int) -> bytes:
    """The value of message `number`; its partition is `number % PARTITIONS`."""
    return b"%d" % number


def judge(contents: dict[int, list[tuple[int, bytes]]], sent: int) -> None:
    """Checks (offset, value) lists per partition: nothing lost, doubled, out of order, no hole in the offsets."""
    assert sum(len(records) for records in contents.values()) == sent
    for partition, records in contents.items():
        expected = range(partition, sent, PARTITIONS)
        assert [offset for offset, _ in records] == list(range(len(expected))), f"offsets of partition {partition}"
        assert [found for _, found in records] == [value(number) for number in expected], f"partition {partition}"


def eventually(holds, seconds: float = 10) -> None:
    """Waits for something that brokers learn a moment after the controller decided it."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.05)
