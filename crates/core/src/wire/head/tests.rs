use bytes::BytesMut;

use super::super::{decode_request, decode_response, encode_request, encode_response};
use super::*;
use kafka_protocol::messages::{ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest, RequestKind};

fn head(version: i16, client_id: Option<&'static str>) -> RequestHead {
    let client_id = client_id.map(StrBytes::from_static_str);
    RequestHead {
        api_key: ApiKey::Metadata,
        version,
        correlation_id: 5,
        client_id,
    }
}

fn frame(head: &RequestHead) -> Bytes {
    encode_request(head, &RequestKind::Metadata(MetadataRequest::default()))
        .unwrap()
        .slice(4..)
}

#[test]
fn the_client_id_is_never_compact_and_may_be_null() {
    for version in [8, 9] {
        for id in [None, Some(""), Some("worker-1")] {
            let sent = head(version, id);
            let bytes = frame(&sent);
            let size = id.map_or(-1, |id| id.len() as i16);
            assert_eq!(bytes[8..10], size.to_be_bytes());
            assert_eq!(decode_request(bytes).unwrap().0, sent);
        }
    }
}

#[test]
fn the_fixed_part_can_be_read_when_nothing_else_can() {
    let bytes = [0x7f, 0xff, 0x00, 0x63, 0, 0, 0, 42];
    assert_eq!(
        peek_head(&bytes),
        Ok(RawHead {
            api_key: 0x7fff,
            version: 99,
            correlation_id: 42
        })
    );
    assert_eq!(
        decode_request(Bytes::copy_from_slice(&bytes)),
        Err(WireError::UnknownApiKey(0x7fff))
    );
    assert!(matches!(peek_head(&bytes[..7]), Err(WireError::MalformedHead(_))));
}

#[test]
fn an_unsupported_version_is_told_before_the_header_is_parsed() {
    let bytes = Bytes::from_static(&[0, 18, 0, 99, 0, 0, 0, 1, 0xde, 0xad]);
    let expected = WireError::UnsupportedVersion {
        api_key: ApiKey::ApiVersions,
        version: 99,
        min: 0,
        max: 4,
    };
    assert_eq!(decode_request(bytes), Err(expected));
}

#[test]
fn tagged_fields_of_a_header_are_skipped_and_their_lies_refused() {
    let plain = frame(&head(9, Some("id")));
    let tags_at = 8 + 2 + 2;
    let with_tags = |tags: &[u8]| {
        let mut bytes = BytesMut::from(&plain[..tags_at]);
        bytes.extend_from_slice(tags);
        bytes.extend_from_slice(&plain[tags_at + 1..]);
        decode_request(bytes.freeze())
    };
    assert!(with_tags(&[2, 0, 1, 0xaa, 5, 0]).is_ok());
    assert!(with_tags(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    assert!(with_tags(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    assert!(with_tags(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_err());
}

#[test]
fn a_bad_client_id_is_refused() {
    let with_id = |id: &[u8]| {
        let mut bytes = BytesMut::from(&[0u8, 3, 0, 8, 0, 0, 0, 1][..]);
        bytes.extend_from_slice(id);
        decode_request(bytes.freeze())
    };
    for id in [&[][..], &[0], &[0xff, 0xfe], &[0, 9, b'a'], &[0, 1, 0xff]] {
        assert!(matches!(with_id(id), Err(WireError::MalformedHead(_))), "{id:?}");
    }
}

#[test]
fn bytes_after_the_body_are_ignored() {
    let mut bytes = BytesMut::from(frame(&head(9, None)).as_ref());
    bytes.extend_from_slice(b"left over");
    assert!(decode_request(bytes.freeze()).is_ok());
}

#[test]
fn a_body_of_another_api_cannot_be_encoded() {
    let body = RequestKind::Produce(ProduceRequest::default());
    assert!(matches!(
        encode_request(&head(9, None), &body),
        Err(WireError::Unencodable { .. })
    ));
    assert!(matches!(
        encode_request(&head(99, None), &body),
        Err(WireError::Unencodable { .. } | WireError::UnsupportedVersion { .. })
    ));
}

#[test]
fn api_versions_responses_have_the_oldest_header_in_every_version() {
    for version in 0..=4 {
        let frame = encode_response(ApiKey::ApiVersions, version, 3, &ApiVersionsResponse::default()).unwrap();
        // Size, correlation id, and at once the error code and the array of ranges.
        let after_error = if version >= 3 { &[1u8][..] } else { &[0, 0, 0, 0][..] };
        assert_eq!(frame[10..10 + after_error.len()], *after_error, "version {version}");
        assert_eq!(
            decode_response(ApiKey::ApiVersions, version, frame.slice(4..))
                .unwrap()
                .0,
            3
        );
    }
}

#[test]
fn flexible_responses_have_tagged_fields_in_their_header() {
    let frame = encode_response(ApiKey::Metadata, 9, 3, &MetadataResponse::default()).unwrap();
    assert_eq!(frame[8], 0);
    let mut tagged = BytesMut::from(&frame[4..8]);
    tagged.extend_from_slice(&[1, 9, 2, 0xaa, 0xbb]);
    tagged.extend_from_slice(&frame[9..]);
    assert_eq!(decode_response(ApiKey::Metadata, 9, tagged.freeze()).unwrap().0, 3);
}

#[test]
fn requests_of_a_connection_share_the_client_id_until_another_one_is_named() {
    let mut last = None;
    let mut read = |client_id| {
        let mut frame = frame(&head(9, client_id));
        decode_request_head_after(&mut frame, &mut last).unwrap().client_id
    };
    let (first, second) = (read(Some("app")).unwrap(), read(Some("app")).unwrap());
    assert_eq!((first.as_str(), first.as_ptr()), ("app", second.as_ptr()));
    assert_eq!(read(Some("other")).as_deref(), Some("other"));
    assert_eq!(read(None), None);
    assert_eq!(read(Some("app")).as_deref(), Some("app"));
}
