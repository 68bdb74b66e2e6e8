//! Requests to and from bytes.

use bytes::{BufMut, Bytes};
use kafka_protocol::messages::{ApiKey, RequestKind};
use kafka_protocol::protocol::Encodable;

use super::dispatch::{request_from, with_all_apis};
use super::error::check_version;
use super::fields::FieldWriter;
use super::guard::{decode_guarded, is_flexible};
use super::head::{put_request_head, request_head_size};
use super::topic_ids::{Side, to_ids, to_names, version_by_name};
use super::{RequestHead, WireError, decode_request_head};

/// Bytes that the bodies of most requests take; more make the buffer grow.
const USUAL_SIZE: usize = 192;

/// Decodes a request frame, given without its size prefix. Byte strings in the result share the frame's memory.
///
/// # Errors
/// See [`decode_request_head`] and [`decode_request_body`].
pub fn decode_request(mut frame: Bytes) -> Result<(RequestHead, RequestKind), WireError> {
    let head = decode_request_head(&mut frame)?;
    let body = decode_request_body(head.api_key, head.version, frame)?;
    Ok((head, body))
}

/// Decodes what follows the header of a request. Bytes left over are ignored, as Kafka does.
///
/// # Errors
/// An unsupported version, or a body that does not parse.
pub fn decode_request_body(api_key: ApiKey, version: i16, body: Bytes) -> Result<RequestKind, WireError> {
    check_version(api_key, version)?;
    let by_name = version_by_name(api_key, version);
    let body = if by_name == version {
        body
    } else {
        to_names(api_key, Side::Request, body).map_err(|reason| WireError::malformed(api_key, version, reason))?
    };
    decode_guarded(body, is_flexible(api_key, by_name), |guard| {
        request_from(api_key, by_name, guard)
    })
}

/// Encodes a request with its size prefix.
///
/// # Errors
/// An unsupported version, a body that is not one of the API in the header, or one that uses fields the version lacks.
pub fn encode_request(head: &RequestHead, body: &RequestKind) -> Result<Bytes, WireError> {
    macro_rules! encode_any {
        ($($name:ident)*) => {
            match (head.api_key, body) {
                $((ApiKey::$name, RequestKind::$name(body)) => encode_request_of(head, body),)*
                (api_key, _) => {
                    Err(WireError::unencodable(api_key, head.version, "the body is another request"))
                }
            }
        };
    }
    with_all_apis!(encode_any)
}

/// Encodes a request whose type is known, with its size prefix. `body` must be the request of the API in the header.
///
/// # Errors
/// An unsupported version, or a body that uses fields the version lacks.
pub fn encode_request_of<T: Encodable>(head: &RequestHead, body: &T) -> Result<Bytes, WireError> {
    let mut frame = Vec::with_capacity(4 + request_head_size(head) + USUAL_SIZE);
    encode_request_into(head, body, &mut frame)?;
    Ok(frame.into())
}

/// Encodes a request as [`encode_request_of`] does, in place of what is in `frame`.
///
/// # Errors
/// As [`encode_request_of`].
pub fn encode_request_into<T: Encodable>(head: &RequestHead, body: &T, frame: &mut Vec<u8>) -> Result<(), WireError> {
    let (api_key, version) = (head.api_key, head.version);
    let unencodable = |reason| WireError::unencodable(api_key, version, reason);
    let by_name = version_by_name(api_key, version);
    begin(head, frame)?;
    let head_size = frame.len();
    body.encode(frame, by_name)
        .map_err(|reason| unencodable(reason.to_string()))?;
    if by_name != version {
        let body = Bytes::from(frame.split_off(head_size));
        let body = to_ids(api_key, Side::Request, body).map_err(|reason| unencodable(reason.to_owned()))?;
        frame.extend_from_slice(&body);
    }
    write_size(frame).ok_or_else(|| unencodable("longer than 2 GiB".to_owned()))
}

/// Encodes a request whose body is written field by field, in place of what is in `frame`.
///
/// # Errors
/// An unsupported version, or more than 2 GiB.
pub fn write_request(
    head: &RequestHead,
    frame: &mut Vec<u8>,
    body: impl FnOnce(&mut FieldWriter<'_>),
) -> Result<(), WireError> {
    begin(head, frame)?;
    body(&mut FieldWriter::new(frame, is_flexible(head.api_key, head.version)));
    write_size(frame).ok_or_else(|| WireError::unencodable(head.api_key, head.version, "longer than 2 GiB"))
}

/// Writes the header, with room for the size before it.
fn begin(head: &RequestHead, frame: &mut Vec<u8>) -> Result<(), WireError> {
    check_version(head.api_key, head.version)?;
    frame.clear();
    frame.put_i32(0);
    put_request_head(head, frame)
}

/// Fills in the size prefix; `None` if the frame is too long to have one.
pub(super) fn seal(mut frame: impl AsMut<[u8]> + Into<Bytes>) -> Option<Bytes> {
    write_size(frame.as_mut())?;
    Some(frame.into())
}

pub(super) fn write_size(frame: &mut [u8]) -> Option<()> {
    let size = i32::try_from(frame.len() - 4).ok()?;
    frame[..4].copy_from_slice(&size.to_be_bytes());
    Some(())
}
