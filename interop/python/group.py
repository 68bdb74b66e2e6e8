"""One group of three members while it is shaken: the course of events, and the judge of what came out of it.

The same for every client. What differs is a `Member`: a thread that polls, calls `Course.processed` for every message it
was given, and commits what it has processed before it gives partitions up.
"""

import threading
import time
from collections import Counter, defaultdict
from typing import Callable, Protocol

from sim import FULL_SIZE, PARTITIONS, Sim, eventually

# Real time is real here: brokers are declared dead after two seconds instead of nine, a group does not wait three seconds
# for members that might still come, and members of the newer protocol are heard more often than every five seconds.
CONFIG = (
    "broker.session.timeout.ms=2000",
    "broker.heartbeat.interval.ms=200",
    "group.initial.rebalance.delay.ms=300",
    "group.consumer.min.heartbeat.interval.ms=300",
    "group.consumer.heartbeat.interval.ms=300",
)
# While the group is shaken each member processes about a thousand messages a second, so that nothing is over early.
SLOW = 0.001
# A third member or a new coordinator counts as working once each member has got this far with it.
SHARE = 300


class Member(Protocol):
    """A consumer with a thread of its own."""

    name: str
    failure: BaseException | None

    def start(self) -> None: ...

    def leave(self) -> None:
        """Asks the member to commit and leave, and waits until it has."""


class Course:
    """What the members of one run have processed."""

    def __init__(self, size: int = FULL_SIZE) -> None:
        self.size = size
        self.pace = 0.0
        self.by_member: Counter[str] = Counter()
        # Member and number by partition and offset, in the order of processing.
        self.log: dict[int, dict[int, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
        # Hand-overs that were not clean, in the words of the client.
        self.unclean: list[str] = []
        self._lock = threading.Lock()

    def processed(self, member: str, partition: int, offset: int, number: int) -> None:
        with self._lock:
            self.log[partition][offset].append((member, number))
            self.by_member[member] += 1

    def breathe(self, messages: int) -> None:
        """The time that processing so many messages takes."""
        if self.pace:
            time.sleep(messages * self.pace)

    @property
    def distinct(self) -> int:
        return sum(len(offsets) for offsets in list(self.log.values()))

    def judge(self) -> None:
        """Nothing lost, nothing twice: every offset was processed by one member, once, with the right content."""
        assert not self.unclean, self.unclean
        for partition in range(PARTITIONS):
            expected = range(partition, self.size, PARTITIONS)
            offsets = self.log[partition]
            missing = [offset for offset in range(len(expected)) if offset not in offsets]
            assert not missing, f"{len(missing)} messages of partition {partition} never came, from offset {missing[0]}"
            twice = {offset: who for offset, who in offsets.items() if len(who) != 1}
            assert not twice, f"{len(twice)} of partition {partition} came again: {sorted(twice.items())[:3]}"
            wrong = [offset for offset, [(_, number)] in offsets.items() if number != expected[offset]]
            assert not wrong, f"partition {partition} has foreign messages at {wrong[:3]}"
        assert self.distinct == self.size


def shaken(sim: Sim, group: str, member: Callable[[str, Course], Member]) -> Course:
    """Two members consume everything, a third comes and goes, and the group's coordinator dies and returns."""
    course = Course()
    first, second, third = (member(name, course) for name in ("first", "second", "third"))
    members = [first, second]

    def wait(what: str, holds: Callable[[], bool], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            for one in members:
                if one.failure:
                    raise AssertionError(f"{one.name} broke down") from one.failure
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s; so far {dict(course.by_member)}"
            time.sleep(0.02)

    def everyone_goes_on() -> Callable[[], bool]:
        before = dict(course.by_member)
        return lambda: all(course.by_member[one.name] >= before.get(one.name, 0) + SHARE for one in members)

    try:
        course.pace = SLOW
        first.start()
        second.start()
        wait("both members work", everyone_goes_on())
        members.append(third)
        third.start()
        wait("the third member works", everyone_goes_on())
        struck = sim.strike({"kill": {"coordinator_of": {"group": group}}}, heal_after_ms=3_000)
        assert len(struck) == 1, "a group that works has one coordinator"
        assert struck[0] not in sim.running()
        wait("the group goes on under another coordinator", everyone_goes_on())
        wait("the broker that was killed is back", lambda: struck[0] in sim.running())
        third.leave()
        members.remove(third)
        wait("the others take over", everyone_goes_on())
        assert course.distinct < FULL_SIZE, "all of this has to happen before the last message"
        course.pace = 0
        wait("everything is consumed", lambda: course.distinct == FULL_SIZE)
    finally:
        for one in (first, second, third):
            one.leave()
    broken = [one.failure for one in (first, second, third) if one.failure]
    assert not broken, broken
    return course


def committed_survives_restarts(sim: Sim, committed: Callable[[], dict[int, int]]) -> None:
    """What was committed is the end of every partition, and still is after every broker was killed and started."""
    ends = {partition: len(range(partition, FULL_SIZE, PARTITIONS)) for partition in range(PARTITIONS)}
    assert committed() == ends
    assert sim.strike({"restart": "all_brokers"}) == [0, 1, 2]
    eventually(lambda: committed() == ends, seconds=30)
