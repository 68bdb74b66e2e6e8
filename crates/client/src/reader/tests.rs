//! The reader against a scripted broker.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, ListOffsetsResponse, OffsetForLeaderEpochResponse, ProducerId,
    fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData},
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
};
use kafka_sim_core::{
    batch::{Batch, BatchBuilder, BatchOptions, Codec},
    wire::{ApiKey, RequestKind, StrBytes},
};

use super::*;
use crate::testing::{Received, Rig, topic_id};

fn reading(settings: &[(&str, &str)], start: StartAt) -> Rig<Reader> {
    let mut rig = idle(settings);
    rig.act(|reader, now, out| reader.assign(now, [(Arc::from("orders"), 0, start)], out));
    rig
}

fn idle(settings: &[(&str, &str)]) -> Rig<Reader> {
    let mut config = ReaderConfig::java();
    for (key, value) in settings {
        config = config.set(key, value).expect("a valid setting");
    }
    let bootstrap = vec![(Arc::from("bootstrap"), 9091)];
    let reader = Reader::new(config, bootstrap, Seed(5), 0).expect("valid settings");
    Rig::new(reader).topic("orders", &[1]).topic("wide", &[1, 2, 1])
}

/// A stored batch with values `v<offset>`.
fn batch(base_offset: i64, count: i64, codec: Codec, epoch: i32) -> Batch {
    batch_with(
        base_offset,
        count,
        epoch,
        BatchOptions {
            codec,
            ..BatchOptions::default()
        },
    )
}

fn batch_with(base_offset: i64, count: i64, epoch: i32, options: BatchOptions) -> Batch {
    let mut builder = BatchBuilder::new(options);
    for offset in base_offset..base_offset + count {
        builder.append(1_000 + offset, None, Some(format!("v{offset}").as_bytes()), &[]);
    }
    let mut batch = builder.build_batch().expect("all codecs are built in");
    batch.stamp(base_offset, epoch);
    batch
}

fn bytes_of(batches: &[Batch]) -> Bytes {
    let mut bytes = BytesMut::new();
    for batch in batches {
        batch.write_to(&mut bytes);
    }
    bytes.freeze()
}

fn data(records: Bytes, high_watermark: i64) -> PartitionData {
    PartitionData::default()
        .with_high_watermark(high_watermark)
        .with_last_stable_offset(high_watermark)
        .with_records(Some(records))
        .with_preferred_read_replica(BrokerId(-1))
}

fn error(code: ErrorCode) -> PartitionData {
    data(Bytes::new(), -1).with_error_code(code.0)
}

fn fetch_of(received: &Received) -> &FetchRequest {
    let RequestKind::Fetch(request) = &received.body else {
        panic!("not a fetch: {received:?}");
    };
    request
}

/// Offset a fetch asks of its first partition.
fn asked(received: &Received) -> i64 {
    fetch_of(received).topics[0].partitions[0].fetch_offset
}

impl Rig<Reader> {
    /// Answers a fetch for orders-0 within session 7.
    fn feed(&mut self, received: &Received, answer: PartitionData) {
        self.feed_session(received, 7, answer);
    }

    fn feed_session(&mut self, received: &Received, session: i32, answer: PartitionData) {
        let mut topic = FetchableTopicResponse::default().with_partitions(vec![answer]);
        if received.head.version >= 13 {
            topic.topic_id = topic_id("orders");
        } else {
            topic.topic = StrBytes::from_static_str("orders").into();
        }
        let response = FetchResponse::default()
            .with_session_id(session)
            .with_responses(vec![topic]);
        self.answer(received, &response);
    }

    fn list(&mut self, received: &Received, answer: ListOffsetsPartitionResponse) {
        let topic = ListOffsetsTopicResponse::default()
            .with_name(StrBytes::from_static_str("orders").into())
            .with_partitions(vec![answer]);
        self.answer(received, &ListOffsetsResponse::default().with_topics(vec![topic]));
    }

    fn found(&mut self, received: &Received, offset: i64) {
        self.list(
            received,
            ListOffsetsPartitionResponse::default()
                .with_offset(offset)
                .with_leader_epoch(-1),
        );
    }

    fn validate(&mut self, received: &Received, epoch: i32, end_offset: i64) {
        let answer = EpochEndOffset::default()
            .with_leader_epoch(epoch)
            .with_end_offset(end_offset);
        let topic = OffsetForLeaderTopicResult::default()
            .with_topic(StrBytes::from_static_str("orders").into())
            .with_partitions(vec![answer]);
        self.answer(
            received,
            &OffsetForLeaderEpochResponse::default().with_topics(vec![topic]),
        );
    }

    /// Lets the old leader refuse fetches until the reader has found the new one and asks it about its position.
    fn next_validation(&mut self) -> Received {
        for _ in 0..20 {
            self.run_millis(100);
            for request in std::mem::take(&mut self.requests) {
                if request.head.api_key == ApiKey::OffsetForLeaderEpoch {
                    return request;
                }
                self.feed(&request, error(ErrorCode::NOT_LEADER_OR_FOLLOWER));
            }
        }
        panic!("no validation");
    }

    fn read_offsets(&mut self) -> Vec<i64> {
        let mut offsets = Vec::new();
        for outcome in self.outcomes.drain(..) {
            if let ReaderOutcome::Records { records, .. } = outcome {
                offsets.extend(records.iter().map(|record| record.offset));
            }
        }
        offsets
    }

    fn position(&self) -> Option<i64> {
        self.client.positions().next().expect("one partition").1
    }
}

fn from_zero(settings: &[(&str, &str)]) -> Rig<Reader> {
    reading(settings, StartAt::Offset(0))
}

#[test]
fn everything_is_read_from_the_beginning_to_the_end() {
    let mut rig = reading(&[], StartAt::Earliest);
    assert_eq!(rig.position(), None);
    let lookup = rig.next();
    let RequestKind::ListOffsets(request) = &lookup.body else {
        panic!("{lookup:?}")
    };
    assert_eq!(request.topics[0].partitions[0].timestamp, -2);
    rig.found(&lookup, 3);
    let mut position = 3;
    for end in [5, 9, 12] {
        let fetch = rig.next();
        assert_eq!(asked(&fetch), position);
        rig.feed(
            &fetch,
            data(bytes_of(&[batch(position, end - position, Codec::None, 0)]), 12),
        );
        position = end;
    }
    let reached = rig
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome, ReaderOutcome::EndReached { .. }))
        .count();
    assert_eq!(reached, 1);
    assert_eq!(rig.read_offsets(), (3..12).collect::<Vec<_>>());
    assert_eq!(rig.position(), Some(12));
}

#[test]
fn records_before_the_wanted_offset_are_skipped() {
    let mut rig = reading(&[], StartAt::Offset(4));
    let fetch = rig.next();
    rig.feed(&fetch, data(bytes_of(&[batch(0, 7, Codec::None, 0)]), 7));
    assert_eq!(rig.read_offsets(), [4, 5, 6]);
}

#[test]
fn a_batch_cut_off_at_the_end_is_fetched_again() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    let whole = bytes_of(&[batch(0, 2, Codec::None, 0), batch(2, 2, Codec::None, 0)]);
    rig.feed(&fetch, data(whole.slice(..whole.len() - 5), 4));
    assert_eq!(rig.read_offsets(), [0, 1]);
    assert_eq!(asked(&rig.next()), 2);
}

#[test]
fn a_response_with_nothing_but_a_piece_is_an_error() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    let whole = bytes_of(&[batch(0, 2, Codec::None, 0)]);
    rig.feed(&fetch, data(whole.slice(..whole.len() - 5), 2));
    assert!(matches!(
        rig.outcomes[0],
        ReaderOutcome::Error {
            error: ReadError::Corrupt { .. },
            ..
        }
    ));
}

#[test]
fn compressed_batches_are_read() {
    for codec in Codec::ALL {
        let mut rig = from_zero(&[]);
        let fetch = rig.next();
        rig.feed(&fetch, data(bytes_of(&[batch(0, 20, codec, 0)]), 20));
        assert_eq!(rig.read_offsets().len(), 20, "{codec:?}");
    }
}

#[test]
fn a_damaged_batch_is_reported_and_ends_the_reading() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    let mut damaged = bytes_of(&[batch(0, 2, Codec::None, 0), batch(2, 2, Codec::None, 0)]).to_vec();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    rig.feed(&fetch, data(damaged.into(), 4));
    let found = rig.outcomes.iter().any(|outcome| {
        matches!(
            outcome,
            ReaderOutcome::Error {
                error: ReadError::Corrupt { offset: 2, .. },
                ..
            }
        )
    });
    assert!(found, "{:?}", rig.outcomes);
    assert_eq!(rig.read_offsets(), [0, 1]);
    rig.run_millis(5000);
    assert!(rig.requests.is_empty());
}

#[test]
fn without_check_crcs_a_damaged_value_passes_unnoticed() {
    let mut rig = from_zero(&[("check.crcs", "false")]);
    let fetch = rig.next();
    let mut damaged = bytes_of(&[batch(0, 1, Codec::None, 0)]).to_vec();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    rig.feed(&fetch, data(damaged.into(), 1));
    assert_eq!(rig.read_offsets(), [0]);
}

#[test]
fn an_offset_out_of_range_follows_the_reset_policy() {
    for (policy, timestamp) in [("earliest", -2), ("latest", -1)] {
        let mut rig = reading(&[("auto.offset.reset", policy)], StartAt::Offset(99));
        let fetch = rig.next();
        rig.feed(&fetch, error(ErrorCode::OFFSET_OUT_OF_RANGE));
        assert!(matches!(
            rig.outcomes[0],
            ReaderOutcome::OffsetOutOfRange {
                offset: 99,
                reset_to: Some(_),
                ..
            }
        ));
        let lookup = rig.next();
        let RequestKind::ListOffsets(request) = &lookup.body else {
            panic!("{lookup:?}")
        };
        assert_eq!(request.topics[0].partitions[0].timestamp, timestamp);
        rig.found(&lookup, 10);
        assert_eq!(asked(&rig.next()), 10);
    }
}

#[test]
fn without_a_reset_policy_an_offset_out_of_range_ends_the_reading() {
    let mut rig = reading(&[("auto.offset.reset", "none")], StartAt::Offset(99));
    let fetch = rig.next();
    rig.feed(&fetch, error(ErrorCode::OFFSET_OUT_OF_RANGE));
    assert!(matches!(
        rig.outcomes[0],
        ReaderOutcome::OffsetOutOfRange { reset_to: None, .. }
    ));
    rig.run_millis(5000);
    assert!(rig.requests.is_empty());
}

#[test]
fn a_session_names_only_what_changed() {
    let mut rig = from_zero(&[]);
    let full = rig.next();
    assert_eq!((fetch_of(&full).session_id, fetch_of(&full).session_epoch), (0, 0));
    rig.feed(&full, data(bytes_of(&[batch(0, 1, Codec::None, 0)]), 1));
    let moved = rig.next();
    assert_eq!((fetch_of(&moved).session_id, fetch_of(&moved).session_epoch), (7, 1));
    assert_eq!(fetch_of(&moved).topics.len(), 1);
    rig.answer(&moved, &FetchResponse::default().with_session_id(7));
    let unchanged = rig.next();
    assert_eq!(fetch_of(&unchanged).session_epoch, 2);
    assert!(fetch_of(&unchanged).topics.is_empty());
}

#[test]
fn a_lost_session_is_replaced() {
    for (code, id) in [
        (ErrorCode::FETCH_SESSION_ID_NOT_FOUND, 0),
        (ErrorCode::INVALID_FETCH_SESSION_EPOCH, 7),
    ] {
        let mut rig = from_zero(&[]);
        let full = rig.next();
        rig.feed(&full, data(Bytes::new(), 0));
        let incremental = rig.next();
        rig.answer(&incremental, &FetchResponse::default().with_error_code(code.0));
        let again = rig.next();
        let request = fetch_of(&again);
        assert_eq!(
            (request.session_id, request.session_epoch, request.topics.len()),
            (id, 0, 1),
            "{code}"
        );
    }
}

#[test]
fn an_old_broker_is_fetched_from_by_name_and_without_a_session() {
    let mut old = Rig::new(Reader::new(ReaderConfig::java(), vec![(Arc::from("b"), 9091)], Seed(5), 0).expect("valid"))
        .topic("orders", &[1]);
    old.cluster.versions.insert(ApiKey::Fetch as i16, (0, 6));
    old.act(|reader, now, out| reader.assign(now, [(Arc::from("orders"), 0, StartAt::Offset(0))], out));
    let fetch = old.next();
    assert_eq!(
        (fetch.head.version, fetch_of(&fetch).topics[0].topic.as_str()),
        (6, "orders")
    );
    old.feed_session(&fetch, 0, data(bytes_of(&[batch(0, 2, Codec::None, 0)]), 2));
    assert_eq!(old.read_offsets(), [0, 1]);
}

#[test]
fn a_moved_leader_is_found_and_the_position_validated_there() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    rig.feed(&fetch, data(bytes_of(&[batch(0, 5, Codec::None, 0)]), 5));
    let fetch = rig.next();
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 1)]);
    rig.feed(&fetch, error(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    let validation = rig.next_validation();
    assert_eq!(
        (validation.head.api_key, validation.port),
        (ApiKey::OffsetForLeaderEpoch, 9092)
    );
    rig.validate(&validation, 0, 5);
    let fetch = rig.next();
    assert_eq!((asked(&fetch), fetch.port), (5, 9092));
    assert!(
        !rig.outcomes
            .iter()
            .any(|outcome| matches!(outcome, ReaderOutcome::TruncationDetected { .. }))
    );
}

#[test]
fn a_truncated_log_is_noticed_after_a_leader_change() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    rig.feed(&fetch, data(bytes_of(&[batch(0, 5, Codec::None, 0)]), 5));
    let fetch = rig.next();
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 1)]);
    rig.feed(&fetch, error(ErrorCode::FENCED_LEADER_EPOCH));
    let validation = rig.next_validation();
    rig.validate(&validation, 0, 3);
    let expected = ReaderOutcome::TruncationDetected {
        topic: Arc::from("orders"),
        partition: 0,
        offset: 5,
        diverged_at: Some(3),
    };
    assert!(rig.outcomes.contains(&expected), "{:?}", rig.outcomes);
    assert_eq!(asked(&rig.next()), 3);
}

#[test]
fn without_a_reset_policy_a_truncation_ends_the_reading() {
    let mut rig = from_zero(&[("auto.offset.reset", "none")]);
    let fetch = rig.next();
    rig.feed(&fetch, data(bytes_of(&[batch(0, 5, Codec::None, 0)]), 5));
    let fetch = rig.next();
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 1)]);
    rig.feed(&fetch, error(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    let validation = rig.next_validation();
    rig.validate(&validation, -1, -1);
    assert!(matches!(
        rig.outcomes.last(),
        Some(ReaderOutcome::TruncationDetected {
            offset: 5,
            diverged_at: None,
            ..
        })
    ));
    rig.run_millis(5000);
    assert!(rig.requests.is_empty());
}

#[test]
fn a_preferred_replica_is_read_until_it_fails() {
    let mut rig = from_zero(&[("client.rack", "a")]);
    let fetch = rig.next();
    assert_eq!(fetch_of(&fetch).rack_id.as_str(), "a");
    rig.feed(&fetch, data(Bytes::new(), -1).with_preferred_read_replica(BrokerId(3)));
    let fetch = rig.next();
    assert_eq!(fetch.port, 9093);
    rig.feed(&fetch, error(ErrorCode::OFFSET_OUT_OF_RANGE));
    assert!(
        !rig.outcomes
            .iter()
            .any(|outcome| matches!(outcome, ReaderOutcome::OffsetOutOfRange { .. }))
    );
    assert_eq!(
        rig.next().port,
        9091,
        "the follower may only be behind: the leader is asked"
    );
}

#[test]
fn a_follower_that_metadata_does_not_show_is_not_preferred_before_metadata_is_asked_anew() {
    let mut rig = idle(&[("client.rack", "a")]);
    rig.cluster.brokers = vec![1, 2];
    let start = StartAt::Offset(0);
    rig.act(|reader, now, out| reader.assign(now, [(Arc::from("orders"), 0, start)], out));
    let name_it = |rig: &mut Rig<Reader>| {
        let fetch = rig.next();
        rig.feed(&fetch, data(Bytes::new(), -1).with_preferred_read_replica(BrokerId(3)));
        fetch.port
    };
    assert_eq!(name_it(&mut rig), 9091);
    rig.cluster.brokers = vec![1, 2, 3];
    rig.run_millis(1_000);
    assert_eq!(name_it(&mut rig), 9091, "metadata did not show the follower");
    assert_eq!(name_it(&mut rig), 9091, "newer metadata comes behind the answer");
    assert_eq!(
        rig.next().port,
        9093,
        "and was asked for long before metadata.max.age.ms"
    );
}

#[test]
fn errors_that_heal_are_retried_and_others_reported_once() {
    let mut rig = from_zero(&[]);
    for _ in 0..3 {
        let fetch = rig.next();
        rig.feed(&fetch, error(ErrorCode::KAFKA_STORAGE_ERROR));
        assert!(rig.requests.is_empty(), "not before the pause is over");
        rig.run_millis(1000);
    }
    assert!(rig.outcomes.is_empty());
    let fetch = rig.next();
    rig.feed(&fetch, error(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    rig.run_millis(5000);
    assert_eq!(rig.outcomes.len(), 1);
    assert!(rig.requests.is_empty());
}

#[test]
fn a_lost_connection_is_replaced_and_nothing_is_read_twice() {
    let mut rig = from_zero(&[]);
    let fetch = rig.next();
    rig.feed(&fetch, data(bytes_of(&[batch(0, 2, Codec::None, 0)]), 4));
    let fetch = rig.next();
    rig.reset(fetch.conn);
    rig.run_millis(300);
    let again = rig.next();
    assert_eq!((asked(&again), fetch_of(&again).session_epoch), (2, 0));
    rig.feed(
        &again,
        data(bytes_of(&[batch(0, 2, Codec::None, 0), batch(2, 2, Codec::None, 0)]), 4),
    );
    assert_eq!(rig.read_offsets(), [0, 1, 2, 3]);
}

#[test]
fn aborted_records_are_hidden_from_read_committed_only() {
    let options = BatchOptions {
        producer_id: 9,
        producer_epoch: 0,
        transactional: true,
        ..BatchOptions::default()
    };
    let mut marker = BatchBuilder::new(BatchOptions {
        control: true,
        ..options
    });
    marker.append(1_000, Some(&[0, 0, 0, 0]), Some(&[0, 0, 0, 0, 0, 0]), &[]);
    let mut marker = marker.build_batch().expect("builds");
    marker.stamp(4, 0);
    let batches = [
        batch(0, 2, Codec::None, 0),
        batch_with(2, 2, 0, options),
        marker,
        batch_with(5, 1, 0, options),
    ];
    for (level, expected) in [
        ("read_committed", vec![0, 1, 5]),
        ("read_uncommitted", vec![0, 1, 2, 3, 5]),
    ] {
        let mut rig = from_zero(&[("isolation.level", level)]);
        let fetch = rig.next();
        let aborted = AbortedTransaction::default()
            .with_producer_id(ProducerId(9))
            .with_first_offset(2);
        rig.feed(
            &fetch,
            data(bytes_of(&batches), 6).with_aborted_transactions(Some(vec![aborted])),
        );
        assert_eq!(rig.position(), Some(6), "the marker has an offset, too");
        assert_eq!(rig.read_offsets(), expected, "{level}");
    }
}

#[test]
fn each_broker_has_one_fetch_under_way() {
    let mut rig = from_zero(&[]);
    let before = rig.next();
    rig.act(|reader, now, out| {
        let all = (0..3).map(|partition| (Arc::from("wide"), partition, StartAt::Offset(0)));
        reader.assign(now, all, out);
    });
    assert!(
        rig.requests.is_empty(),
        "metadata waits behind the fetch for the assignment before"
    );
    rig.feed(&before, data(bytes_of(&[batch(0, 5, Codec::None, 0)]), 5));
    assert!(rig.outcomes.is_empty(), "what came for that assignment is dropped");
    let ports: Vec<u16> = rig.requests.iter().map(|request| request.port).collect();
    assert_eq!(ports, [9091, 9092]);
    assert_eq!(fetch_of(&rig.requests[0]).topics[0].partitions.len(), 2);
}

#[test]
fn waiting_for_a_long_poll_costs_no_wake_ups() {
    let mut rig = from_zero(&[]);
    rig.run_for(Duration::from_secs(20));
    assert!(rig.wake_ups < 3, "{}", rig.wake_ups);
}

#[test]
fn every_version_of_every_request_can_be_spoken() {
    for (api, oldest, newest) in [
        (ApiKey::Fetch, 4, 18),
        (ApiKey::ListOffsets, 1, 10),
        (ApiKey::OffsetForLeaderEpoch, 2, 4),
    ] {
        for version in oldest..=newest {
            let reader = Reader::new(ReaderConfig::java(), vec![(Arc::from("b"), 9091)], Seed(5), 0);
            let mut rig = Rig::new(reader.expect("valid")).topic("orders", &[1]);
            rig.cluster.versions.insert(api as i16, (0, version));
            rig.act(|reader, now, out| reader.assign(now, [(Arc::from("orders"), 0, StartAt::Earliest)], out));
            let lookup = rig.next();
            let answer = ListOffsetsPartitionResponse::default().with_offset(3);
            let epoch = if lookup.head.version >= 4 { 0 } else { -1 };
            rig.list(&lookup, answer.with_leader_epoch(epoch));
            let fetch = rig.next();
            assert_eq!(asked(&fetch), 3);
            let session = if fetch.head.version >= 7 { 7 } else { 0 };
            rig.feed_session(&fetch, session, data(bytes_of(&[batch(3, 2, Codec::None, 0)]), 5));
            assert_eq!(rig.read_offsets(), [3, 4], "{api:?} v{version}");
            if api == ApiKey::OffsetForLeaderEpoch && version >= 3 {
                rig.cluster.topics.insert("orders".to_owned(), vec![(2, 1)]);
                let validation = rig.next_validation();
                assert_eq!(validation.head.version, version);
                rig.validate(&validation, 0, 5);
                assert_eq!(rig.position(), Some(5));
            }
        }
    }
}
