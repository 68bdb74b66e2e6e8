//! DeleteRecords: the log start moves at once, the answer waits for the followers.

use std::time::Duration;

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Peer, Role};
use kafka_sim_core::ConnId;
use kafka_sim_tests::requests::topic_name;
use kafka_sim_tests::{Harness, batch};

fn request(topic: &str, partition: i32, offset: i64) -> DeleteRecordsRequest {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(partition)
        .with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(5_000)
}

fn delete(h: &mut Harness, conn: ConnId, topic: &str, partition: i32, offset: i64) -> (i16, i64) {
    let response = h.ask(conn, 2, &request(topic, partition, offset));
    let result = &response.topics[0].partitions[0];
    (result.error_code, result.low_watermark)
}

fn with_ten() -> (Harness, ConnId) {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for _ in 0..10 {
        h.produce(conn, "orders", 0, -1, batch("a"));
    }
    (h, conn)
}

#[test]
fn records_below_the_offset_are_gone_on_every_replica() {
    let (mut h, conn) = with_ten();
    assert_eq!(delete(&mut h, conn, "orders", 0, 4), (0, 4));
    assert!((0..3).all(|broker| h.replica("orders", 0, broker).log_start == 4));
    assert_eq!(h.fetch(conn, "orders", 0, 3).error_code, 1);
    assert_eq!(h.read(conn, "orders", 0, 4).len(), 6);
    assert_eq!(h.offset_of(conn, 10, "orders", 0, -2).offset, 4);
    assert_eq!(
        delete(&mut h, conn, "orders", 0, 2),
        (0, 4),
        "going back is no error and moves nothing"
    );
}

#[test]
fn minus_one_means_up_to_the_high_watermark() {
    let (mut h, conn) = with_ten();
    assert_eq!(delete(&mut h, conn, "orders", 0, -1), (0, 10));
    assert_eq!(h.produce(conn, "orders", 0, -1, batch("b")).base_offset, 10);
}

#[test]
fn what_cannot_be_deleted_is_refused() {
    let (mut h, conn) = with_ten();
    assert_eq!(delete(&mut h, conn, "orders", 0, 11), (1, -1));
    assert_eq!(delete(&mut h, conn, "orders", 0, -2), (1, -1));
    assert_eq!(delete(&mut h, conn, "nothing", 0, 1), (3, -1));
    assert_eq!(delete(&mut h, conn, "orders", 1, 1), (3, -1));
    let follower = h.followers("orders", 0)[0];
    let other = h.connect(follower);
    assert_eq!(delete(&mut h, other, "orders", 0, 1), (6, -1));
}

#[test]
fn a_compacted_topic_keeps_its_records() {
    let mut h = Harness::with_topic(Topic::named("orders").config("cleanup.policy", "compact"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    h.produce(conn, "orders", 0, 1, batch("a"));
    assert_eq!(delete(&mut h, conn, "orders", 0, 1).0, 44);
}

#[test]
fn a_follower_that_does_not_follow_makes_it_time_out_though_the_leader_has_deleted() {
    let (mut h, conn) = with_ten();
    let (leader, followers) = (h.leader("orders", 0), h.followers("orders", 0));
    let b = followers.into_iter().map(|id| Peer::from(Role::broker(id))).collect();
    h.inject(Fault::Partition {
        a: vec![Role::broker(leader).into()],
        b,
    });
    let before = h.now();
    let (code, _) = delete(&mut h, conn, "orders", 0, 5);
    assert_eq!(code, 7);
    assert!(h.now() - before >= Duration::from_secs(5));
    assert_eq!(h.replica("orders", 0, leader).log_start, 5);
}

#[test]
fn a_dead_follower_is_not_waited_for() {
    let (mut h, conn) = with_ten();
    let follower = h.followers("orders", 0)[0];
    h.inject(Fault::Kill(Role::broker(follower)));
    h.wait(Duration::from_secs(20), "the ISR without it", |h| {
        !h.isr("orders", 0).contains(&follower)
    });
    h.pass(Duration::from_secs(1));
    assert_eq!(delete(&mut h, conn, "orders", 0, 5), (0, 5));
}
