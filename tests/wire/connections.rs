//! One request of a connection is in the broker at a time, and each is handled to its end.

use std::time::Duration;

use kafka_protocol::messages::{FetchRequest, MetadataRequest, ProduceRequest};
use kafka_sim_cluster::{CloseReason, ClusterConfig, Topic};
use kafka_sim_tests::requests::{FETCH, PRODUCE, fetch, metadata, produce};
use kafka_sim_tests::{Harness, batch};

fn second() -> Duration {
    Duration::from_secs(1)
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let mut bytes = Vec::new();
    let mut sent = Vec::new();
    for at in 0..20 {
        let (correlation, frame) = match at % 2 {
            0 => h.frame(12, &metadata(&["orders"])),
            _ => h.frame(PRODUCE, &produce("orders", 0, 1, batch("a"))),
        };
        bytes.extend(frame);
        sent.push(correlation);
    }
    h.send_bytes(conn, bytes);
    for (at, sent) in sent.into_iter().enumerate() {
        let correlation = match at % 2 {
            0 => h.await_answer::<MetadataRequest>(conn, 12).0,
            _ => h.await_answer::<ProduceRequest>(conn, PRODUCE).0,
        };
        assert_eq!(correlation, sent);
    }
}

#[test]
fn a_frame_is_served_whatever_chunks_it_arrives_in() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let (sent, frame) = h.frame(12, &metadata(&["orders"]));
    for byte in frame {
        assert_eq!(h.arrived(conn), None, "no answer before the request is complete");
        h.send_bytes(conn, vec![byte]);
        h.pass(Duration::from_millis(10));
    }
    assert_eq!(h.await_answer::<MetadataRequest>(conn, 12).0, sent);
}

#[test]
fn a_parked_fetch_blocks_what_follows_on_its_connection_and_nothing_else() {
    let mut h = Harness::alone();
    let (conn, other) = (h.connect(0), h.connect(0));
    let parked = fetch("orders", 0, 0).with_max_wait_ms(5_000).with_min_bytes(1);
    let first = h.send(conn, FETCH, &parked);
    let second_request = h.send(conn, 12, &metadata(&["orders"]));
    h.ask(other, 12, &metadata(&["orders"]));
    h.pass(second());
    assert_eq!(h.arrived(conn), None, "metadata waits behind the fetch");
    assert_eq!(h.await_answer::<FetchRequest>(conn, FETCH).0, first);
    assert_eq!(h.await_answer::<MetadataRequest>(conn, 12).0, second_request);
    assert!(h.now().as_millis() >= 5_000);
}

#[test]
fn what_a_disconnected_client_sent_is_still_executed() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    h.send(conn, PRODUCE, &produce("orders", 0, -1, batch("a")));
    h.hang_up(conn);
    h.pass(second());
    let conn = h.connect(leader);
    assert_eq!(h.read(conn, "orders", 0, 0), [(0, "a".to_owned())]);
}

#[test]
fn a_quiet_connection_is_closed_after_the_idle_limit_and_a_busy_one_is_not() {
    let mut h = Harness::alone();
    let (quiet, lively) = (h.connect(0), h.connect(0));
    h.ask(quiet, 12, &metadata(&["orders"]));
    for _ in 0..11 {
        h.ask(lively, 12, &metadata(&["orders"]));
        assert_eq!(h.over(quiet), None);
        h.pass(Duration::from_secs(54));
    }
    h.pass(Duration::from_secs(20));
    assert_eq!((h.over(quiet), h.over(lively)), (Some(CloseReason::Idle), None));
}

#[test]
fn the_idle_limit_is_a_setting() {
    let mut config = ClusterConfig::simulated(1);
    config
        .broker_config
        .set("connections.max.idle.ms", "5000")
        .expect("it is one of Kafka's keys");
    let mut h = Harness::new(config);
    let conn = h.connect(0);
    h.pass(Duration::from_millis(4_900));
    assert_eq!(h.over(conn), None);
    h.pass(Duration::from_millis(300));
    assert_eq!(h.over(conn), Some(CloseReason::Idle));
}

#[test]
fn a_fetch_that_waits_longer_than_the_idle_limit_is_not_idle() {
    let mut config = ClusterConfig {
        topics: vec![Topic::named("orders")],
        ..ClusterConfig::simulated(1)
    };
    config
        .broker_config
        .set("connections.max.idle.ms", "5000")
        .expect("it is one of Kafka's keys");
    let mut h = Harness::new(config);
    let conn = h.connect(0);
    let response = h.ask(
        conn,
        FETCH,
        &fetch("orders", 0, 0).with_max_wait_ms(20_000).with_min_bytes(1),
    );
    assert_eq!(response.responses[0].partitions[0].error_code, 0);
}
