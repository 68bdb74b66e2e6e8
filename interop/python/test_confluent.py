"""confluent-kafka (librdkafka) produces with acks=all and idempotence and reads everything back by assignment."""

import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from sim import CODECS, FULL_SIZE, PARTITIONS, judge, value


def produce(bootstrap, topic, count, **overrides):
    producer = Producer({
        "bootstrap.servers": bootstrap,
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 5,
        "delivery.timeout.ms": 60_000,
        **overrides,
    })
    offsets = [[] for _ in range(PARTITIONS)]
    errors = []

    def report(error, message):
        if error is not None:
            errors.append(str(error))
        else:
            offsets[message.partition()].append(message.offset())

    for number in range(count):
        while True:
            try:
                producer.produce(topic, value(number), partition=number % PARTITIONS, on_delivery=report)
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1_000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0, "every message is reported within a minute"
    assert errors == []
    for partition, acknowledged in enumerate(offsets):
        assert acknowledged == list(range(len(range(partition, count, PARTITIONS)))), "reports come in offset order"


def read_back(bootstrap, topic, count):
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "by-assignment",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "check.crcs": True,
    })
    try:
        partitions = [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)]
        ends = [consumer.get_watermark_offsets(partition, timeout=20) for partition in partitions]
        assert sum(high - low for low, high in ends) == count
        consumer.assign(partitions)
        contents = {partition: [] for partition in range(PARTITIONS)}
        read, deadline = 0, time.monotonic() + 90
        while read < count and time.monotonic() < deadline:
            for message in consumer.consume(10_000, timeout=0.2):
                assert message.error() is None, message.error()
                contents[message.partition()].append((message.offset(), message.value()))
                read += 1
        assert consumer.consume(10, timeout=0.3) == [], "nothing follows the last message"
        return contents
    finally:
        consumer.close()


def test_a_hundred_thousand_messages_come_back_once_and_in_order(bootstrap):
    produce(bootstrap, "confluent", FULL_SIZE)
    judge(read_back(bootstrap, "confluent", FULL_SIZE), FULL_SIZE)


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_batches_come_back_as_they_were_sent(bootstrap, codec):
    produce(bootstrap, f"confluent-{codec}", 10_000, **{"compression.type": codec})
    judge(read_back(bootstrap, f"confluent-{codec}", 10_000), 10_000)
