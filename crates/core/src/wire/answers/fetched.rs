//! Fetch responses, as consumers need them.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::super::WireError;
use super::super::fields::FieldReader;
use super::{Endpoint, TopicRef, decode, endpoints, leader, make_room, topic};

/// What a consumer needs of a Fetch response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// How long to leave the broker alone, in milliseconds.
    pub throttle_time_ms: i32,
    /// An error for the whole response, or 0.
    pub error_code: i16,
    /// The session, or 0 for none (KIP-227).
    pub session_id: i32,
    /// All partitions, in the order of the response.
    pub partitions: Vec<FetchedPartition>,
    /// Where the leaders are that partitions point to.
    pub endpoints: Vec<Endpoint>,
}

/// One partition of a Fetch response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    /// The topic.
    pub topic: TopicRef,
    /// Number of the partition.
    pub index: i32,
    /// An error, or 0.
    pub error_code: i16,
    /// High watermark.
    pub high_watermark: i64,
    /// Last stable offset.
    pub last_stable_offset: i64,
    /// Transactions to leave out, each with producer id and first offset; `None` where the broker names none.
    pub aborted: Option<Vec<(i64, i64)>>,
    /// A follower to read from, or -1 (KIP-392).
    pub preferred_read_replica: i32,
    /// Batches.
    pub records: Option<Bytes>,
    /// Leader and leader epoch if the broker tells, otherwise -1 each.
    pub leader: (i32, i32),
}

/// Decodes a Fetch response frame, given without its size prefix, into its correlation id and what is needed of its body.
/// Records share the frame's memory.
///
/// # Errors
/// As [`decode_response`](super::super::decode_response).
pub fn decode_fetched(version: i16, frame: Bytes) -> Result<(i32, Fetched), WireError> {
    decode(ApiKey::Fetch, version, frame, read)
}

fn read(fields: &mut FieldReader<'_>, version: i16) -> Result<Fetched, &'static str> {
    let mut fetched = Fetched {
        throttle_time_ms: fields.i32()?,
        ..Fetched::default()
    };
    if version >= 7 {
        fetched.error_code = fields.i16()?;
        fetched.session_id = fields.i32()?;
    }
    for _ in 0..fields.count(2)? {
        let topic = topic(fields, version >= 13)?;
        let count = fields.count(25)?;
        make_room(&mut fetched.partitions, count);
        for _ in 0..count {
            fetched.partitions.push(partition(fields, version, topic.clone())?);
        }
        fields.no_tags()?;
    }
    fields.tags(|tag, fields| {
        if tag == 0 {
            if version < 16 {
                return Err("a tag of later versions");
            }
            fetched.endpoints = endpoints(fields)?;
        }
        Ok(tag == 0)
    })?;
    Ok(fetched)
}

fn partition(fields: &mut FieldReader<'_>, version: i16, topic: TopicRef) -> Result<FetchedPartition, &'static str> {
    let (index, error_code) = (fields.i32()?, fields.i16()?);
    let (high_watermark, last_stable_offset) = (fields.i64()?, fields.i64()?);
    if version >= 5 {
        let _log_start = fields.i64()?;
    }
    let aborted = fields.nullable_count(16)?.map(|count| aborted(fields, count));
    let mut partition = FetchedPartition {
        topic,
        index,
        error_code,
        high_watermark,
        last_stable_offset,
        aborted: aborted.transpose()?,
        preferred_read_replica: if version >= 11 { fields.i32()? } else { -1 },
        records: fields.nullable_bytes()?,
        leader: (-1, -1),
    };
    fields.tags(|tag, fields| {
        match tag {
            1 => partition.leader = leader(fields)?,
            // The diverging epoch and the snapshot, which are for followers: two numbers of together 12 bytes.
            0 | 2 => {
                let _ = (fields.i64()?, fields.i32()?);
                fields.no_tags()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(partition)
}

fn aborted(fields: &mut FieldReader<'_>, count: usize) -> Result<Vec<(i64, i64)>, &'static str> {
    let mut aborted = Vec::with_capacity(count);
    for _ in 0..count {
        aborted.push((fields.i64()?, fields.i64()?));
        fields.no_tags()?;
    }
    Ok(aborted)
}
