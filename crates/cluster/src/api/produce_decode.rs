//! Decoding Produce requests into what the broker works with, without the generated types in between.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::FieldReader;
use uuid::Uuid;

use crate::broker::ProducePart;

/// A Produce request of any version from 3 on, but for its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProduceRequest {
    /// It names a transactional id.
    pub(super) transactional: bool,
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
}

/// A field, or what is wrong with it.
type Parsed<T> = Result<T, &'static str>;

/// Decodes a body and puts the records behind `parts`, before it is known whether there are such partitions. Bytes left
/// over are ignored, as Kafka does.
///
/// # Errors
/// It does not parse, for the reason that is given.
pub(super) fn decode(version: i16, body: &Bytes, parts: &mut Vec<ProducePart>) -> Parsed<ProduceRequest> {
    let mut body = FieldReader::new(body, version >= 9);
    let request = ProduceRequest {
        transactional: body.nullable_text()?.is_some(),
        acks: body.i16()?,
        timeout_ms: body.i32()?,
    };
    for _ in 0..body.count(1)? {
        topic(&mut body, version, parts)?;
    }
    body.no_tags()?;
    Ok(request)
}

/// What is for one topic, named up to version 12 and given by its id after that.
fn topic(fields: &mut FieldReader<'_>, version: i16, parts: &mut Vec<ProducePart>) -> Parsed<()> {
    let (topic, topic_id) = if version >= 13 {
        (StrBytes::default(), fields.uuid()?)
    } else {
        (fields.string()?, Uuid::nil())
    };
    for _ in 0..fields.count(4)? {
        let part = ProducePart {
            topic: topic.clone(),
            topic_id,
            index: fields.i32()?,
            tp: Err(ErrorCode::NONE),
            records: fields.nullable_bytes()?,
        };
        fields.no_tags()?;
        parts.push(part);
    }
    fields.no_tags()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::produce_request as generated;
    use kafka_protocol::messages::{ApiKey, RequestKind};
    use kafka_protocol::protocol::Encodable;
    use kafka_sim_core::wire;

    use super::super::decoders::Decoders;
    use super::*;

    /// What a request says, to be compared.
    type Said = (bool, i16, i32, Vec<(StrBytes, Uuid, i32, Option<Bytes>)>);

    fn encoded(version: i16) -> Vec<u8> {
        let partition = |index: i32| {
            let records = (index != 1).then(|| Bytes::from_static(b"records"));
            generated::PartitionProduceData::default()
                .with_index(index)
                .with_records(records)
        };
        let topic = |name: &'static str, id: u128, partitions: std::ops::Range<i32>| {
            let topic = generated::TopicProduceData::default().with_partition_data(partitions.map(partition).collect());
            match version {
                13.. => topic.with_topic_id(Uuid::from_u128(id)),
                _ => topic.with_name(StrBytes::from_static_str(name).into()),
            }
        };
        let request = generated::ProduceRequest::default()
            .with_transactional_id(Some(StrBytes::from_static_str("transaction").into()))
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic("orders", 1, 0..3), topic("users", 2, 7..8)]);
        let mut body = Vec::new();
        request.encode(&mut body, version).unwrap();
        body
    }

    fn read(version: i16, body: &[u8]) -> Option<Said> {
        let mut parts = Vec::new();
        let request = decode(version, &Bytes::copy_from_slice(body), &mut parts).ok()?;
        let parts = parts.into_iter();
        let parts = parts.map(|part| (part.topic, part.topic_id, part.index, part.records));
        Some((request.transactional, request.acks, request.timeout_ms, parts.collect()))
    }

    /// The same by way of the generated decoder.
    fn by_generated(version: i16, body: &[u8]) -> Option<Said> {
        let body = Bytes::copy_from_slice(body);
        let Ok(RequestKind::Produce(read)) = wire::decode_request_body(ApiKey::Produce, version, body) else {
            return None;
        };
        let mut parts = Vec::new();
        for topic in read.topic_data {
            for data in topic.partition_data {
                parts.push((topic.name.0.clone(), topic.topic_id, data.index, data.records));
            }
        }
        Some((read.transactional_id.is_some(), read.acks, read.timeout_ms, parts))
    }

    const DECODERS: Decoders<Said> = Decoders {
        versions: 3..=13,
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
