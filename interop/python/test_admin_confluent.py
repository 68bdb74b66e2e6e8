"""The operator's side through librdkafka: topics, partitions, configuration, offsets, and the refusals Kafka gives."""

import uuid

import pytest
from confluent_kafka import (
    ElectionType,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from sim import eventually

WAIT = 20


@pytest.fixture
def admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


@pytest.fixture
def topic(admin):
    """A topic of this test alone: 3 partitions on 3 brokers."""
    name = f"admin-{uuid.uuid4().hex[:12]}"
    created = admin.create_topics([NewTopic(name, 3, 3, config={"retention.ms": "3600000"})], operation_timeout=WAIT)
    created[name].result(WAIT)
    eventually(lambda: described(admin, name) == [0, 1, 2])
    yield name
    admin.delete_topics([name], operation_timeout=WAIT)[name].result(WAIT)


def described(admin, name):
    """The partitions that have a leader and three in-sync replicas."""
    description = admin.describe_topics(TopicCollection([name]))[name].result(WAIT)
    return [found.id for found in description.partitions if found.leader is not None and len(found.isr) == 3]


def refusal(future):
    """The error code with which a call was refused."""
    with pytest.raises(KafkaException) as raised:
        future.result(WAIT)
    return raised.value.args[0].code()


def fill(bootstrap, topic, count):
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})
    for number in range(count):
        producer.produce(topic, b"%d" % number, partition=0, timestamp=1_700_000_000_000 + number)
    assert producer.flush(WAIT) == 0


def offsets(admin, topic, spec):
    partition = TopicPartition(topic, 0)
    return admin.list_offsets({partition: spec})[partition].result(WAIT)


def test_the_cluster_names_its_three_brokers_and_its_controller(admin):
    cluster = admin.describe_cluster().result(WAIT)
    assert len(cluster.nodes) == 3
    assert cluster.controller.id in {node.id for node in cluster.nodes}
    assert cluster.cluster_id


def test_a_created_topic_is_listed_with_its_configuration(admin, topic):
    assert topic in admin.list_topics(timeout=WAIT).topics
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(WAIT)
    assert entries["retention.ms"].value == "3600000"
    assert entries["min.insync.replicas"].value == "1"
    assert entries["cleanup.policy"].value == "delete"


def test_a_changed_setting_is_read_back_and_its_deletion_restores_the_default(admin, topic):
    def change(operation, value):
        entry = ConfigEntry("max.message.bytes", value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(WAIT)

    def found():
        resource = ConfigResource(ResourceType.TOPIC, topic)
        return admin.describe_configs([resource])[resource].result(WAIT)["max.message.bytes"].value

    change(AlterConfigOpType.SET, "2000000")
    eventually(lambda: found() == "2000000")
    change(AlterConfigOpType.DELETE, None)
    eventually(lambda: found() == "1048588")


def test_an_invalid_setting_is_refused(admin, topic):
    entry = ConfigEntry("min.insync.replicas", "none", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    assert refusal(admin.incremental_alter_configs([resource])[resource]) == KafkaError.INVALID_CONFIG


def test_partitions_are_added(admin, topic):
    admin.create_partitions([NewPartitions(topic, 5)], operation_timeout=WAIT)[topic].result(WAIT)
    eventually(lambda: described(admin, topic) == [0, 1, 2, 3, 4])


def test_partitions_are_never_taken_away(admin, topic):
    future = admin.create_partitions([NewPartitions(topic, 1)])[topic]
    assert refusal(future) == KafkaError.INVALID_PARTITIONS


def test_offsets_are_found_by_end_and_by_timestamp(admin, bootstrap, topic):
    fill(bootstrap, topic, 1_000)
    assert offsets(admin, topic, OffsetSpec.earliest()).offset == 0
    assert offsets(admin, topic, OffsetSpec.latest()).offset == 1_000
    assert offsets(admin, topic, OffsetSpec.max_timestamp()).offset == 999
    assert offsets(admin, topic, OffsetSpec.for_timestamp(1_700_000_000_400)).offset == 400
    assert offsets(admin, topic, OffsetSpec.for_timestamp(1_800_000_000_000)).offset == -1


def test_deleted_records_are_gone_and_the_others_stay(admin, bootstrap, topic):
    fill(bootstrap, topic, 1_000)
    partition = TopicPartition(topic, 0, 400)
    assert admin.delete_records([partition])[partition].result(WAIT).low_watermark == 400
    assert offsets(admin, topic, OffsetSpec.earliest()).offset == 400
    assert offsets(admin, topic, OffsetSpec.latest()).offset == 1_000


def test_records_beyond_the_end_cannot_be_deleted(admin, bootstrap, topic):
    fill(bootstrap, topic, 10)
    partition = TopicPartition(topic, 0, 11)
    assert refusal(admin.delete_records([partition])[partition]) == KafkaError.OFFSET_OUT_OF_RANGE


def test_a_preferred_election_that_is_not_needed_says_so(admin, topic):
    partition = TopicPartition(topic, 0)
    outcome = admin.elect_leaders(ElectionType.PREFERRED, [partition]).result(WAIT)
    assert outcome[partition].code() == KafkaError.ELECTION_NOT_NEEDED


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (NewTopic("too-wide", 1, 4), KafkaError.INVALID_REPLICATION_FACTOR),
        (NewTopic("no-partitions", 0, 1), KafkaError.INVALID_PARTITIONS),
        (NewTopic("not/a/name", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("odd-setting", 1, 1, config={"no.such.setting": "1"}), KafkaError.INVALID_CONFIG),
    ],
    ids=lambda value: getattr(value, "topic", None),
)
def test_impossible_topics_are_refused(admin, wanted, code):
    assert refusal(admin.create_topics([wanted])[wanted.topic]) == code


def test_a_name_is_given_once(admin, topic):
    assert refusal(admin.create_topics([NewTopic(topic, 1, 1)])[topic]) == KafkaError.TOPIC_ALREADY_EXISTS


def test_validation_alone_creates_nothing(admin):
    name = f"validated-{uuid.uuid4().hex[:12]}"
    admin.create_topics([NewTopic(name, 1, 1)], validate_only=True)[name].result(WAIT)
    assert name not in admin.list_topics(timeout=WAIT).topics


def test_an_unknown_topic_cannot_be_deleted(admin):
    assert refusal(admin.delete_topics(["nobody-made-it"])["nobody-made-it"]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_deleted_topic_is_gone(admin):
    name = f"short-lived-{uuid.uuid4().hex[:12]}"
    admin.create_topics([NewTopic(name, 2, 3)], operation_timeout=WAIT)[name].result(WAIT)
    eventually(lambda: name in admin.list_topics(timeout=WAIT).topics)
    admin.delete_topics([name], operation_timeout=WAIT)[name].result(WAIT)
    eventually(lambda: name not in admin.list_topics(timeout=WAIT).topics)
