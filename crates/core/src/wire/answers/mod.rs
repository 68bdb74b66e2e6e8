//! Responses that clients get all the time, read into just what clients need of them.
//!
//! Every version is accepted and refused exactly as by [`decode_response`](super::decode_response); what is left out is
//! checked and dropped.

mod fetched;
mod metadata;
mod produced;
mod versions;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

pub use fetched::{Fetched, FetchedPartition, decode_fetched};
pub use metadata::{ClusterMetadata, PartitionMetadata, TopicMetadata, decode_metadata};
pub use produced::{Produced, ProducedPartition, decode_produced};
pub use versions::{VersionRow, Versions, decode_versions};

use super::WireError;
use super::fields::FieldReader;
use super::guard::is_flexible;
use super::response::take_head;

/// How a response names a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRef {
    /// The name, empty in versions that name topics by id.
    pub name: StrBytes,
    /// The id, nil in versions that name topics by name.
    pub id: Uuid,
}

/// Where a broker is that a response points to (KIP-951).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Broker id.
    pub id: i32,
    /// Host.
    pub host: StrBytes,
    /// Port, as it came.
    pub port: i32,
}

/// Decodes a response frame into its correlation id and what `read` takes from its body.
fn decode<T>(
    api_key: ApiKey,
    version: i16,
    frame: Bytes,
    read: impl FnOnce(&mut FieldReader<'_>, i16) -> Result<T, &'static str>,
) -> Result<(i32, T), WireError> {
    let mut body = &frame[..];
    let correlation_id = take_head(api_key, version, &mut body)?;
    let mut fields = FieldReader::of_rest(&frame, body, is_flexible(api_key, version));
    let body = read(&mut fields, version).map_err(|reason| WireError::malformed(api_key, version, reason))?;
    Ok((correlation_id, body))
}

/// Makes room for so many elements more, and no more than that if they are the first.
fn make_room<T>(elements: &mut Vec<T>, more: usize) {
    if elements.capacity() == 0 {
        *elements = Vec::with_capacity(more);
    } else {
        elements.reserve(more);
    }
}

fn topic(fields: &mut FieldReader<'_>, by_id: bool) -> Result<TopicRef, &'static str> {
    Ok(if by_id {
        TopicRef {
            name: StrBytes::default(),
            id: fields.uuid()?,
        }
    } else {
        TopicRef {
            name: fields.string()?,
            id: Uuid::nil(),
        }
    })
}

/// Leader and leader epoch in a tagged field.
fn leader(fields: &mut FieldReader<'_>) -> Result<(i32, i32), &'static str> {
    let leader = (fields.i32()?, fields.i32()?);
    fields.no_tags()?;
    Ok(leader)
}

fn endpoints(fields: &mut FieldReader<'_>) -> Result<Vec<Endpoint>, &'static str> {
    let count = fields.count(11)?;
    let mut endpoints = Vec::with_capacity(count);
    for _ in 0..count {
        endpoints.push(Endpoint {
            id: fields.i32()?,
            host: fields.string()?,
            port: fields.i32()?,
        });
        let _rack = fields.nullable_text()?;
        fields.no_tags()?;
    }
    Ok(endpoints)
}
