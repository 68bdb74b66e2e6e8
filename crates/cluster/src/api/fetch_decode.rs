//! Decoding Fetch requests into what the broker works with. They come more often than all others together.

use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::FieldReader;
use uuid::Uuid;

use crate::broker::{FetchPart, FetchParts, byte_count};

/// A Fetch request of any version from 4 on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FetchRequest {
    /// Who asks: −1 a consumer, −2 a debugging one, from 0 on a broker.
    pub(super) replica: i32,
    pub(super) max_wait_ms: i32,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
    pub(super) isolation_level: i8,
    pub(super) session_id: i32,
    /// −1 without a session, 0 for a new one.
    pub(super) session_epoch: i32,
    /// Partitions that leave the session.
    pub(super) forgotten: Vec<FetchPart>,
    pub(super) rack: Option<Arc<str>>,
}

/// A field, or what is wrong with it.
type Parsed<T> = Result<T, &'static str>;

/// Decodes a body and puts what is to be read behind `parts`, before it is known which partitions there are. Bytes left
/// over are ignored, as Kafka does.
///
/// # Errors
/// It does not parse, for the reason that is given.
pub(super) fn decode(version: i16, body: &Bytes, parts: &mut FetchParts) -> Parsed<FetchRequest> {
    let mut body = FieldReader::new(body, version >= 12);
    let replica = if version <= 14 { body.i32()? } else { -1 };
    let mut request = FetchRequest {
        replica,
        max_wait_ms: body.i32()?,
        min_bytes: body.i32()?,
        max_bytes: body.i32()?,
        isolation_level: body.i8()?,
        session_id: if version >= 7 { body.i32()? } else { 0 },
        session_epoch: if version >= 7 { body.i32()? } else { -1 },
        forgotten: Vec::new(),
        rack: None,
    };
    for _ in 0..body.count(1)? {
        topic(&mut body, version, parts)?;
    }
    if version >= 7 {
        for _ in 0..body.count(1)? {
            forgotten(&mut body, version, &mut request.forgotten)?;
        }
    }
    if version >= 11 {
        let rack = body.text()?;
        request.rack = (!rack.is_empty()).then(|| Arc::from(rack));
    }
    let replica = &mut request.replica;
    body.tags(|tag, body| match tag {
        // The id of the cluster.
        0 => body.nullable_text().map(|_| true),
        1 if version >= 15 => {
            *replica = body.i32()?;
            // The epoch of the broker that asks.
            body.i64()?;
            body.no_tags().map(|()| true)
        }
        1 => Err(TOO_NEW),
        _ => Ok(false),
    })?;
    Ok(request)
}

/// A tagged field of a later version.
const TOO_NEW: &str = "a tag that the version does not have";

fn topic_name(fields: &mut FieldReader<'_>, version: i16) -> Parsed<(Arc<str>, Uuid)> {
    if version >= 13 {
        return Ok((Arc::default(), fields.uuid()?));
    }
    Ok((Arc::from(fields.text()?), Uuid::nil()))
}

/// What is to be read of a topic, named up to version 12 and given by its id after that.
fn topic(fields: &mut FieldReader<'_>, version: i16, parts: &mut FetchParts) -> Parsed<()> {
    let (name, id) = topic_name(fields, version)?;
    for _ in 0..fields.count(16)? {
        parts.push(partition(fields, version, &name, id)?);
    }
    fields.no_tags()
}

fn partition(fields: &mut FieldReader<'_>, version: i16, name: &Arc<str>, id: Uuid) -> Parsed<FetchPart> {
    let index = fields.i32()?;
    let current_leader_epoch = if version >= 9 { fields.i32()? } else { -1 };
    let fetch_offset = fields.i64()?;
    let last_fetched_epoch = if version >= 12 { fields.i32()? } else { -1 };
    if version >= 5 {
        // The log start of a follower.
        fields.i64()?;
    }
    let max_bytes = fields.i32()?;
    fields.tags(|tag, fields| match tag {
        // The directory and the high watermark of a follower.
        0 if version >= 17 => fields.uuid().map(|_| true),
        1 if version >= 18 => fields.i64().map(|_| true),
        0 | 1 => Err(TOO_NEW),
        _ => Ok(false),
    })?;
    Ok(FetchPart {
        current_leader_epoch,
        fetch_offset,
        last_fetched_epoch,
        max_bytes: byte_count(max_bytes),
        ..named(name, id, index)
    })
}

/// Partitions of a topic that leave a session.
fn forgotten(fields: &mut FieldReader<'_>, version: i16, parts: &mut Vec<FetchPart>) -> Parsed<()> {
    let (name, id) = topic_name(fields, version)?;
    for _ in 0..fields.count(4)? {
        parts.push(named(&name, id, fields.i32()?));
    }
    fields.no_tags()
}

/// A partition that is named, without a place to read it from.
pub(super) fn named(topic: &Arc<str>, topic_id: Uuid, index: i32) -> FetchPart {
    FetchPart {
        topic: topic.clone(),
        topic_id,
        index,
        tp: Err(ErrorCode::NONE),
        current_leader_epoch: -1,
        fetch_offset: 0,
        last_fetched_epoch: -1,
        max_bytes: 0,
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::fetch_request as generated;
    use kafka_protocol::messages::{ApiKey, BrokerId, RequestKind, TopicName};
    use kafka_protocol::protocol::{Encodable, StrBytes};
    use kafka_sim_core::wire;

    use super::super::decoders::Decoders;
    use super::*;

    fn name(version: i16, text: &'static str) -> TopicName {
        StrBytes::from_static_str(if version >= 13 { "" } else { text }).into()
    }

    fn id(version: i16, number: u128) -> Uuid {
        Uuid::from_u128(if version >= 13 { number } else { 0 })
    }

    fn request(version: i16) -> generated::FetchRequest {
        let partition = |index: i32| {
            let partition = generated::FetchPartition::default()
                .with_partition(index)
                .with_current_leader_epoch(if version >= 9 { 3 } else { -1 })
                .with_fetch_offset(1 << 40)
                .with_last_fetched_epoch(if version >= 12 { 2 } else { -1 })
                .with_partition_max_bytes(1 << 20);
            match version {
                17.. => partition.with_replica_directory_id(Uuid::from_u128(5)),
                _ => partition,
            }
        };
        let topic = |text, number, partitions: std::ops::Range<i32>| {
            generated::FetchTopic::default()
                .with_topic(name(version, text))
                .with_topic_id(id(version, number))
                .with_partitions(partitions.map(partition).collect())
        };
        let request = generated::FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(50 << 20)
            .with_isolation_level(1)
            .with_topics(vec![topic("orders", 1, 0..3), topic("users", 2, 7..8)]);
        let request = match version {
            15.. => request.with_replica_state(generated::ReplicaState::default().with_replica_id(BrokerId(2))),
            _ => request.with_replica_id(BrokerId(-2)),
        };
        let request = match version {
            11.. => request.with_rack_id(StrBytes::from_static_str("rack-1")),
            _ => request,
        };
        match version {
            7.. => request
                .with_session_id(77)
                .with_session_epoch(8)
                .with_forgotten_topics_data(vec![
                    generated::ForgottenTopic::default()
                        .with_topic(name(version, "gone"))
                        .with_topic_id(id(version, 3))
                        .with_partitions(vec![4, 5]),
                ]),
            _ => request,
        }
    }

    fn encoded(version: i16) -> Vec<u8> {
        let mut body = Vec::new();
        request(version).encode(&mut body, version).unwrap();
        body
    }

    /// A request and what it wants to read.
    type Said = (FetchRequest, FetchParts);

    fn read(version: i16, body: &[u8]) -> Option<Said> {
        let mut parts = FetchParts::new();
        let request = decode(version, &Bytes::copy_from_slice(body), &mut parts).ok()?;
        Some((request, parts))
    }

    /// The same by way of the generated decoder.
    fn by_generated(version: i16, body: &[u8]) -> Option<Said> {
        let body = Bytes::copy_from_slice(body);
        let Ok(RequestKind::Fetch(read)) = wire::decode_request_body(ApiKey::Fetch, version, body) else {
            return None;
        };
        let mut parts = FetchParts::new();
        for topic in &read.topics {
            let name = Arc::from(topic.topic.as_str());
            parts.extend(topic.partitions.iter().map(|part| FetchPart {
                current_leader_epoch: part.current_leader_epoch,
                fetch_offset: part.fetch_offset,
                last_fetched_epoch: part.last_fetched_epoch,
                max_bytes: byte_count(part.partition_max_bytes),
                ..named(&name, topic.topic_id, part.partition)
            }));
        }
        let mut forgotten = Vec::new();
        for topic in &read.forgotten_topics_data {
            let name = Arc::from(topic.topic.as_str());
            forgotten.extend(
                topic
                    .partitions
                    .iter()
                    .map(|index| named(&name, topic.topic_id, *index)),
            );
        }
        let request = FetchRequest {
            replica: if version >= 15 {
                read.replica_state.replica_id.0
            } else {
                read.replica_id.0
            },
            max_wait_ms: read.max_wait_ms,
            min_bytes: read.min_bytes,
            max_bytes: read.max_bytes,
            isolation_level: read.isolation_level,
            session_id: read.session_id,
            session_epoch: read.session_epoch,
            forgotten,
            rack: (!read.rack_id.is_empty()).then(|| Arc::from(read.rack_id.as_str())),
        };
        Some((request, parts))
    }

    const DECODERS: Decoders<Said> = Decoders {
        versions: 4..=18,
        encoded,
        read,
        by_generated,
    };

    #[test]
    fn every_version_is_read_as_the_generated_decoder_reads_it() {
        DECODERS.agree_on_every_version();
    }

    #[test]
    fn a_request_that_ends_too_early_is_refused() {
        DECODERS.refuse_what_ends_too_early();
    }

    #[test]
    fn a_changed_byte_is_read_as_the_generated_decoder_reads_it() {
        DECODERS.agree_on_changed_bytes();
    }
}
