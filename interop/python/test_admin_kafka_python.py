"""The operator's side through kafka-python, which speaks newer versions of some requests than librdkafka."""

import uuid

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError

from sim import eventually


@pytest.fixture
def admin(bootstrap):
    client = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    yield client
    client.close()


@pytest.fixture
def topic(admin):
    """A topic of this test alone: 3 partitions on 3 brokers."""
    name = f"admin-{uuid.uuid4().hex[:12]}"
    options = {"num_partitions": 3, "replication_factor": 3, "configs": {"retention.ms": "3600000"}}
    admin.create_topics({name: options}, wait_for_metadata=True)
    yield name
    admin.delete_topics([name])


def setting(admin, topic, key):
    """The value of one setting of a topic."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={key: None})
    answer = admin.describe_configs([resource], config_filter="all")
    (by_name,) = answer.values()
    return by_name[topic][key]["value"]


def test_the_cluster_names_its_three_brokers(admin):
    assert len(admin.describe_cluster()["brokers"]) == 3


def test_a_created_topic_is_listed_and_described(admin, topic):
    assert topic in admin.list_topics()
    (description,) = admin.describe_topics([topic])
    assert len(description["partitions"]) == 3


def test_settings_are_described_and_changed(admin, topic):
    assert setting(admin, topic, "retention.ms") == "3600000"
    change = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "7200000"})
    admin.alter_configs([change])
    eventually(lambda: setting(admin, topic, "retention.ms") == "7200000")


def test_partitions_are_added(admin, topic):
    admin.create_partitions({topic: 5})
    eventually(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == 5)


def test_offsets_are_listed_and_records_deleted(admin, bootstrap, topic):
    partition = TopicPartition(topic, 0)
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all")
    for number in range(100):
        producer.send(topic, b"%d" % number, partition=0, timestamp_ms=1_700_000_000_000 + number)
    producer.flush(timeout=30)
    producer.close(timeout=10)

    def offset(spec):
        return admin.list_partition_offsets({partition: spec})[partition].offset

    assert (offset(OffsetSpec.EARLIEST), offset(OffsetSpec.LATEST)) == (0, 100)
    assert offset(OffsetSpec.MAX_TIMESTAMP) == 99
    assert offset(1_700_000_000_040) == 40
    admin.delete_records({partition: 40})
    assert (offset(OffsetSpec.EARLIEST), offset(OffsetSpec.LATEST)) == (40, 100)


def test_refusals_arrive_as_the_errors_kafka_gives(admin, topic):
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    with pytest.raises(InvalidReplicationFactorError):
        admin.create_topics({"too-wide": {"num_partitions": 1, "replication_factor": 4}})
