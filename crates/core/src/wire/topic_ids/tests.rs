//! Against bytes of Kafka's own classes (kafka-clients 4.2.0), and against bytes that lie.

use bytes::BytesMut;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, RequestKind,
    ResponseKind, TopicName,
};

use super::*;
use crate::wire::{
    RequestHead, decode_request, decode_request_body, decode_response, encode_request, encode_response_kind,
    supported_versions,
};
use crate::{Seed, SimRng};

const COMMIT_REQUEST: &str =
    "0862696c6c696e6700000005046d2d3100020102030405060708090a0b0c0d0e0f100200000003000000000000004d000000020278000000";
const COMMIT_RESPONSE: &str = "00000009020102030405060708090a0b0c0d0e0f1002000000030064000000";
const FETCH_REQUEST: &str = "030862696c6c696e67046d2d3100000005020102030405060708090a0b0c0d0e0f10030000000300000004000004616c6c00ffffffff00000100";
const FETCH_RESPONSE: &str = "00000009020862696c6c696e67020102030405060708090a0b0c0d0e0f100200000003000000000000004d0000000202780000000000000000";

fn bytes(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn topic() -> TopicName {
    TopicName(topic_id_as_name(Uuid::from_u128(
        0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
    )))
}

fn billing() -> GroupId {
    GroupId("billing".into())
}

fn requests() -> [(ApiKey, RequestKind, Bytes); 2] {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(3)
        .with_committed_offset(77)
        .with_committed_leader_epoch(2)
        .with_committed_metadata(Some("x".into()));
    let commit = OffsetCommitRequest::default()
        .with_group_id(billing())
        .with_generation_id_or_member_epoch(5)
        .with_member_id("m-1".into())
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(topic())
                .with_partitions(vec![partition]),
        ]);
    let one = OffsetFetchRequestGroup::default()
        .with_group_id(billing())
        .with_member_id(Some("m-1".into()))
        .with_member_epoch(5)
        .with_topics(Some(vec![
            OffsetFetchRequestTopics::default()
                .with_name(topic())
                .with_partition_indexes(vec![3, 4]),
        ]));
    let all = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId("all".into()))
        .with_topics(None);
    let fetch = OffsetFetchRequest::default()
        .with_groups(vec![one, all])
        .with_require_stable(true);
    [
        (ApiKey::OffsetCommit, commit.into(), bytes(COMMIT_REQUEST)),
        (ApiKey::OffsetFetch, fetch.into(), bytes(FETCH_REQUEST)),
    ]
}

fn responses() -> [(ApiKey, ResponseKind, Bytes); 2] {
    let partition = OffsetCommitResponsePartition::default()
        .with_partition_index(3)
        .with_error_code(100);
    let commit = OffsetCommitResponse::default()
        .with_throttle_time_ms(9)
        .with_topics(vec![
            OffsetCommitResponseTopic::default()
                .with_name(topic())
                .with_partitions(vec![partition]),
        ]);
    let partition = OffsetFetchResponsePartitions::default()
        .with_partition_index(3)
        .with_committed_offset(77)
        .with_committed_leader_epoch(2)
        .with_metadata(Some("x".into()));
    let group = OffsetFetchResponseGroup::default()
        .with_group_id(billing())
        .with_topics(vec![
            OffsetFetchResponseTopics::default()
                .with_name(topic())
                .with_partitions(vec![partition]),
        ]);
    let fetch = OffsetFetchResponse::default()
        .with_throttle_time_ms(9)
        .with_groups(vec![group]);
    [
        (ApiKey::OffsetCommit, commit.into(), bytes(COMMIT_RESPONSE)),
        (ApiKey::OffsetFetch, fetch.into(), bytes(FETCH_RESPONSE)),
    ]
}

fn head(api_key: ApiKey) -> RequestHead {
    RequestHead {
        api_key,
        version: BY_ID,
        correlation_id: 7,
        client_id: None,
    }
}

/// What precedes the body of such a request: size, API key, version, correlation id, no client id, no tags.
const REQUEST_HEAD: usize = 4 + 2 + 2 + 4 + 2 + 1;
/// And of such a response: size, correlation id, no tags.
const RESPONSE_HEAD: usize = 4 + 4 + 1;

#[test]
fn requests_are_written_and_read_as_kafka_does() {
    for (api_key, request, golden) in requests() {
        assert_eq!(supported_versions(api_key).end(), &BY_ID);
        let frame = encode_request(&head(api_key), &request).unwrap();
        assert_eq!(frame.slice(REQUEST_HEAD..), golden);
        assert_eq!(decode_request_body(api_key, BY_ID, golden).unwrap(), request);
        let (read, body) = decode_request(frame.slice(4..)).unwrap();
        assert_eq!((read, body), (head(api_key), request));
    }
}

#[test]
fn responses_are_written_and_read_as_kafka_does() {
    for (api_key, response, golden) in responses() {
        let frame = encode_response_kind(api_key, BY_ID, 7, &response).unwrap();
        assert_eq!(frame.slice(RESPONSE_HEAD..), golden);
        let read = decode_response(api_key, BY_ID, frame.slice(4..)).unwrap();
        assert_eq!(read, (7, response));
    }
}

#[test]
fn a_topic_without_an_id_is_not_written() {
    let named = OffsetCommitRequestTopic::default().with_name(TopicName("orders".into()));
    let request = OffsetCommitRequest::default().with_topics(vec![named]).into();
    let error = encode_request(&head(ApiKey::OffsetCommit), &request).unwrap_err();
    assert!(error.to_string().contains("is not an id"), "{error}");
}

/// Cuts the body off, and changes some of its bytes.
fn damaged(golden: &Bytes, rng: &mut SimRng) -> Bytes {
    let mut bytes = BytesMut::from(&golden[..=rng.index(golden.len())]);
    for _ in 0..rng.between(0, 3) {
        let at = rng.index(bytes.len());
        bytes[at] = if rng.chance(1, 2) { 0xff } else { rng.next_u32() as u8 };
    }
    bytes.freeze()
}

#[test]
fn damaged_bodies_are_refused_or_read_and_never_grow_beyond_their_ids() {
    let mut rng = Seed(4).stream("damage", 0);
    for _ in 0..2_000 {
        for (api_key, _, golden) in requests() {
            let body = damaged(&golden, &mut rng);
            if let Ok(rewritten) = to_names(api_key, Side::Request, body.clone()) {
                assert!(rewritten.len() <= body.len() * 37 / 16 + 1);
            }
            drop(decode_request_body(api_key, BY_ID, body));
        }
        for (api_key, _, golden) in responses() {
            let mut frame = BytesMut::from(&[0, 0, 0, 7, 0][..]);
            frame.extend_from_slice(&damaged(&golden, &mut rng));
            drop(decode_response(api_key, BY_ID, frame.freeze()));
        }
    }
}
