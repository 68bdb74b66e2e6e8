"""Group tooling through kafka-python, which also resets by time, deletes single offsets and removes members."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient, MemberToRemove, OffsetSpec, OffsetTimestamp
from kafka.errors import (
    GroupIdNotFoundError,
    GroupSubscribedToTopicError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from sim import eventually

PARTITIONS = 4
MESSAGES = 40
START = 1_700_000_000_000


@pytest.fixture
def admin(bootstrap):
    client = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    yield client
    client.close()


@pytest.fixture
def topic(admin, bootstrap):
    """A topic of this test alone with ten messages in each of four partitions, a millisecond apart."""
    name = f"tooling-{uuid.uuid4().hex[:12]}"
    admin.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": 3}}, wait_for_metadata=True)
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all")
    for number in range(MESSAGES):
        when = START + number // PARTITIONS
        producer.send(name, b"%d" % number, partition=number % PARTITIONS, timestamp_ms=when)
    producer.flush(timeout=30)
    producer.close(timeout=10)
    yield name
    admin.delete_topics([name])


def join(bootstrap, group, topic, client):
    return KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap.split(","),
        group_id=group,
        client_id=client,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        heartbeat_interval_ms=300,
        fetch_max_wait_ms=50,
    )


def poll(consumers):
    """Polls all at the same time, because this client begins its join anew when a poll ends before the join does."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda one: one.poll(timeout_ms=1_000), consumers))


def consume(consumers, messages, share):
    """Polls until so many messages came and everybody has so many partitions."""
    came, deadline = 0, time.monotonic() + 20
    while came < messages or any(len(one.assignment()) != share for one in consumers):
        assert time.monotonic() < deadline, f"{came} messages; {[one.assignment() for one in consumers]}"
        came += sum(len(records) for polled in poll(consumers) for records in polled.values())


def everything_committed(consumers):
    """Whether everybody could commit; under load a client may find that it has to join once more before."""
    try:
        for one in consumers:
            one.commit()
    except RebalanceInProgressError:
        poll(consumers)
        return False
    return True


def listed(admin, group):
    return next((found for found in admin.list_groups() if found["group_id"] == group), None)


def described(admin, group):
    return admin.describe_groups([group])[group]


def offsets(admin, group):
    """What is committed, by partition."""
    return {partition.partition: found.offset for partition, found in admin.list_group_offsets(group)[group].items()}


def test_a_group_is_listed_described_reset_and_deleted(admin, bootstrap, topic):
    group = f"tooled-{uuid.uuid4().hex[:12]}"
    partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    ends = dict.fromkeys(range(PARTITIONS), 10)
    assert listed(admin, group) is None
    members = [join(bootstrap, group, topic, f"app-{n}") for n in range(2)]
    try:
        consume(members, MESSAGES, PARTITIONS // 2)
        eventually(lambda: everything_committed(members) and offsets(admin, group) == ends, seconds=20)
        found = listed(admin, group)
        assert (found["group_state"], found["protocol_type"], found["group_type"]) == ("Stable", "consumer", "classic")
        assert group in {one["group_id"] for one in admin.list_groups(states_filter=["Stable"])}
        assert group not in {one["group_id"] for one in admin.list_groups(states_filter=["Empty"])}

        description = described(admin, group)
        assert (description["error"], description["group_state"]) == (None, "Stable")
        assert description["protocol_data"] == "range"
        by_client = {one["client_id"]: one for one in description["members"]}
        assert set(by_client) == {"app-0", "app-1"}
        for n, member in enumerate(members):
            (assigned,) = by_client[f"app-{n}"]["member_assignment"]["assigned_partitions"]
            assert assigned["topic"] == topic
            assert set(assigned["partitions"]) == {one.partition for one in member.assignment()}

        # A group with members decides about its offsets itself.
        refused = admin.alter_group_offsets(group, {partitions[0]: OffsetAndMetadata(3, "", -1)})
        assert refused == {partitions[0]: UnknownMemberIdError}
        assert admin.delete_group_offsets(group, partitions[:1]) == {partitions[0]: GroupSubscribedToTopicError}
        assert admin.delete_groups([group]) == {group: "NonEmptyGroupError"}

        removed = by_client["app-0"]["member_id"]
        assert admin.remove_group_members(group, [MemberToRemove(member_id=removed)]) == {removed: NoError}
        assert removed not in {one["member_id"] for one in described(admin, group)["members"]}
    finally:
        for member in members:
            member.close()

    eventually(lambda: listed(admin, group)["group_state"] == "Empty")
    assert described(admin, group)["members"] == []
    assert admin.alter_group_offsets(group, {partitions[0]: OffsetAndMetadata(3, "note", -1)}) == {
        partitions[0]: NoError
    }
    assert admin.list_group_offsets({group: partitions[:1]})[group][partitions[0]].metadata == "note"
    admin.reset_group_offsets(
        group,
        {partitions[1]: OffsetSpec.EARLIEST, partitions[2]: OffsetTimestamp(START + 6), partitions[3]: 99},
    )
    assert offsets(admin, group) == {0: 3, 1: 0, 2: 6, 3: 10}
    assert admin.delete_group_offsets(group, partitions[1:2]) == {partitions[1]: NoError}
    assert offsets(admin, group) == {0: 3, 2: 6, 3: 10}

    assert admin.delete_groups([group]) == {group: "OK"}
    assert listed(admin, group) is None
    assert admin.delete_groups([group]) == {group: "GroupIdNotFoundError"}
    with pytest.raises(GroupIdNotFoundError):
        admin.delete_group_offsets(group, partitions[:1])
