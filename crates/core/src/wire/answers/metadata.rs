//! Metadata responses, as clients need them.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::WireError;
use super::super::fields::FieldReader;
use super::{Endpoint, decode};

/// What a client needs of a Metadata response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterMetadata {
    /// How long to leave the broker alone, in milliseconds.
    pub throttle_time_ms: i32,
    /// An error for the whole response, or 0.
    pub error_code: i16,
    /// All brokers.
    pub brokers: Vec<Endpoint>,
    /// Topics, in the order of the response.
    pub topics: Vec<TopicMetadata>,
}

/// One topic of a Metadata response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadata {
    /// An error, or 0.
    pub error_code: i16,
    /// The name, if the broker knows it.
    pub name: Option<StrBytes>,
    /// The id, nil in versions without.
    pub id: Uuid,
    /// Whether the brokers keep it for themselves.
    pub is_internal: bool,
    /// Its partitions.
    pub partitions: Vec<PartitionMetadata>,
}

/// One partition of a Metadata response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// An error, or 0.
    pub error_code: i16,
    /// Number of the partition.
    pub index: i32,
    /// Broker id of the leader, or -1.
    pub leader: i32,
    /// Leader epoch, or -1.
    pub leader_epoch: i32,
    /// Broker ids of replicas that are offline.
    pub offline: Vec<i32>,
}

/// Decodes a Metadata response frame, given without its size prefix, into its correlation id and what is needed of its
/// body. Names share the frame's memory.
///
/// # Errors
/// As [`decode_response`](super::super::decode_response).
pub fn decode_metadata(version: i16, frame: Bytes) -> Result<(i32, ClusterMetadata), WireError> {
    decode(ApiKey::Metadata, version, frame, read)
}

fn read(fields: &mut FieldReader<'_>, version: i16) -> Result<ClusterMetadata, &'static str> {
    let throttle_time_ms = if version >= 3 { fields.i32()? } else { 0 };
    let count = fields.count(9)?;
    let mut brokers = Vec::with_capacity(count);
    for _ in 0..count {
        brokers.push(Endpoint {
            id: fields.i32()?,
            host: fields.string()?,
            port: fields.i32()?,
        });
        if version >= 1 {
            let _rack = fields.nullable_text()?;
        }
        fields.no_tags()?;
    }
    if version >= 2 {
        let _cluster = fields.nullable_text()?;
    }
    if version >= 1 {
        let _controller = fields.i32()?;
    }
    let count = fields.count(8)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        topics.push(topic(fields, version)?);
    }
    if (8..=10).contains(&version) {
        let _operations = fields.i32()?;
    }
    let error_code = if version >= 13 { fields.i16()? } else { 0 };
    fields.no_tags()?;
    Ok(ClusterMetadata {
        throttle_time_ms,
        error_code,
        brokers,
        topics,
    })
}

fn topic(fields: &mut FieldReader<'_>, version: i16) -> Result<TopicMetadata, &'static str> {
    let mut topic = TopicMetadata {
        error_code: fields.i16()?,
        name: fields.nullable_string()?,
        id: if version >= 10 { fields.uuid()? } else { Uuid::nil() },
        is_internal: version >= 1 && fields.boolean()?,
        partitions: Vec::new(),
    };
    let count = fields.count(18)?;
    topic.partitions.reserve_exact(count);
    for _ in 0..count {
        topic.partitions.push(partition(fields, version)?);
    }
    if version >= 8 {
        let _operations = fields.i32()?;
    }
    fields.no_tags()?;
    Ok(topic)
}

fn partition(fields: &mut FieldReader<'_>, version: i16) -> Result<PartitionMetadata, &'static str> {
    let mut partition = PartitionMetadata {
        error_code: fields.i16()?,
        index: fields.i32()?,
        leader: fields.i32()?,
        leader_epoch: if version >= 7 { fields.i32()? } else { -1 },
        offline: Vec::new(),
    };
    for _replicas_then_isr in 0..2 {
        let count = fields.count(4)?;
        fields.skip(4 * count)?;
    }
    if version >= 5 {
        for _ in 0..fields.count(4)? {
            partition.offline.push(fields.i32()?);
        }
    }
    fields.no_tags()?;
    Ok(partition)
}
