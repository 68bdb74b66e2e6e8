//! The producer against a scripted broker.

mod batching;
mod blocking;
mod connections;
mod idempotence;
mod lifecycle;
mod retries;

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::{
    BrokerId, ProduceResponse,
    produce_response::{LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse},
};
use kafka_sim_core::{
    ErrorCode, Seed, TopicPartition,
    batch::{Batch, split_batches},
    wire::{ApiKey, RequestKind, StrBytes},
};

use super::*;
use crate::testing::{Received, Rig, topic_id};

/// A producer with these settings, which has fetched metadata and its producer id.
fn rig(settings: &[(&str, &str)]) -> Rig<Producer> {
    let mut config = ProducerConfig::java();
    for (key, value) in settings {
        config = config.set(key, value).expect("a valid setting");
    }
    let bootstrap = vec![(Arc::from("bootstrap"), 9091)];
    let producer = Producer::new(config, bootstrap, Seed(11), 0).expect("valid settings");
    Rig::new(producer)
        .topic("orders", &[1])
        .topic("wide", &[1, 2, 3, 1, 2, 3])
}

fn started(settings: &[(&str, &str)]) -> Rig<Producer> {
    let mut rig = rig(settings);
    rig.act(|producer, now, out| producer.advance(now, out));
    for topic in ["orders", "wide"] {
        rig.act(|producer, now, out| {
            producer.network.metadata.want(&Arc::from(topic));
            producer.advance(now, out);
        });
    }
    rig.run_millis(1);
    rig
}

fn record(token: u64) -> ProducerRecord {
    ProducerRecord::new("orders", token)
        .partition(0)
        .value(Bytes::from(format!("value-{token}")))
}

impl Rig<Producer> {
    fn send(&mut self, record: ProducerRecord) {
        self.act(|producer, now, out| producer.send(now, record, out));
    }

    fn send_tokens(&mut self, tokens: impl IntoIterator<Item = u64>) {
        for token in tokens {
            self.send(record(token));
        }
    }

    /// Acknowledges all batches of a request.
    fn ack(&mut self, received: &Received, base_offset: i64) {
        self.reply(received, |_| {
            PartitionProduceResponse::default().with_base_offset(base_offset)
        });
    }

    fn refuse(&mut self, received: &Received, error: ErrorCode) {
        self.reply(received, |_| {
            PartitionProduceResponse::default()
                .with_error_code(error.0)
                .with_base_offset(-1)
        });
    }

    fn reply(&mut self, received: &Received, answer: impl Fn(&TopicPartition) -> PartitionProduceResponse) {
        let response = response_to(received, answer);
        self.answer(received, &response);
    }

    /// Refuses batches of more than `most` records as too large and acknowledges the others, until none is left.
    fn ack_up_to(&mut self, most: usize, mut see: impl FnMut(&Received)) {
        let mut offset = 0;
        for _ in 0..100 {
            if self.requests.is_empty() {
                return;
            }
            let request = self.next();
            see(&request);
            let count = values(&request).len();
            if count > most {
                self.refuse(&request, ErrorCode::MESSAGE_TOO_LARGE);
            } else {
                self.ack(&request, offset);
                offset += i64::try_from(count).expect("small");
            }
        }
        panic!("no end of requests");
    }

    /// What became of the records, as (token, offset or -9 refused or -8 unknown), in the order of reports.
    fn fates(&mut self) -> Vec<(u64, i64)> {
        let fate = |outcome: SendOutcome| match outcome.result {
            SendResult::Acked { offset, .. } => (outcome.token, offset),
            SendResult::Refused { .. } => (outcome.token, -9),
            SendResult::Unknown { .. } => (outcome.token, -8),
        };
        self.outcomes.drain(..).map(fate).collect()
    }
}

fn response_to(received: &Received, answer: impl Fn(&TopicPartition) -> PartitionProduceResponse) -> ProduceResponse {
    let topics = batches(received).into_iter().map(|(partition, _)| {
        let answer = answer(&partition).with_index(partition.partition);
        let topic = TopicProduceResponse::default().with_partition_responses(vec![answer]);
        if received.head.version >= 13 {
            topic.with_topic_id(topic_id(&partition.topic))
        } else {
            topic.with_name(StrBytes::from_string(partition.topic.to_string()).into())
        }
    });
    ProduceResponse::default().with_responses(topics.collect())
}

/// The batches of a produce request.
fn batches(received: &Received) -> Vec<(TopicPartition, Batch)> {
    let RequestKind::Produce(request) = &received.body else {
        panic!("not a produce request: {received:?}");
    };
    let mut all = Vec::new();
    for topic in &request.topic_data {
        let names = ["orders", "wide"];
        let by_id = names.into_iter().find(|name| topic_id(name) == topic.topic_id);
        let name = by_id.unwrap_or(topic.name.as_str());
        for partition in &topic.partition_data {
            let bytes = partition.records.clone().expect("records are never null");
            for batch in split_batches(&bytes) {
                let batch = batch.expect("batches are well formed");
                assert!(batch.check_crc());
                all.push((TopicPartition::new(name, partition.index), batch));
            }
        }
    }
    all
}

/// Values in a request's only batch.
fn values(received: &Received) -> Vec<String> {
    let (_, batch) = batches(received).remove(0);
    let records = batch.records(1 << 20).expect("records are well formed");
    let text = |value: Option<Bytes>| String::from_utf8(value.unwrap_or_default().to_vec()).expect("text");
    records.into_iter().map(|record| text(record.value)).collect()
}

fn sequence(received: &Received) -> (i64, i16, i32) {
    let header = batches(received).remove(0).1.header;
    (header.producer_id, header.producer_epoch, header.base_sequence)
}

#[test]
fn versions_come_first_then_metadata_and_a_producer_id() {
    let rig = started(&[]);
    let order: Vec<ApiKey> = rig.seen.iter().map(|&(_, api, _)| api).collect();
    assert_eq!(order[..2], [ApiKey::ApiVersions, ApiKey::Metadata]);
    assert!(order.contains(&ApiKey::InitProducerId));
}

#[test]
fn a_record_is_acknowledged_with_its_offset() {
    let mut rig = started(&[("linger.ms", "0")]);
    rig.send(record(7));
    let request = rig.next();
    assert_eq!((request.head.api_key, request.head.version), (ApiKey::Produce, 13));
    rig.ack(&request, 42);
    assert_eq!(rig.fates(), [(7, 42)]);
    assert!(rig.client.is_idle());
}

#[test]
fn an_older_broker_is_spoken_to_in_its_own_version() {
    let mut rig = rig(&[("linger.ms", "0"), ("enable.idempotence", "false")]);
    rig.cluster.versions.insert(ApiKey::Produce as i16, (0, 8));
    rig.cluster.versions.insert(ApiKey::Metadata as i16, (0, 5));
    rig.cluster.api_versions_max = 2;
    rig.send(record(1));
    let request = rig.next();
    assert_eq!(request.head.version, 8);
    let versions: Vec<_> = rig
        .seen
        .iter()
        .filter(|seen| seen.1 == ApiKey::ApiVersions)
        .map(|seen| seen.2)
        .collect();
    assert_eq!(
        versions[..2],
        [4, 2],
        "refused with error 35, then the version the broker named"
    );
    rig.ack(&request, 0);
    assert_eq!(rig.fates(), [(1, 0)]);
}

#[test]
fn a_broker_without_a_usable_produce_version_refuses_the_record() {
    let mut rig = rig(&[("linger.ms", "0"), ("enable.idempotence", "false")]);
    rig.cluster.versions.insert(ApiKey::Produce as i16, (0, 2));
    rig.send(record(1));
    assert_eq!(rig.fates(), [(1, -9)]);
}
