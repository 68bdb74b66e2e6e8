//! Frames that lie. Without the guard most of these end the process: there is no error to catch.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, MetadataRequest, RequestKind};

use super::arbitrary::{self, all_versions};
use super::{RequestHead, StrBytes, WireError, decode_request, decode_response, encode_request, encode_request_of};
use crate::{Seed, SimRng};

fn head(api_key: ApiKey, version: i16) -> RequestHead {
    let client_id = Some(StrBytes::from_static_str("test"));
    RequestHead {
        api_key,
        version,
        correlation_id: 0x0102_0304,
        client_id,
    }
}

fn without_size(frame: Bytes) -> Bytes {
    let size = i32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(size as usize, frame.len() - 4);
    frame.slice(4..)
}

/// One request with defaults and one with content, for every API and version.
fn requests() -> Vec<(RequestHead, RequestKind, Bytes)> {
    let mut rng = Seed(1).stream("requests", 0);
    let mut all = Vec::new();
    for (api_key, version) in all_versions() {
        for body in [
            arbitrary::default_request(api_key),
            arbitrary::request(api_key, version, &mut rng),
        ] {
            let head = head(api_key, version);
            // Some defaults exist only in some versions.
            if let Ok(frame) = encode_request(&head, &body) {
                all.push((head, body, without_size(frame)));
            }
        }
    }
    all
}

/// One response with defaults and one with content, for every API and version.
pub(super) fn responses(seed: u64) -> Vec<(ApiKey, i16, super::ResponseKind, Bytes)> {
    let mut rng = Seed(seed).stream("responses", 0);
    let mut all = Vec::new();
    for (api_key, version) in all_versions() {
        for body in [
            arbitrary::default_response(api_key),
            arbitrary::response(api_key, version, &mut rng),
        ] {
            if let Ok(frame) = arbitrary::encode_any_response(api_key, version, 77, &body) {
                all.push((api_key, version, body, without_size(frame)));
            }
        }
    }
    all
}

#[test]
fn honest_requests_of_every_api_and_version_come_back_as_they_went_in() {
    let requests = requests();
    assert!(requests.len() >= 2 * all_versions().count() - 20, "{}", requests.len());
    for (head, body, frame) in requests {
        let decoded = decode_request(frame).unwrap();
        assert_eq!(decoded, (head, body));
    }
}

#[test]
fn honest_responses_of_every_api_and_version_come_back_as_they_went_in() {
    let responses = responses(2);
    assert!(
        responses.len() >= 2 * all_versions().count() - 20,
        "{}",
        responses.len()
    );
    for (api_key, version, body, frame) in responses {
        assert_eq!(decode_response(api_key, version, frame).unwrap(), (77, body));
    }
}

/// Calls `check` with the frame after each lie about a length at each position.
pub(super) fn for_each_lie(frame: &Bytes, mut check: impl FnMut(Bytes)) {
    let lies: [&[u8]; 4] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xfe],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xfe, 0xff, 0xff, 0xff, 0x07],
    ];
    for lie in lies {
        for at in 0..frame.len() {
            let mut lying = BytesMut::from(frame.as_ref());
            let end = (at + lie.len()).min(lying.len());
            lying[at..end].copy_from_slice(&lie[..end - at]);
            check(lying.freeze());
        }
    }
}

#[test]
fn a_lying_length_anywhere_in_any_request_is_survived() {
    for (_, _, frame) in requests() {
        for_each_lie(&frame, |lying| drop(decode_request(lying)));
    }
}

#[test]
fn a_lying_length_anywhere_in_any_response_is_survived() {
    for (api_key, version, _, frame) in responses(2) {
        for_each_lie(&frame, |lying| drop(decode_response(api_key, version, lying)));
    }
}

/// Changes, drops or adds a few bytes; edges of the number ranges more often than chance would.
pub(super) fn corrupt(frame: &Bytes, rng: &mut SimRng) -> Bytes {
    let mut bytes = frame.to_vec();
    for _ in 0..rng.between(1, 6) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.index(bytes.len());
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u32() as u8),
            2 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            3 => bytes[at] = 0x7f,
            4 => bytes[at] |= 0x80,
            5 => bytes[at] = 0,
            _ => bytes[at] = rng.next_u32() as u8,
        }
    }
    Bytes::from(bytes)
}

#[test]
fn corrupted_frames_are_survived() {
    let mut rng = Seed(3).stream("corruption", 0);
    let (requests, responses) = (requests(), responses(2));
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..250 {
        for (_, _, frame) in &requests {
            match decode_request(corrupt(frame, &mut rng)) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
        for (api_key, version, _, frame) in &responses {
            match decode_response(*api_key, *version, corrupt(frame, &mut rng)) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        refused > 10_000 && accepted > 10_000,
        "refused {refused}, accepted {accepted}"
    );
}

#[test]
fn an_array_that_claims_two_billion_topics_is_refused() {
    let mut frame = BytesMut::new();
    frame.extend_from_slice(&[0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff]);
    frame.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    let error = decode_request(frame.freeze()).unwrap_err();
    assert!(
        matches!(
            error,
            WireError::Malformed {
                api_key: ApiKey::Metadata,
                version: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn big_values_that_are_no_lengths_keep_their_value() {
    let partition = FetchPartition::default()
        .with_partition_max_bytes(1 << 20)
        .with_fetch_offset(7);
    let topic = FetchTopic::default().with_partitions(vec![partition; 3]);
    let request = FetchRequest::default()
        .with_max_wait_ms(i32::MAX)
        .with_max_bytes(52_428_800)
        .with_session_id(1_999_999_999)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let frame = encode_request_of(&head(ApiKey::Fetch, 12), &request).unwrap();
    let (_, decoded) = decode_request(without_size(frame)).unwrap();
    assert_eq!(decoded, RequestKind::Fetch(request));
}

#[test]
fn big_tags_of_other_vendors_are_kept() {
    let request = MetadataRequest::default().with_unknown_tagged_field(10_000, Bytes::from_static(b"x"));
    let frame = encode_request_of(&head(ApiKey::Metadata, 12), &request).unwrap();
    let (_, decoded) = decode_request(without_size(frame)).unwrap();
    assert_eq!(decoded, RequestKind::Metadata(request));
}

#[test]
fn byte_strings_share_the_memory_of_their_frame() {
    let records = Bytes::from(vec![7u8; 1_000]);
    let partition =
        kafka_protocol::messages::produce_request::PartitionProduceData::default().with_records(Some(records.clone()));
    let topic =
        kafka_protocol::messages::produce_request::TopicProduceData::default().with_partition_data(vec![partition]);
    let request = kafka_protocol::messages::ProduceRequest::default()
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic]);
    let frame = without_size(encode_request_of(&head(ApiKey::Produce, 9), &request).unwrap());
    let range = frame.as_ptr_range();
    let (_, decoded) = decode_request(frame).unwrap();
    let RequestKind::Produce(decoded) = decoded else {
        panic!("{decoded:?}")
    };
    let shared = decoded.topic_data[0].partition_data[0].records.clone().unwrap();
    assert_eq!(shared, records);
    assert!(range.contains(&shared.as_ptr()));
}
