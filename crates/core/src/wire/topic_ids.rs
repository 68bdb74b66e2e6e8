//! OffsetCommit and OffsetFetch version 10, which kafka-protocol lacks.
//!
//! They are version 9 with topic ids where that has topic names. Such bytes are rewritten to version 9 before they are
//! decoded, and from version 9 after they were encoded. In the decoded messages the name of a topic is its id as text.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

/// The version with ids, and the one with names that it is rewritten to.
const BY_ID: i16 = 10;
const BY_NAME: i16 = 9;

/// The name that stands for a topic's id in messages of version 10.
pub fn topic_id_as_name(id: Uuid) -> StrBytes {
    StrBytes::from_string(id.to_string())
}

/// The topic's id that a name stands for in messages of version 10.
pub fn topic_id_of_name(name: &str) -> Option<Uuid> {
    Uuid::try_parse(name).ok()
}

/// Which of the two messages of an API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Request,
    Response,
}

/// The version whose messages are the same but for names in place of ids; `version` itself for all others.
pub(super) fn version_by_name(api_key: ApiKey, version: i16) -> i16 {
    let is_rewritten = matches!(api_key, ApiKey::OffsetCommit | ApiKey::OffsetFetch) && version == BY_ID;
    if is_rewritten { BY_NAME } else { version }
}

/// The newest version that can be rewritten, if there is one above `newest`.
pub(super) fn newest_version(api_key: ApiKey, newest: i16) -> i16 {
    if newest == BY_NAME && version_by_name(api_key, BY_ID) != BY_ID {
        BY_ID
    } else {
        newest
    }
}

/// A body of version 10 as one of version 9.
pub(super) fn to_names(api_key: ApiKey, side: Side, body: Bytes) -> Result<Bytes, &'static str> {
    rewrite(api_key, side, body, |rest, out| {
        let id = take(rest, 16)?;
        let id: [u8; 16] = id.as_ref().try_into().expect("16 bytes were taken");
        let name = Uuid::from_bytes(id).to_string();
        put_varint(out, u32::try_from(name.len()).expect("an id has 36 characters") + 1);
        out.put_slice(name.as_bytes());
        Ok(())
    })
}

/// A body of version 9 as one of version 10.
pub(super) fn to_ids(api_key: ApiKey, side: Side, body: Bytes) -> Result<Bytes, &'static str> {
    rewrite(api_key, side, body, |rest, out| {
        let len = varint(rest)?.checked_sub(1).ok_or("a topic without a name")?;
        let name = take(rest, len as usize)?;
        let id = std::str::from_utf8(&name).ok().and_then(topic_id_of_name);
        out.put_slice(id.ok_or("the name of a topic is not an id")?.as_bytes());
        Ok(())
    })
}

/// A field of a message, in all that matters here.
enum Field {
    /// So many bytes.
    Plain(usize),
    /// A compact string, or null.
    Text,
    /// A compact array of 32-bit numbers.
    Numbers,
    /// The topic.
    Topic,
    /// A compact array of structs, or null.
    Structs(&'static [Field]),
}

use Field::{Numbers, Plain, Structs, Text, Topic};

/// Partition, offset, leader epoch.
const COMMITTED: Field = Plain(4 + 8 + 4);

const COMMIT_REQUEST: &[Field] = &[
    Text,
    Plain(4),
    Text,
    Text,
    Structs(&[Topic, Structs(&[COMMITTED, Text])]),
];
const COMMIT_RESPONSE: &[Field] = &[Plain(4), Structs(&[Topic, Structs(&[Plain(4 + 2)])])];
const FETCH_REQUEST: &[Field] = &[Structs(&[Text, Text, Plain(4), Structs(&[Topic, Numbers])]), Plain(1)];
const FETCH_RESPONSE: &[Field] = &[
    Plain(4),
    Structs(&[Text, Structs(&[Topic, Structs(&[COMMITTED, Text, Plain(2)])]), Plain(2)]),
];

type Rewrite = Result<(), &'static str>;

fn rewrite(
    api_key: ApiKey,
    side: Side,
    mut rest: Bytes,
    topic: impl Fn(&mut Bytes, &mut BytesMut) -> Rewrite,
) -> Result<Bytes, &'static str> {
    let fields = match (api_key, side) {
        (ApiKey::OffsetCommit, Side::Request) => COMMIT_REQUEST,
        (ApiKey::OffsetCommit, Side::Response) => COMMIT_RESPONSE,
        (_, Side::Request) => FETCH_REQUEST,
        (_, Side::Response) => FETCH_RESPONSE,
    };
    let mut out = BytesMut::with_capacity(rest.len());
    copy_struct(fields, &mut rest, &mut out, &topic)?;
    out.put_slice(&rest);
    Ok(out.freeze())
}

/// Copies a struct with its tagged fields. Every struct takes at least one byte, so that a count that lies runs out.
fn copy_struct(
    fields: &[Field],
    rest: &mut Bytes,
    out: &mut BytesMut,
    topic: &impl Fn(&mut Bytes, &mut BytesMut) -> Rewrite,
) -> Rewrite {
    for field in fields {
        match field {
            Plain(len) => out.put_slice(&take(rest, *len)?),
            Text => {
                let len = copy_varint(rest, out)?.saturating_sub(1) as usize;
                out.put_slice(&take(rest, len)?);
            }
            Numbers => {
                let count = copy_varint(rest, out)?.saturating_sub(1) as usize;
                out.put_slice(&take(rest, count.saturating_mul(4))?);
            }
            Topic => topic(rest, out)?,
            Structs(fields) => {
                for _ in 1..copy_varint(rest, out)? {
                    copy_struct(fields, rest, out, topic)?;
                }
            }
        }
    }
    for _ in 0..copy_varint(rest, out)? {
        copy_varint(rest, out)?;
        let len = copy_varint(rest, out)? as usize;
        out.put_slice(&take(rest, len)?);
    }
    Ok(())
}

fn take(rest: &mut Bytes, len: usize) -> Result<Bytes, &'static str> {
    if len > rest.len() {
        return Err("the body ends too early");
    }
    Ok(rest.split_to(len))
}

fn copy_varint(rest: &mut Bytes, out: &mut BytesMut) -> Result<u32, &'static str> {
    let value = varint(rest)?;
    put_varint(out, value);
    Ok(value)
}

fn varint(rest: &mut Bytes) -> Result<u32, &'static str> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = rest.try_get_u8().map_err(|_| "the body ends too early")?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a variable-length integer of more than five bytes")
}

fn put_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests;
