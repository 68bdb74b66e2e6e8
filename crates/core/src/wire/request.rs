//! Requests to and from bytes.

use std::ops::Range;

use bytes::{BufMut, Bytes};
use kafka_protocol::messages::{ApiKey, RequestKind};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::dispatch::{request_from, with_all_apis};
use super::error::check_version;
use super::fields::FieldWriter;
use super::guard::{decode_guarded, is_flexible};
use super::head::{put_request_head, request_head_size};
use super::shipping::SharedMemory;
use super::topic_ids::{Side, to_ids, to_names, version_by_name};
use super::{RequestHead, WireError, decode_request_head};

/// Bytes that the bodies of most requests take; more make the buffer grow.
const USUAL_SIZE: usize = 192;

/// Where in a frame with its size prefix the correlation id is.
const CORRELATION_ID: Range<usize> = 8..12;

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

/// Writes requests of one client, one after the other into the same memory. Most requests are of the same API and version
/// as the one before, whose header differs in nothing but the correlation id.
#[derive(Clone, Debug)]
pub struct RequestWriter {
    head: RequestHead,
    frame: Vec<u8>,
    memory: SharedMemory,
    /// Where the body begins, if `frame` begins with this header.
    body_at: Option<usize>,
    flexible: bool,
}

impl RequestWriter {
    /// A client with this `client.id`. Its first request has the correlation id 0.
    pub fn new(client_id: StrBytes) -> Self {
        RequestWriter {
            head: RequestHead {
                api_key: ApiKey::ApiVersions,
                version: 0,
                correlation_id: -1,
                client_id: Some(client_id),
            },
            frame: Vec::new(),
            memory: SharedMemory::default(),
            body_at: None,
            flexible: false,
        }
    }

    /// The header of the last request.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Hands the last request out, with its size prefix. Only once.
    pub fn hand_out(&mut self) -> Bytes {
        let bytes = self.memory.hand_out(&mut self.frame);
        // Long frames take their header along.
        self.body_at = self.body_at.filter(|_| !self.frame.is_empty());
        bytes
    }

    /// Encodes the next request.
    ///
    /// # Errors
    /// As [`encode_request_of`].
    pub fn encode<T: Encodable>(&mut self, api_key: ApiKey, version: i16, body: &T) -> Result<(), WireError> {
        self.body_at = None;
        self.name_next(api_key, version);
        encode_request_into(&self.head, body, &mut self.frame)
    }

    /// Writes the next request field by field.
    ///
    /// # Errors
    /// As [`write_request`].
    pub fn write(
        &mut self,
        api_key: ApiKey,
        version: i16,
        body: impl FnOnce(&mut FieldWriter<'_>),
    ) -> Result<(), WireError> {
        let same = self.head.api_key == api_key && self.head.version == version;
        self.name_next(api_key, version);
        // A header that could not be written leaves none to go on from.
        match self.body_at.take().filter(|_| same) {
            Some(at) => {
                self.frame.truncate(at);
                self.frame[CORRELATION_ID].copy_from_slice(&self.head.correlation_id.to_be_bytes());
            }
            None => {
                begin(&self.head, &mut self.frame)?;
                self.flexible = is_flexible(api_key, version);
            }
        }
        self.body_at = Some(self.frame.len());
        body(&mut FieldWriter::new(&mut self.frame, self.flexible));
        write_size(&mut self.frame).ok_or_else(|| WireError::unencodable(api_key, version, "longer than 2 GiB"))
    }

    fn name_next(&mut self, api_key: ApiKey, version: i16) {
        self.head.api_key = api_key;
        self.head.version = version;
        self.head.correlation_id = self.head.correlation_id.checked_add(1).unwrap_or(0);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_refused_is_refused_again() {
        let mut writer = RequestWriter::new(StrBytes::from_static_str("tester"));
        writer.write(ApiKey::Fetch, 17, |fields| fields.count(0)).unwrap();
        for _ in 0..2 {
            assert!(writer.write(ApiKey::Fetch, 1_000, |fields| fields.count(0)).is_err());
        }
    }

    #[test]
    fn requests_in_the_same_memory_are_those_that_are_written_alone() {
        let client_id = StrBytes::from_static_str("tester");
        let mut writer = RequestWriter::new(client_id.clone());
        let requests = [
            (ApiKey::Fetch, 17, 3),
            (ApiKey::Fetch, 17, 0),
            (ApiKey::Fetch, 17, 40),
            (ApiKey::Fetch, 17, 400),
            (ApiKey::Fetch, 17, 1),
            (ApiKey::Fetch, 11, 2),
            (ApiKey::Produce, 11, 2),
            (ApiKey::Produce, 11, 1),
        ];
        for (correlation_id, (api_key, version, size)) in (0..).zip(requests) {
            let body = |fields: &mut FieldWriter<'_>| {
                fields.count(size);
                (0..size).for_each(|_| fields.i64(correlation_id.into()));
            };
            writer.write(api_key, version, body).unwrap();
            let head = RequestHead {
                api_key,
                version,
                correlation_id,
                client_id: Some(client_id.clone()),
            };
            let mut alone = Vec::new();
            write_request(&head, &mut alone, body).unwrap();
            let bytes = writer.hand_out();
            assert_eq!((writer.head(), &bytes[..]), (&head, &alone[..]));
        }
    }
}
