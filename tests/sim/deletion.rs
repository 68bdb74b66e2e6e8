//! Deleting records is a promise of the running broker until a checkpoint makes it one of its disk.

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::ConnId;
use kafka_sim_tests::Harness;
use kafka_sim_tests::requests::topic_name;

use crate::story::*;

fn delete_below(h: &mut Harness, conn: ConnId, offset: i64) -> i16 {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(0)
        .with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name("orders"))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(5_000);
    h.ask(conn, 2, &request).topics[0].partitions[0].error_code
}

/// Ten synced records, of which five are deleted; then `wait` seconds and the fault. Returns the log start afterwards.
fn log_start_after(wait: u64, fault: impl Fn(Role) -> Fault) -> i64 {
    let mut h = cluster(orders(1, "1").config("flush.messages", "1"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    for _ in 0..10 {
        write(&mut h, conn, 1, "a");
    }
    assert_eq!(delete_below(&mut h, conn, 5), 0);
    assert_eq!(h.fetch(conn, "orders", 0, 0).error_code, 1);
    h.pass(secs(wait));
    h.inject(fault(Role::broker(leader)));
    h.converge();
    h.replica("orders", 0, leader).log_start
}

fn power_loss(target: Role) -> Fault {
    Fault::PowerLoss {
        target,
        survivors: Survivors::None,
    }
}

#[test]
fn deleted_records_come_back_after_power_loss_before_the_checkpoint() {
    assert_eq!(log_start_after(1, power_loss), 0);
}

#[test]
fn deleted_records_come_back_after_a_kill_before_the_checkpoint() {
    assert_eq!(log_start_after(1, Fault::Kill), 0);
}

#[test]
fn deleted_records_stay_deleted_after_the_checkpoint() {
    assert_eq!(log_start_after(61, power_loss), 5);
}

#[test]
fn deleted_records_stay_deleted_after_a_clean_stop() {
    assert_eq!(log_start_after(1, Fault::CleanStop), 5);
}

#[test]
fn a_replica_that_forgot_the_deletion_learns_it_from_its_leader() {
    let mut h = cluster(orders(3, "2"));
    let follower = h.followers("orders", 0)[0];
    let conn = to_leader(&mut h);
    for _ in 0..10 {
        write(&mut h, conn, -1, "a");
    }
    assert_eq!(delete_below(&mut h, conn, 5), 0);
    h.inject(Fault::Kill(Role::broker(follower)));
    h.converge();
    h.pass(secs(2));
    assert_eq!(h.replica("orders", 0, follower).log_start, 5);
}
