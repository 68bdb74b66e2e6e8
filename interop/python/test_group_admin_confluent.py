"""What group tooling is told, through librdkafka: list, describe, offsets, reset, delete, and the refusals Kafka gives."""

import time
import uuid

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    ConsumerGroupType,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from sim import eventually

WAIT = 20
PARTITIONS = 4
MESSAGES = 40
# What joining takes for each protocol, and what the group is described as.
PROTOCOLS = {
    "classic": ({"partition.assignment.strategy": "roundrobin"}, ConsumerGroupType.CLASSIC, "roundrobin"),
    "consumer": ({"group.protocol": "consumer", "group.remote.assignor": "range"}, ConsumerGroupType.CONSUMER, "range"),
}


@pytest.fixture
def admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


@pytest.fixture
def topic(admin, bootstrap):
    """A topic of this test alone with ten messages in each of four partitions."""
    name = f"tooling-{uuid.uuid4().hex[:12]}"
    admin.create_topics([NewTopic(name, PARTITIONS, 3)], operation_timeout=WAIT)[name].result(WAIT)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for number in range(MESSAGES):
        producer.produce(name, b"%d" % number, partition=number % PARTITIONS)
    assert producer.flush(WAIT) == 0
    yield name
    admin.delete_topics([name], operation_timeout=WAIT)[name].result(WAIT)


def consumer(bootstrap, group, topic, client, settings):
    joining = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "client.id": client,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        **settings,
    })
    joining.subscribe([topic])
    return joining


def consume(consumers, messages, settled):
    """Polls until so many messages came and the group looks as wanted; returns the places (partition, offset) of them.

    A partition that changes hands before a commit is read again, which counts once.
    """
    came, deadline = set(), time.monotonic() + WAIT
    while len(came) < messages or not settled():
        assert time.monotonic() < deadline, f"{len(came)} messages; {[one.assignment() for one in consumers]}"
        for one in consumers:
            message = one.poll(0.05)
            if message is not None:
                assert message.error() is None, message.error()
                came.add((message.partition(), message.offset()))
    return came


def has_its_share(member):
    """Half of the partitions, read to their ends, also those that it was given after somebody had read them."""
    assigned = member.assignment()
    return len(assigned) == PARTITIONS // 2 and all(
        at.offset == MESSAGES // PARTITIONS for at in member.position(assigned)
    )


def listed(admin, group, **filters):
    """What the list says about a group; None if it is not in it."""
    result = admin.list_consumer_groups(request_timeout=WAIT, **filters).result(WAIT)
    assert result.errors == []
    return next((found for found in result.valid if found.group_id == group), None)


def described(admin, group):
    return admin.describe_consumer_groups([group], request_timeout=WAIT)[group].result(WAIT)


def offsets(admin, group):
    """What is committed, by partition."""
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    return {one.partition: one.offset for one in asked[group].result(WAIT).topic_partitions}


def reset(admin, group, topic, partition, offset):
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition, offset)])
    (changed,) = admin.alter_consumer_group_offsets([wanted])[group].result(WAIT).topic_partitions
    return changed.error.code() if changed.error else None


def delete(admin, group):
    """None, or the error code with which it was refused."""
    try:
        admin.delete_consumer_groups([group])[group].result(WAIT)
    except KafkaException as refused:
        return refused.args[0].code()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_group_is_listed_described_reset_and_deleted(admin, bootstrap, topic, protocol):
    settings, kind, assignor = PROTOCOLS[protocol]
    group = f"tooled-{uuid.uuid4().hex[:12]}"
    assert listed(admin, group) is None

    members = [consumer(bootstrap, group, topic, f"app-{n}", settings) for n in range(2)]
    try:
        consume(members, MESSAGES, lambda: all(has_its_share(one) for one in members))
        eventually(lambda: described(admin, group).state == ConsumerGroupState.STABLE)
        found = listed(admin, group)
        assert (found.state, found.type, found.is_simple_consumer_group) == (ConsumerGroupState.STABLE, kind, False)
        assert listed(admin, group, states={ConsumerGroupState.STABLE}, types={kind}) is not None
        assert listed(admin, group, states={ConsumerGroupState.EMPTY}) is None

        description = described(admin, group)
        assert description.partition_assignor == assignor
        assert description.coordinator.id in {node.id for node in admin.describe_cluster().result(WAIT).nodes}
        by_client = {one.client_id: one for one in description.members}
        assert set(by_client) == {"app-0", "app-1"}
        for n, member in enumerate(members):
            shown = by_client[f"app-{n}"]
            assert shown.member_id == member.memberid()
            assert shown.host
            own = {(one.topic, one.partition) for one in member.assignment()}
            assert {(one.topic, one.partition) for one in shown.assignment.topic_partitions} == own

        assert offsets(admin, group) == {}
        for member in members:
            member.commit(asynchronous=False)
        assert offsets(admin, group) == {0: 10, 1: 10, 2: 10, 3: 10}
        # A group with members decides about its offsets itself.
        assert reset(admin, group, topic, 0, 3) == KafkaError.UNKNOWN_MEMBER_ID
        assert delete(admin, group) == KafkaError.NON_EMPTY_GROUP
    finally:
        for member in members:
            member.close()

    eventually(lambda: listed(admin, group).state == ConsumerGroupState.EMPTY)
    assert described(admin, group).members == []
    assert reset(admin, group, topic, 0, 3) is None
    assert offsets(admin, group) == {0: 3, 1: 10, 2: 10, 3: 10}

    later = consumer(bootstrap, group, topic, "later", settings)
    try:
        came = consume([later], 7, lambda: len(later.assignment()) == PARTITIONS)
        assert came == {(0, offset) for offset in range(3, 10)}
    finally:
        later.close()

    eventually(lambda: listed(admin, group).state == ConsumerGroupState.EMPTY)
    assert delete(admin, group) is None
    assert listed(admin, group) is None
    assert offsets(admin, group) == {}
    assert delete(admin, group) == KafkaError.GROUP_ID_NOT_FOUND


def test_a_commit_without_members_makes_a_simple_group(admin, bootstrap, topic):
    group = f"simple-{uuid.uuid4().hex[:12]}"
    outsider = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    outsider.commit(offsets=[TopicPartition(topic, 2, 5)], asynchronous=False)
    outsider.close()
    found = listed(admin, group)
    assert (found.state, found.is_simple_consumer_group) == (ConsumerGroupState.EMPTY, True)
    assert offsets(admin, group) == {2: 5}
    assert delete(admin, group) is None
