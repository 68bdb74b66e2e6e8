"""Where confluent-kafka (librdkafka) goes on in a partition that was paused while answers were late.

A partition without a committed offset begins where ListOffsets says. An answer that comes after the partition was paused
and resumed is dropped, and librdkafka 2.16 then sets a timer to ask again, although it has asked already and goes on with
that answer. If the answer to the question from the timer is late as well, and dropped for the same reason, it asks a third
time and goes back to the beginning, without a word. A rebalance of KIP-848 pauses and resumes what a member keeps; a Fetch
that waits at the broker is enough to make the answer behind it late. With Apache Kafka 4.2.0 it does the same.
"""

import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from sim import Sim
from test_group_confluent import begin

TOPIC = "positions"
MESSAGES = 3_000
# How many of them are processed before the second pause.
SOME = 1_000


@pytest.fixture(scope="module")
def cluster():
    sim = Sim(f"{TOPIC}:2:1", brokers=2, config=("offsets.topic.num.partitions=1",), control=True)
    producer = Producer({"bootstrap.servers": sim.bootstrap})
    for number in range(MESSAGES):
        for partition in range(2):
            producer.produce(TOPIC, b"%d" % number, partition=partition)
    assert producer.flush(30) == 0
    yield sim
    assert sim.stop() == 0


def away_from_the_coordinator(sim, group):
    """A partition that is not on the broker that coordinates groups, so that one may be late without the other."""
    Consumer({"bootstrap.servers": sim.bootstrap, "group.id": group}).committed([TopicPartition(TOPIC, 0)], timeout=30)
    topics = AdminClient({"bootstrap.servers": sim.bootstrap}).list_topics(timeout=30).topics
    coordinator = topics["__consumer_offsets"].partitions[0].leader
    [partition] = [index for index, one in topics[TOPIC].partitions.items() if one.leader != coordinator]
    return partition


def paused_twice_while_answers_are_late(sim, group, partition):
    """The offsets that were processed, in order."""
    late = {"pause": {"leader_of": {"topic": TOPIC, "partition": partition}}}
    assigned = [TopicPartition(TOPIC, partition)]
    processed = []
    consumer = Consumer(
        {
            "bootstrap.servers": sim.bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )

    def process_up_to(offset):
        deadline = time.monotonic() + 30
        while not processed or processed[-1] < offset:
            assert time.monotonic() < deadline, f"{len(processed)} messages within 30 s"
            message = consumer.poll(0.1)
            if message is not None:
                assert message.error() is None, message.error()
                processed.append(message.offset())

    def pause_and_resume():
        # Time for the question to be on its way.
        time.sleep(0.8)
        consumer.pause(assigned)
        consumer.resume(assigned)
        sim.tell('"heal_all"')

    try:
        # Both brokers are known before one of them is late.
        consumer.committed(assigned, timeout=30)
        consumer.get_watermark_offsets(assigned[0], timeout=30)
        sim.strike(late)
        consumer.assign(assigned)
        # What is committed is known once this is.
        consumer.committed(assigned, timeout=30)
        pause_and_resume()
        process_up_to(SOME - 1)
        sim.strike(late)
        pause_and_resume()
        process_up_to(MESSAGES - 1)
    finally:
        sim.tell('"heal_all"')
        consumer.close()
    return processed


def test_a_partition_that_began_where_it_was_committed_is_processed_once(cluster):
    group = "committed"
    partition = away_from_the_coordinator(cluster, group)
    begin(cluster.bootstrap, group, TOPIC, partitions=2)
    assert paused_twice_while_answers_are_late(cluster, group, partition) == list(range(MESSAGES))


def test_a_partition_that_began_where_auto_offset_reset_says_is_processed_again(cluster):
    """The same with the one difference that makes it lose its promise."""
    partition = away_from_the_coordinator(cluster, "reset")
    again = list(range(SOME)) + list(range(MESSAGES))
    # The second pause has to come before librdkafka's timer of half a second does.
    courses = (paused_twice_while_answers_are_late(cluster, f"reset-{attempt}", partition) for attempt in range(5))
    assert any(course == again for course in courses)
