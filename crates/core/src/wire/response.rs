//! Responses to and from bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ResponseKind};
use kafka_protocol::protocol::Encodable;

use super::dispatch::response_from;
use super::error::check_version;
use super::fields::FieldWriter;
use super::guard::{decode_guarded, is_flexible};
use super::head::skip_tagged_fields;
use super::request::{seal, write_size};
use super::shipping::SharedMemory;
use super::topic_ids::{Side, to_ids, to_names, version_by_name};
use super::{RequestHead, WireError};

/// Bytes that most responses take; more make the buffer grow.
const USUAL_SIZE: usize = 256;

/// Encodes a response with its size prefix. `body` must be the response of `api_key`.
///
/// ApiVersions responses have header version 0 in every version (KIP-511): a client that asked for too new a version
/// must be able to read the answer.
///
/// # Errors
/// An unsupported version, or a body that uses fields the version lacks.
pub fn encode_response<T: Encodable>(
    api_key: ApiKey,
    version: i16,
    correlation_id: i32,
    body: &T,
) -> Result<Bytes, WireError> {
    let unencodable = |reason| WireError::unencodable(api_key, version, reason);
    let mut buf = Vec::with_capacity(USUAL_SIZE);
    begin(&mut buf, api_key, version, correlation_id)?;
    let head_size = buf.len();
    body.encode(&mut buf, version_by_name(api_key, version))
        .map_err(|reason| unencodable(reason.to_string()))?;
    if let Some(body) = by_id(api_key, version, &buf[head_size..])? {
        buf.truncate(head_size);
        buf.extend_from_slice(&body);
    }
    seal(buf).ok_or_else(|| unencodable("longer than 2 GiB".to_owned()))
}

/// Encodes a response of whichever API with its size prefix, as [`encode_response`] does.
///
/// # Errors
/// As [`encode_response`].
pub fn encode_response_kind(
    api_key: ApiKey,
    version: i16,
    correlation_id: i32,
    body: &ResponseKind,
) -> Result<Bytes, WireError> {
    let unencodable = |reason| WireError::unencodable(api_key, version, reason);
    let mut buf = BytesMut::with_capacity(USUAL_SIZE);
    begin(&mut buf, api_key, version, correlation_id)?;
    let head_size = buf.len();
    body.encode(&mut buf, version_by_name(api_key, version))
        .map_err(|reason| unencodable(reason.to_string()))?;
    if let Some(body) = by_id(api_key, version, &buf[head_size..])? {
        buf.truncate(head_size);
        buf.extend_from_slice(&body);
    }
    seal(buf).ok_or_else(|| unencodable("longer than 2 GiB".to_owned()))
}

/// Encodes the response to a request field by field, with its size prefix. `room`: as many bytes as it usually takes.
///
/// # Errors
/// An unsupported version, or more than 2 GiB.
pub fn write_response(
    head: &RequestHead,
    room: usize,
    body: impl FnOnce(&mut FieldWriter<'_>),
) -> Result<Bytes, WireError> {
    let mut frame = Vec::with_capacity(room);
    write_into(&mut frame, head, body)?;
    Ok(frame.into())
}

/// Writes a response into an empty `frame`.
fn write_into(
    frame: &mut Vec<u8>,
    head: &RequestHead,
    body: impl FnOnce(&mut FieldWriter<'_>),
) -> Result<(), WireError> {
    let (api_key, version) = (head.api_key, head.version);
    begin(frame, api_key, version, head.correlation_id)?;
    body(&mut FieldWriter::new(frame, is_flexible(api_key, version)));
    write_size(frame).ok_or_else(|| WireError::unencodable(api_key, version, "longer than 2 GiB"))
}

/// Encodes the responses of one sender. Short frames share memory, which is taken for many of them at once.
#[derive(Clone, Default, Debug)]
pub struct ResponseWriter {
    /// The frame that is being written.
    frame: Vec<u8>,
    memory: SharedMemory,
}

impl ResponseWriter {
    /// Encodes the response to a request as [`write_response`] does.
    ///
    /// # Errors
    /// As [`write_response`].
    pub fn write(
        &mut self,
        head: &RequestHead,
        room: usize,
        body: impl FnOnce(&mut FieldWriter<'_>),
    ) -> Result<Bytes, WireError> {
        self.frame.clear();
        self.frame.reserve(room);
        write_into(&mut self.frame, head, body)?;
        Ok(self.memory.hand_out(&mut self.frame))
    }
}

/// Writes the header, with room for the size before it.
#[inline]
fn begin(buf: &mut impl BufMut, api_key: ApiKey, version: i16, correlation_id: i32) -> Result<(), WireError> {
    check_version(api_key, version)?;
    let mut header = [0; 9];
    header[4..8].copy_from_slice(&correlation_id.to_be_bytes());
    let size = 8 + usize::from(has_tagged_head(api_key, version));
    buf.put_slice(&header[..size]);
    Ok(())
}

/// Decodes a response frame, given without its size prefix, into its correlation id and body. Byte strings in the
/// result share the frame's memory.
///
/// # Errors
/// An unsupported version, or a response that does not parse.
pub fn decode_response(api_key: ApiKey, version: i16, mut frame: Bytes) -> Result<(i32, ResponseKind), WireError> {
    let correlation_id = take_head(api_key, version, &mut frame)?;
    let by_name = version_by_name(api_key, version);
    if by_name != version {
        frame = to_names(api_key, Side::Response, frame)
            .map_err(|reason| WireError::malformed(api_key, version, reason))?;
    }
    let body = decode_guarded(frame, is_flexible(api_key, by_name), |guard| {
        response_from(api_key, by_name, guard)
    })?;
    Ok((correlation_id, body))
}

/// Takes the header off the front of a frame and leaves the body. The correlation id.
pub(super) fn take_head(api_key: ApiKey, version: i16, frame: &mut impl Buf) -> Result<i32, WireError> {
    check_version(api_key, version)?;
    let correlation_id = frame
        .try_get_i32()
        .map_err(|_| WireError::MalformedHead("ends before the correlation id"))?;
    if has_tagged_head(api_key, version) {
        skip_tagged_fields(frame)?;
    }
    Ok(correlation_id)
}

/// The body in a version that names topics by id, if it is one; `body` names them as [`version_by_name`] does.
fn by_id(api_key: ApiKey, version: i16, body: &[u8]) -> Result<Option<Bytes>, WireError> {
    if version_by_name(api_key, version) == version {
        return Ok(None);
    }
    let body = to_ids(api_key, Side::Response, Bytes::copy_from_slice(body));
    let body = body.map_err(|reason| WireError::unencodable(api_key, version, reason.to_owned()))?;
    Ok(Some(body))
}

/// Whether the response header is version 1, which has tagged fields.
fn has_tagged_head(api_key: ApiKey, version: i16) -> bool {
    api_key != ApiKey::ApiVersions && api_key.response_header_version(version) >= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_shared_memory_are_those_that_have_their_own() {
        let head = RequestHead {
            api_key: ApiKey::Fetch,
            version: 17,
            correlation_id: 9,
            client_id: None,
        };
        let mut writer = ResponseWriter::default();
        let sizes = (0..40_usize).map(|at| at * 53 % 1_500);
        let frames: Vec<_> = sizes
            .map(|size| {
                let body = |fields: &mut FieldWriter<'_>| fields.nullable_bytes(Some(&vec![7; size]));
                let expected = write_response(&head, 0, body).expect("the version is supported");
                // What is expected to be long, and what turns out to be.
                let room = if size % 2 == 0 { size } else { 0 };
                let frame = writer.write(&head, room, body).expect("the version is supported");
                (frame, expected)
            })
            .collect();
        for (frame, expected) in frames {
            assert_eq!(frame, expected);
        }
    }
}
