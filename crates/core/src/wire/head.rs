//! Request headers.

use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;

use super::WireError;
use super::error::check_version;

/// The first eight bytes of a request, which have the same layout in every version of every API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawHead {
    /// Number of the API, possibly unknown.
    pub api_key: i16,
    /// Version of the API, possibly unsupported.
    pub version: i16,
    /// Number the response repeats.
    pub correlation_id: i32,
}

/// The header of a request of a known API and version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestHead {
    /// The API.
    pub api_key: ApiKey,
    /// The version of the API.
    pub version: i16,
    /// Number the response repeats.
    pub correlation_id: i32,
    /// `client.id` of the sender, for logs and quotas.
    pub client_id: Option<StrBytes>,
}

/// Reads the fixed part of a request header without judging it. Needed to answer an ApiVersions request of an
/// unsupported version (KIP-511), whose correlation id is all that can be understood.
///
/// # Errors
/// [`WireError::MalformedHead`] if the frame is shorter than eight bytes.
pub fn peek_head(mut frame: &[u8]) -> Result<RawHead, WireError> {
    if frame.len() < 8 {
        return Err(WireError::MalformedHead("shorter than eight bytes"));
    }
    Ok(RawHead {
        api_key: frame.get_i16(),
        version: frame.get_i16(),
        correlation_id: frame.get_i32(),
    })
}

/// Takes the header off the front of a frame (without its size) and leaves the body.
///
/// # Errors
/// An unknown API, an unsupported version or a malformed header. The frame is left as it was then.
pub fn decode_request_head(frame: &mut Bytes) -> Result<RequestHead, WireError> {
    decode_request_head_after(frame, &mut None)
}

/// As [`decode_request_head`], for one of many requests of a connection. `client_id` is what the request before named,
/// which is mostly the same, and becomes what this one names. The same id shares the memory of the one before.
///
/// # Errors
/// As [`decode_request_head`].
pub fn decode_request_head_after(
    frame: &mut Bytes,
    client_id: &mut Option<StrBytes>,
) -> Result<RequestHead, WireError> {
    let raw = peek_head(frame)?;
    let api_key = ApiKey::try_from(raw.api_key).map_err(|()| WireError::UnknownApiKey(raw.api_key))?;
    check_version(api_key, raw.version)?;
    let mut rest = &frame[8..];
    match client_id_size(&mut rest)? {
        None => *client_id = None,
        Some(size) => {
            let (id, after) = rest
                .split_at_checked(size)
                .ok_or(WireError::MalformedHead("ends inside the client id"))?;
            rest = after;
            if client_id.as_ref().is_none_or(|before| before.as_bytes() != id) {
                let id = StrBytes::from_utf8(frame.slice_ref(id));
                *client_id = Some(id.map_err(|_| WireError::MalformedHead("the client id is not UTF-8"))?);
            }
        }
    }
    if api_key.request_header_version(raw.version) >= 2 {
        skip_tagged_fields(&mut rest)?;
    }
    frame.advance(frame.len() - rest.len());
    Ok(RequestHead {
        api_key,
        version: raw.version,
        correlation_id: raw.correlation_id,
        client_id: client_id.clone(),
    })
}

/// Writes a request header.
pub(super) fn put_request_head(head: &RequestHead, buf: &mut Vec<u8>) -> Result<(), WireError> {
    buf.put_i16(head.api_key as i16);
    buf.put_i16(head.version);
    buf.put_i32(head.correlation_id);
    match &head.client_id {
        None => buf.put_i16(-1),
        Some(id) => {
            let size = i16::try_from(id.len())
                .map_err(|_| WireError::unencodable(head.api_key, head.version, "the client id is too long"))?;
            buf.put_i16(size);
            buf.put_slice(id.as_bytes());
        }
    }
    if head.api_key.request_header_version(head.version) >= 2 {
        buf.put_u8(0);
    }
    Ok(())
}

/// Upper bound of what [`put_request_head`] writes.
pub(super) fn request_head_size(head: &RequestHead) -> usize {
    8 + 2 + head.client_id.as_ref().map_or(0, |id| id.len()) + 1
}

/// The client id is never compact, not even in header version 2. `None`: there is none.
fn client_id_size(rest: &mut &[u8]) -> Result<Option<usize>, WireError> {
    let size = rest
        .try_get_i16()
        .map_err(|_| WireError::MalformedHead("ends before the client id"))?;
    if size == -1 {
        return Ok(None);
    }
    let size = usize::try_from(size).map_err(|_| WireError::MalformedHead("negative size of the client id"))?;
    Ok(Some(size))
}

/// Skips the tagged fields of a header: nobody has defined any.
#[inline]
pub(super) fn skip_tagged_fields(rest: &mut impl Buf) -> Result<(), WireError> {
    if rest.chunk().first() == Some(&0) {
        rest.advance(1);
        return Ok(());
    }
    skip_some_tagged_fields(rest)
}

#[cold]
fn skip_some_tagged_fields(rest: &mut impl Buf) -> Result<(), WireError> {
    for _ in 0..take_varint(rest)? {
        take_varint(rest)?;
        let size = take_varint(rest)? as usize;
        if size > rest.remaining() {
            return Err(WireError::MalformedHead("ends inside a tagged field"));
        }
        rest.advance(size);
    }
    Ok(())
}

fn take_varint(rest: &mut impl Buf) -> Result<u32, WireError> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = rest
            .try_get_u8()
            .map_err(|_| WireError::MalformedHead("ends inside its tagged fields"))?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(WireError::MalformedHead(
        "a variable-length integer of more than five bytes",
    ))
}

#[cfg(test)]
mod tests;
