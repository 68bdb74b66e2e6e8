"""Groups through kafka-python, which shares no code with librdkafka."""

import threading
import time
import uuid

import pytest
from kafka import (
    AsyncConsumerRebalanceListener,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from group import CONFIG, Course, committed_survives_restarts, shaken
from sim import FULL_SIZE, PARTITIONS, Sim, value

TOPIC = "group"
WAIT = 30


@pytest.fixture(scope="module")
def cluster():
    """A cluster that can be hurt."""
    sim = Sim(f"{TOPIC}:{PARTITIONS}:3:min.insync.replicas=2", config=CONFIG, control=True)
    yield sim
    assert sim.stop() == 0


class Member(AsyncConsumerRebalanceListener):
    """A consumer that commits on its own thread only, and always before it lets go."""

    def __init__(self, bootstrap: str, group: str, name: str, course: Course):
        self.name, self.failure = name, None
        self._course = course
        self._next: dict[TopicPartition, int] = {}
        self._settings = {
            "bootstrap_servers": bootstrap.split(","),
            "group_id": group,
            "client_id": name,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "heartbeat_interval_ms": 300,
            "session_timeout_ms": 20_000,
            "fetch_max_wait_ms": 100,
            "reconnect_backoff_max_ms": 500,
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
            self._consumer = KafkaConsumer(**self._settings)
            self._consumer.subscribe([TOPIC], listener=self)
            try:
                self._consume()
            finally:
                # Revokes what is left, which commits it.
                self._consumer.close()
        except BaseException as error:
            self.failure = error

    def _consume(self):
        committed = time.monotonic()
        while not self._over.is_set():
            for partition, records in self._consumer.poll(timeout_ms=100, max_records=50).items():
                for record in records:
                    self._course.processed(self.name, record.partition, record.offset, int(record.value))
                self._next[partition] = records[-1].offset + 1
                self._course.breathe(len(records))
            if time.monotonic() > committed + 0.5:
                committed = time.monotonic()
                try:
                    self._consumer.commit(self._offsets(self._next), timeout_ms=1_000)
                except KafkaError:
                    # The next one covers it.
                    pass

    async def on_partitions_assigned(self, assigned):
        pass

    async def on_partitions_revoked(self, revoked):
        offsets = self._offsets(revoked)
        try:
            # What `commit` waits for; `commit` itself would wait for the thread that runs this.
            await self._consumer._coordinator._commit_offsets_sync_async(offsets, timeout_ms=WAIT * 1_000)
        except KafkaError as error:
            self._course.unclean.append(f"{self.name} could not commit {offsets}: {error!r}")
        for partition in revoked:
            self._next.pop(partition, None)

    async def on_partitions_lost(self, lost):
        self._course.unclean.append(f"{self.name} lost {sorted(lost)}")
        self._next.clear()

    def _offsets(self, partitions):
        """What was processed of these partitions."""
        return {p: OffsetAndMetadata(self._next[p], "", -1) for p in partitions if p in self._next}


def fill(bootstrap):
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", enable_idempotence=True, linger_ms=5)
    reports = [producer.send(TOPIC, value(number), partition=number % PARTITIONS) for number in range(FULL_SIZE)]
    producer.flush(timeout=120)
    assert all(report.succeeded() for report in reports)
    producer.close(timeout=10)


def committed(bootstrap, group):
    """What the group has committed, asked without joining it."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        offsets = admin.list_group_offsets(group)[group]
        return {partition.partition: found.offset for partition, found in offsets.items()}
    except KafkaError:
        return {}
    finally:
        admin.close()


def test_three_members_process_every_message_once_while_the_coordinator_dies(cluster):
    group = f"kafka-python-{uuid.uuid4().hex[:8]}"
    fill(cluster.bootstrap)
    course = shaken(cluster, group, lambda name, course: Member(cluster.bootstrap, group, name, course))
    course.judge()
    committed_survives_restarts(cluster, lambda: committed(cluster.bootstrap, group))
