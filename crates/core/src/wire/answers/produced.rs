//! Produce responses, as producers need them.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::super::WireError;
use super::super::fields::FieldReader;
use super::{Endpoint, TopicRef, decode, endpoints, leader, make_room, topic};

/// What a producer needs of a Produce response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Produced {
    /// How long to leave the broker alone, in milliseconds.
    pub throttle_time_ms: i32,
    /// All partitions, in the order of the response.
    pub partitions: Vec<ProducedPartition>,
    /// Where the leaders are that partitions point to.
    pub endpoints: Vec<Endpoint>,
}

/// One partition of a Produce response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducedPartition {
    /// The topic.
    pub topic: TopicRef,
    /// Number of the partition.
    pub index: i32,
    /// An error, or 0.
    pub error_code: i16,
    /// Offset of the first record, or -1.
    pub base_offset: i64,
    /// The timestamp that the leader gave, in milliseconds since the epoch, or -1.
    pub log_append_time_ms: i64,
    /// The log's first offset, or -1.
    pub log_start_offset: i64,
    /// Which records were the reason for the error (KIP-467).
    pub invalid_records: Vec<i32>,
    /// Leader and leader epoch if the broker tells, otherwise -1 each.
    pub leader: (i32, i32),
}

/// Decodes a Produce response frame, given without its size prefix, into its correlation id and what is needed of its body.
///
/// # Errors
/// As [`decode_response`](super::super::decode_response).
pub fn decode_produced(version: i16, frame: Bytes) -> Result<(i32, Produced), WireError> {
    decode(ApiKey::Produce, version, frame, read)
}

fn read(fields: &mut FieldReader<'_>, version: i16) -> Result<Produced, &'static str> {
    let mut produced = Produced::default();
    for _ in 0..fields.count(2)? {
        let topic = topic(fields, version >= 13)?;
        let count = fields.count(22)?;
        make_room(&mut produced.partitions, count);
        for _ in 0..count {
            produced.partitions.push(partition(fields, version, topic.clone())?);
        }
        fields.no_tags()?;
    }
    produced.throttle_time_ms = fields.i32()?;
    fields.tags(|tag, fields| {
        if tag == 0 {
            if version < 10 {
                return Err("a tag of later versions");
            }
            produced.endpoints = endpoints(fields)?;
        }
        Ok(tag == 0)
    })?;
    Ok(produced)
}

fn partition(fields: &mut FieldReader<'_>, version: i16, topic: TopicRef) -> Result<ProducedPartition, &'static str> {
    let mut partition = ProducedPartition {
        topic,
        index: fields.i32()?,
        error_code: fields.i16()?,
        base_offset: fields.i64()?,
        log_append_time_ms: fields.i64()?,
        log_start_offset: if version >= 5 { fields.i64()? } else { -1 },
        invalid_records: Vec::new(),
        leader: (-1, -1),
    };
    if version >= 8 {
        for _ in 0..fields.count(5)? {
            partition.invalid_records.push(fields.i32()?);
            let _message = fields.nullable_text()?;
            fields.no_tags()?;
        }
        let _message = fields.nullable_text()?;
    }
    fields.tags(|tag, fields| {
        if tag == 0 {
            if version < 10 {
                return Err("a tag of later versions");
            }
            partition.leader = leader(fields)?;
        }
        Ok(tag == 0)
    })?;
    Ok(partition)
}
