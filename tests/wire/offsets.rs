//! ListOffsets and OffsetForLeaderEpoch.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::messages::{BrokerId, OffsetForLeaderEpochRequest};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_core::ConnId;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
use kafka_sim_tests::requests::{list_offsets, topic_name};
use kafka_sim_tests::{Harness, batch};

const START_MS: i64 = 1_700_000_000_000;
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;

fn at(timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(timestamp, None, Some(b"v"), &[]);
    builder.build().expect("no codec fails on bytes in memory")
}

#[test]
fn timestamps_find_the_first_record_at_or_after_them() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for offset in [0, 100, 50, 200] {
        h.produce(conn, "orders", 0, 1, at(START_MS + offset));
    }
    let mut ask = |timestamp| {
        let found = h.offset_of(conn, 10, "orders", 0, timestamp);
        (found.error_code, found.offset, found.timestamp)
    };
    assert_eq!(ask(0), (0, 0, START_MS));
    assert_eq!(ask(START_MS + 1), (0, 1, START_MS + 100));
    assert_eq!(ask(START_MS + 101), (0, 3, START_MS + 200));
    assert_eq!(ask(START_MS + 201), (0, -1, -1));
    assert_eq!(ask(LATEST), (0, 4, -1));
    assert_eq!(ask(EARLIEST), (0, 0, -1));
    assert_eq!(ask(MAX_TIMESTAMP), (0, 3, START_MS + 200));
    assert_eq!(ask(-4), (0, 0, -1));
    assert_eq!(ask(-5), (0, -1, -1));
}

#[test]
fn special_timestamps_below_their_version_are_unsupported() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for (timestamp, since) in [
        (LATEST, 1),
        (EARLIEST, 1),
        (MAX_TIMESTAMP, 7),
        (-4, 8),
        (-5, 9),
        (-6, 11),
        (-7, 99),
        (i64::MIN, 99),
    ] {
        for version in 1..=10 {
            let code = h.offset_of(conn, version, "orders", 0, timestamp).error_code;
            assert_eq!(code, if version >= since { 0 } else { 35 }, "{timestamp} in v{version}");
        }
    }
}

#[test]
fn consumers_hear_of_the_high_watermark_and_debuggers_of_the_log_end() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, -1, batch("a"));
    let b = followers.into_iter().map(|id| Peer::from(Role::broker(id))).collect();
    h.inject(Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b,
    });
    h.produce(conn, "orders", 0, 1, at(START_MS + 9));
    assert_eq!(h.offset_of(conn, 10, "orders", 0, LATEST).offset, 1);
    assert_eq!(
        h.offset_of(conn, 10, "orders", 0, START_MS + 5).offset,
        -1,
        "a match above the bound is no match"
    );
    assert_eq!(h.offset_of(conn, 10, "orders", 0, MAX_TIMESTAMP).offset, -1);
    let debugger = list_offsets("orders", 0, LATEST).with_replica_id(BrokerId(-2));
    assert_eq!(h.ask(conn, 10, &debugger).topics[0].partitions[0].offset, 2);
}

#[test]
fn who_is_not_the_leader_or_does_not_know_says_so() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let (leader, follower) = (h.leader("orders", 0), h.followers("orders", 0)[0]);
    let conn = h.connect(follower);
    assert_eq!(h.offset_of(conn, 10, "orders", 0, LATEST).error_code, 6);
    let conn = h.connect(leader);
    assert_eq!(h.offset_of(conn, 10, "nothing", 0, LATEST).error_code, 3);
    assert_eq!(h.offset_of(conn, 10, "orders", 5, LATEST).error_code, 3);
    let mut request = list_offsets("orders", 0, LATEST);
    for (epoch, code) in [(1, 75), (0, 0), (-1, 0)] {
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        assert_eq!(h.ask(conn, 10, &request).topics[0].partitions[0].error_code, code);
    }
}

#[test]
fn a_partition_listed_twice_is_invalid() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let mut request = list_offsets("orders", 0, LATEST);
    let again = request.topics[0].partitions[0].clone();
    request.topics[0].partitions.push(again);
    let codes: Vec<i16> = h.ask(conn, 10, &request).topics[0]
        .partitions
        .iter()
        .map(|p| p.error_code)
        .collect();
    assert_eq!(codes, [42, 42]);
}

/// A leader whose high watermark lags: it was elected before it heard of what its predecessor had committed.
fn lagging_leader() -> (Harness, ConnId) {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3).config("min.insync.replicas", "2"));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    h.produce(conn, "orders", 0, -1, batch("a"));
    // Whoever leads next knows the record but not that it is committed, and finds nobody to follow it.
    for follower in h.followers("orders", 0) {
        assert_eq!(
            (
                h.replica("orders", 0, follower).log_end,
                h.replica("orders", 0, follower).high_watermark
            ),
            (1, 0)
        );
    }
    let followers = h.followers("orders", 0);
    h.inject(Fault::Kill(Role::broker(old)));
    h.inject(Fault::Partition {
        a: vec![Role::broker(followers[0]).into()],
        b: vec![Role::broker(followers[1]).into()],
    });
    h.wait(Duration::from_secs(20), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != old)
    });
    h.pass(Duration::from_millis(500));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    (h, conn)
}

#[test]
fn a_new_leader_does_not_say_what_it_does_not_know_yet() {
    let (mut h, conn) = lagging_leader();
    for version in 1..=10 {
        let code = if version >= 5 { 78 } else { 5 };
        assert_eq!(
            h.offset_of(conn, version, "orders", 0, LATEST).error_code,
            code,
            "v{version}"
        );
        assert_eq!(h.offset_of(conn, version, "orders", 0, START_MS).error_code, code);
        assert_eq!(h.offset_of(conn, version, "orders", 0, EARLIEST).error_code, 0);
    }
    assert_eq!(h.read(conn, "orders", 0, 0), [], "nor does it show records");
    h.converge();
    assert_eq!(h.offset_of(conn, 10, "orders", 0, LATEST).offset, 1);
}

fn end_of_epoch(h: &mut Harness, conn: ConnId, version: i16, current: i32, epoch: i32) -> (i16, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(current)
        .with_leader_epoch(epoch);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name("orders"))
        .with_partitions(vec![partition]);
    let mut request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    if version >= 3 {
        request.replica_id = BrokerId(-1);
    }
    let response = h.ask(conn, version, &request);
    let found = &response.topics[0].partitions[0];
    (found.error_code, found.leader_epoch, found.end_offset)
}

#[test]
fn an_epoch_ends_where_the_next_one_began() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    h.produce(conn, "orders", 0, -1, batch("a"));
    h.produce(conn, "orders", 0, -1, batch("b"));
    h.inject(Fault::Kill(Role::broker(old)));
    h.wait(Duration::from_secs(30), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != old)
    });
    h.converge();
    let (leader, epoch) = (h.leader("orders", 0), h.partition("orders", 0).leader_epoch);
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, -1, batch("c"));
    for version in 2..=4 {
        assert_eq!(end_of_epoch(&mut h, conn, version, -1, 0), (0, 0, 2));
        assert_eq!(end_of_epoch(&mut h, conn, version, epoch, epoch), (0, epoch, 3));
        assert_eq!(
            end_of_epoch(&mut h, conn, version, -1, epoch + 1),
            (0, -1, -1),
            "an epoch to come"
        );
        assert_eq!(end_of_epoch(&mut h, conn, version, -1, -1), (0, -1, -1));
        assert_eq!(end_of_epoch(&mut h, conn, version, epoch - 1, 0).0, 74);
        assert_eq!(end_of_epoch(&mut h, conn, version, epoch + 1, 0).0, 75);
    }
    let follower = h.followers("orders", 0)[0];
    let conn = h.connect(follower);
    assert_eq!(end_of_epoch(&mut h, conn, 4, -1, 0).0, 6);
}
