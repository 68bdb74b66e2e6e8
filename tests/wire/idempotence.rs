//! Idempotent producers: duplicates, gaps and epochs.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{InitProducerIdRequest, ProducerId, TransactionalId};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_tests::{Harness, idempotent};

const PID: i64 = 4000;

fn idempotent_only() -> InitProducerIdRequest {
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    request.with_producer_id(ProducerId(-1)).with_producer_epoch(-1)
}

fn one(epoch: i16, sequence: i32) -> Bytes {
    idempotent(PID, epoch, sequence, 1)
}

/// Produces to orders-0 and returns code and base offset.
fn send(h: &mut Harness, conn: kafka_sim_core::ConnId, records: Bytes) -> (i16, i64) {
    let answer = h.produce(conn, "orders", 0, -1, records);
    (answer.error_code, answer.base_offset)
}

#[test]
fn a_duplicate_of_the_last_five_batches_returns_the_original_offset_and_writes_nothing() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for sequence in 0..5 {
        assert_eq!(
            send(&mut h, conn, idempotent(PID, 0, sequence * 2, 2)),
            (0, i64::from(sequence) * 2)
        );
    }
    for sequence in 0..5 {
        assert_eq!(
            send(&mut h, conn, idempotent(PID, 0, sequence * 2, 2)),
            (0, i64::from(sequence) * 2)
        );
    }
    assert_eq!(h.replica("orders", 0, 0).log_end, 10);
}

#[test]
fn a_duplicate_of_an_older_batch_is_out_of_order() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for sequence in 0..6 {
        send(&mut h, conn, one(0, sequence));
    }
    assert_eq!(send(&mut h, conn, one(0, 0)), (45, -1));
    assert_eq!(send(&mut h, conn, one(0, 1)), (0, 1));
}

#[test]
fn a_batch_split_differently_is_no_duplicate() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    send(&mut h, conn, idempotent(PID, 0, 0, 4));
    assert_eq!(send(&mut h, conn, idempotent(PID, 0, 0, 2)), (45, -1));
}

#[test]
fn a_gap_is_out_of_order() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    send(&mut h, conn, one(0, 0));
    assert_eq!(send(&mut h, conn, one(0, 2)), (45, -1));
    assert_eq!(send(&mut h, conn, one(0, 1)), (0, 1));
}

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    assert_eq!(send(&mut h, conn, one(3, 777)), (0, 0));
    assert_eq!(send(&mut h, conn, one(3, 778)), (0, 1));
}

#[test]
fn sequence_numbers_wrap_around() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    send(&mut h, conn, one(0, i32::MAX - 1));
    assert_eq!(send(&mut h, conn, one(0, i32::MAX)), (0, 1));
    assert_eq!(send(&mut h, conn, one(0, 0)), (0, 2));
    let mut wrapping = Harness::alone();
    let conn = wrapping.connect(0);
    assert_eq!(send(&mut wrapping, conn, idempotent(PID, 0, i32::MAX - 1, 4)), (0, 0));
    assert_eq!(send(&mut wrapping, conn, one(0, 2)), (0, 4));
}

#[test]
fn an_old_epoch_is_fenced_and_a_new_one_begins_at_zero() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    send(&mut h, conn, one(1, 0));
    assert_eq!(send(&mut h, conn, one(0, 1)), (47, -1));
    assert_eq!(send(&mut h, conn, one(2, 1)), (45, -1));
    assert_eq!(send(&mut h, conn, one(2, 0)), (0, 1));
    assert_eq!(send(&mut h, conn, one(1, 1)), (47, -1));
}

#[test]
fn the_same_sequence_in_another_partition_is_something_else() {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(3));
    for partition in 0..3 {
        let leader = h.leader("orders", partition);
        let conn = h.connect(leader);
        let answer = h.produce(conn, "orders", partition, 1, one(0, 0));
        assert_eq!((answer.error_code, answer.base_offset), (0, 0));
    }
}

#[test]
fn a_new_leader_knows_the_duplicates_of_the_old_one() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    for sequence in 0..5 {
        send(&mut h, conn, one(0, sequence));
    }
    h.pass(Duration::from_secs(1));
    h.inject(Fault::Kill(Role::broker(old)));
    h.wait(Duration::from_secs(30), "a new leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != old)
    });
    h.pass(Duration::from_secs(1));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    for sequence in 0..5 {
        assert_eq!(send(&mut h, conn, one(0, sequence)), (0, i64::from(sequence)));
    }
    assert_eq!(send(&mut h, conn, one(0, 5)), (0, 5));
}

#[test]
fn after_a_clean_restart_only_the_last_batch_is_remembered() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for sequence in 0..5 {
        send(&mut h, conn, one(0, sequence));
    }
    h.inject(Fault::CleanStop(Role::broker(0)));
    h.converge();
    let conn = h.connect(0);
    assert_eq!(send(&mut h, conn, one(0, 4)), (0, 4));
    assert_eq!(send(&mut h, conn, one(0, 3)), (45, -1));
    assert_eq!(send(&mut h, conn, one(0, 5)), (0, 5));
}

#[test]
fn a_batch_that_was_undone_is_accepted_again() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let old = h.leader("orders", 0);
    let conn = h.connect(old);
    send(&mut h, conn, one(0, 0));
    h.pass(Duration::from_secs(1));
    h.inject(Fault::IsolateFromController(Role::broker(old)));
    h.wait(Duration::from_secs(20), "another leader", |h| {
        h.leader("orders", 0) != old
    });
    h.pass(Duration::from_secs(1));
    assert_eq!(
        h.produce(conn, "orders", 0, 1, one(0, 1)).base_offset,
        1,
        "appended by a leader of the past"
    );
    h.converge();
    assert_eq!(h.replica("orders", 0, old).log_end, 1, "and truncated");
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    assert_eq!(send(&mut h, conn, one(0, 1)), (0, 1));
    h.pass(Duration::from_secs(2));
    assert_eq!(h.replica("orders", 0, old).log_end, 2);
}

#[test]
fn without_idempotence_a_retry_is_a_second_record() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for expected in 0..2 {
        assert_eq!(send(&mut h, conn, kafka_sim_tests::batch("a")), (0, expected));
    }
}

#[test]
fn every_producer_gets_an_id_of_its_own_from_whatever_broker() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let mut ids = std::collections::BTreeSet::new();
    for broker in 0..3 {
        let conn = h.connect(broker);
        for _ in 0..20 {
            let request = idempotent_only();
            let response = h.ask(conn, 5, &request);
            assert_eq!((response.error_code, response.producer_epoch), (0, 0));
            assert!(ids.insert(response.producer_id.0));
        }
    }
}

#[test]
fn a_killed_broker_never_gives_an_id_twice() {
    let mut h = Harness::alone();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let conn = h.connect(0);
        let request = idempotent_only();
        assert!(ids.insert(h.ask(conn, 5, &request).producer_id.0));
        h.inject(Fault::Kill(Role::broker(0)));
        h.converge();
    }
}

#[test]
fn transactional_ids_and_half_of_an_identity_are_refused() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let plain = idempotent_only();
    let with_id = |id: &'static str| plain.clone().with_transactional_id(Some(TransactionalId(id.into())));
    assert_eq!(h.ask(conn, 5, &with_id("t")).error_code, 15);
    assert_eq!(h.ask(conn, 5, &with_id("")).error_code, 42);
    assert_eq!(
        h.ask(conn, 5, &plain.clone().with_producer_id(ProducerId(7)))
            .error_code,
        42
    );
}
