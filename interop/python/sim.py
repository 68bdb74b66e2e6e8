"""Starts and stops a kafka-sim process, and judges what came back from it."""

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
    """One `kafka-sim serve` process on ephemeral ports."""

    def __init__(self, *topics: str, brokers: int = 3, config: tuple[str, ...] = ()):
        command = [str(binary()), "serve", "--brokers", str(brokers), "--port", "0"]
        for topic in topics:
            command += ["--topic", topic]
        for setting in config:
            command += ["--config", setting]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            self.bootstrap = self._first_line(20)
            assert len(self.bootstrap.split(",")) == brokers, f"one address per broker: {self.bootstrap!r}"
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _first_line(self, seconds: float) -> str:
        # A thread, because a read from a pipe has no time-out of its own.
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        line = lines.get(timeout=seconds).strip()
        assert line, f"kafka-sim ended with status {self.process.wait(5)} before it printed its bootstrap list"
        return line

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
