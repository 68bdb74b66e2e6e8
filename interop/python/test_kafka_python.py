"""kafka-python, a client that shares no code with librdkafka, does the same."""

import time

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sim import FULL_SIZE, PARTITIONS, judge, value


def produce(bootstrap, topic, count, **overrides):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap.split(","), acks="all", enable_idempotence=True, linger_ms=5, **overrides
    )
    try:
        reports = [producer.send(topic, value(number), partition=number % PARTITIONS) for number in range(count)]
        producer.flush(timeout=120)
        offsets = [[] for _ in range(PARTITIONS)]
        for report in reports:
            metadata = report.get(timeout=10)
            offsets[metadata.partition].append(metadata.offset)
        for partition, acknowledged in enumerate(offsets):
            assert acknowledged == list(range(len(range(partition, count, PARTITIONS)))), "offsets follow the sends"
    finally:
        producer.close(timeout=10)


def read_back(bootstrap, topic, count):
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        check_crcs=True,
        max_poll_records=10_000,
    )
    try:
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        assert sum(consumer.end_offsets(partitions).values()) == count
        consumer.seek_to_beginning(*partitions)
        contents = {partition: [] for partition in range(PARTITIONS)}
        read, deadline = 0, time.monotonic() + 90
        while read < count and time.monotonic() < deadline:
            for partition, records in consumer.poll(timeout_ms=500).items():
                contents[partition.partition] += [(record.offset, record.value) for record in records]
                read += len(records)
        return contents
    finally:
        consumer.close()


def test_a_hundred_thousand_messages_come_back_once_and_in_order(bootstrap):
    produce(bootstrap, "kafka-python", FULL_SIZE)
    judge(read_back(bootstrap, "kafka-python", FULL_SIZE), FULL_SIZE)


# gzip alone: the other codecs need packages with C inside that kafka-python does not bring, and librdkafka covers them.
@pytest.mark.parametrize("codec", ["gzip"])
def test_compressed_batches_come_back_as_they_were_sent(bootstrap, codec):
    produce(bootstrap, f"kafka-python-{codec}", 10_000, compression_type=codec)
    judge(read_back(bootstrap, f"kafka-python-{codec}", 10_000), 10_000)
