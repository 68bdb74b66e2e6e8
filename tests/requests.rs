//! Requests as the tests most often send them, in the fewest words.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    BrokerId, FetchRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ConnId;
use uuid::Uuid;

use crate::{Harness, values};

/// The version the shorthands speak: the last that names topics.
pub const PRODUCE: i16 = 12;
/// The version the shorthands speak: the last that names topics.
pub const FETCH: i16 = 12;

/// A topic's name.
pub fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// A produce request for one partition that waits up to 30 s for replicas.
pub fn produce(topic: &str, partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic])
}

/// One partition of a fetch request, up to 1 MiB.
pub fn fetch_partition(partition: i32, offset: i64) -> FetchPartition {
    FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20)
}

/// A fetch request of a consumer for one partition that does not wait and wants no session.
pub fn fetch(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    fetch_all(topic, vec![fetch_partition(partition, offset)])
}

/// A fetch request of a consumer for partitions of one topic that does not wait and wants no session.
pub fn fetch_all(topic: &str, partitions: Vec<FetchPartition>) -> FetchRequest {
    let topic = FetchTopic::default()
        .with_topic(topic_name(topic))
        .with_partitions(partitions);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

/// A question for the offset of a timestamp.
pub fn list_offsets(topic: &str, partition: i32, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic])
}

/// A question for topics by name.
pub fn metadata(topics: &[&str]) -> MetadataRequest {
    let topics = topics
        .iter()
        .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
    MetadataRequest::default()
        .with_topics(Some(topics.collect()))
        .with_allow_auto_topic_creation(false)
}

impl Harness {
    /// Produces to one partition and waits for the answer.
    pub fn produce(
        &mut self,
        conn: ConnId,
        topic: &str,
        partition: i32,
        acks: i16,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let response = self.ask(conn, PRODUCE, &produce(topic, partition, acks, records));
        response.responses[0].partition_responses[0].clone()
    }

    /// Fetches one partition without waiting.
    pub fn fetch(&mut self, conn: ConnId, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let response = self.ask(conn, FETCH, &fetch(topic, partition, offset));
        response.responses[0].partitions[0].clone()
    }

    /// What a consumer reads of one partition from `offset` on: offsets and values.
    pub fn read(&mut self, conn: ConnId, topic: &str, partition: i32, offset: i64) -> Vec<(i64, String)> {
        values(self.fetch(conn, topic, partition, offset).records.as_ref())
    }

    /// The answer for one partition to a question for the offset of a timestamp.
    pub fn offset_of(
        &mut self,
        conn: ConnId,
        version: i16,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> ListOffsetsPartitionResponse {
        let response = self.ask(conn, version, &list_offsets(topic, partition, timestamp));
        response.topics[0].partitions[0].clone()
    }

    /// The id of a topic, as a broker tells it.
    pub fn topic_id(&mut self, conn: ConnId, topic: &str) -> Uuid {
        self.ask(conn, 12, &metadata(&[topic])).topics[0].topic_id
    }
}
