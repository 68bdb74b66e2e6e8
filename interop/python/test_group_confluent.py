"""Groups through confluent-kafka (librdkafka): members commit what they have processed before partitions leave them."""

import threading
import time
import uuid

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from group import CONFIG, Course, committed_survives_restarts, shaken
from sim import FULL_SIZE, PARTITIONS, Sim, value

WAIT = 30
PROTOCOLS = {
    "range": {"partition.assignment.strategy": "range"},
    "cooperative-sticky": {"partition.assignment.strategy": "cooperative-sticky"},
    # KIP-848: the coordinator assigns, members hand over one by one.
    "consumer": {"group.protocol": "consumer"},
}
# The member is no longer one: what it owned is somebody else's, and nothing it says counts.
OUT = {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_MEMBER_EPOCH}


@pytest.fixture(scope="module")
def cluster():
    """A cluster that can be hurt, with one topic per protocol."""
    topics = [f"{protocol}:{PARTITIONS}:3:min.insync.replicas=2" for protocol in PROTOCOLS]
    sim = Sim(*topics, config=CONFIG, control=True)
    yield sim
    assert sim.stop() == 0


class Member:
    """A consumer that commits on its own thread only, and always before it lets go."""

    def __init__(self, bootstrap: str, group: str, topic: str, name: str, course: Course, settings: dict):
        self.name, self.failure = name, None
        self._topic, self._course = topic, course
        self._next: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._settings = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "client.id": name,
            "enable.auto.commit": False,
            # There is always something committed. Whoever finds nothing breaks down.
            "auto.offset.reset": "error",
            "check.crcs": True,
            **settings,
        }
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        self._thread.start()

    def leave(self):
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(60)
            assert not self._thread.is_alive(), f"{self.name} does not come to its end"

    def _run(self):
        try:
            consumer = Consumer(self._settings)
            consumer.subscribe([self._topic], on_revoke=self._revoked, on_lost=self._lost)
            try:
                self._consume(consumer)
                # Not left to `close`: in the middle of a rebalance that leaves the group before it revokes.
                self._commit(consumer, list(self._next), give_up_after=WAIT)
            finally:
                consumer.close()
        except BaseException as error:
            self.failure = error

    def _consume(self, consumer):
        committed = time.monotonic()
        since = 0
        while not self._over.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                self._course.processed(self.name, message.partition(), message.offset(), int(message.value()))
                self._next[message.partition()] = message.offset() + 1
                since += 1
            elif message is not None and not message.error().retriable():
                raise KafkaException(message.error())
            if since == 50:
                self._course.breathe(since)
                since = 0
            if time.monotonic() > committed + 0.5:
                committed = time.monotonic()
                self._commit(consumer, list(self._next), give_up_after=0)

    def _revoked(self, consumer, partitions):
        numbers = [partition.partition for partition in partitions]
        self._commit(consumer, numbers, give_up_after=WAIT)
        for number in numbers:
            self._next.pop(number, None)
            self._committed.pop(number, None)

    def _lost(self, _consumer, partitions):
        self._course.unclean.append(f"{self.name} lost {[partition.partition for partition in partitions]}")
        self._next.clear()
        self._committed.clear()

    def _commit(self, consumer, numbers, give_up_after):
        """Commits what is new of these partitions; a coordinator that is away is asked again."""
        new = {n: self._next[n] for n in numbers if n in self._next and self._next[n] != self._committed.get(n)}
        offsets = [TopicPartition(self._topic, number, offset) for number, offset in new.items()]
        deadline = time.monotonic() + give_up_after
        while offsets:
            try:
                failed = [one.error for one in consumer.commit(offsets=offsets, asynchronous=False) if one.error]
                if not failed:
                    self._committed.update(new)
                    return
                error = failed[0]
            except KafkaException as raised:
                error = raised.args[0]
            if give_up_after == 0:
                return
            if error.code() in OUT or time.monotonic() > deadline:
                self._course.unclean.append(f"{self.name} could not commit {offsets}: {error}")
                return
            time.sleep(0.05)


def fill(bootstrap, topic):
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5})
    for number in range(FULL_SIZE):
        while True:
            try:
                producer.produce(topic, value(number), partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(60) == 0


def begin(bootstrap, group, topic, partitions):
    """Commits the beginning of every partition before anybody joins.

    librdkafka asks for the beginning itself where nothing is committed, and may go back to it when answers are late
    (test_positions_confluent.py).
    """
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        offsets = [TopicPartition(topic, partition, 0) for partition in range(partitions)]
        assert not [one.error for one in consumer.commit(offsets=offsets, asynchronous=False) if one.error]
    finally:
        consumer.close()


def committed(bootstrap, group, topic):
    """What the group has committed, asked without joining it."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return {one.partition: one.offset for one in consumer.committed(asked, timeout=WAIT)}
    finally:
        consumer.close()


class Careless(Member):
    """A consumer that never commits. One that does it now and then may happen to have done so when it lets go."""

    def _commit(self, consumer, numbers, give_up_after):
        pass


def settings_of(protocol):
    settings = PROTOCOLS[protocol]
    if "partition.assignment.strategy" not in settings:
        return settings
    # What a server decides in the newer protocol.
    return settings | {"heartbeat.interval.ms": 300, "session.timeout.ms": 20_000}


def run_course(cluster, member, protocol, group):
    begin(cluster.bootstrap, group, protocol, PARTITIONS)
    return shaken(
        cluster,
        group,
        lambda name, course: member(cluster.bootstrap, group, protocol, name, course, settings_of(protocol)),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_three_members_process_every_message_once_while_the_coordinator_dies(cluster, protocol):
    group = f"{protocol}-{uuid.uuid4().hex[:8]}"
    fill(cluster.bootstrap, protocol)
    run_course(cluster, Member, protocol, group).judge()
    committed_survives_restarts(cluster, lambda: committed(cluster.bootstrap, group, protocol))


def test_members_that_let_go_without_a_commit_process_messages_again(cluster):
    """The same course with the one difference that makes it lose its promise; the topic is full already."""
    group = f"careless-{uuid.uuid4().hex[:8]}"
    course = run_course(cluster, Careless, "range", group)
    with pytest.raises(AssertionError, match="came again"):
        course.judge()
