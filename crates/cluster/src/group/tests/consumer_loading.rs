//! What another coordinator knows of a consumer group.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, beating, joining, owning, parts};
use crate::group::records::Record;

#[test]
fn a_group_in_the_middle_of_a_rebalance_goes_on_where_it_was() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(joining("b", "orders"));
    rig.beat(beating("a", 1));
    let before = rig.consumer_group().clone();
    rig.fail_over(rig.log.records.len());
    let after = rig.consumer_group();
    assert_eq!((after.epoch, after.target_epoch), (before.epoch, before.target_epoch));
    assert_eq!(after.metadata_hash, before.metadata_hash);
    assert_eq!(after.members, before.members);
    assert_eq!(after.targets, before.targets);
    assert_eq!(after.readers, before.readers);
    assert_eq!(after.state(), "Reconciling");
    assert_eq!(rig.beat(owning("a", 1, parts("orders", &[0, 1]))).epoch, 2);
    assert_eq!(rig.beat(beating("b", 2)).assignment.unwrap().len(), 1);
}

#[test]
fn what_the_log_lost_the_new_coordinator_does_not_know() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let kept = rig.log.records.len();
    rig.beat(joining("b", "orders"));
    rig.fail_over(kept);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
    assert_eq!(rig.beat(beating("b", 2)).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn sessions_and_rebalance_timeouts_begin_anew() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(joining("b", "orders"));
    rig.beat(beating("a", 1));
    rig.pass(40_000);
    rig.fail_over(rig.log.records.len());
    rig.pass(40_000);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
    rig.pass(20_000);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_deleted_group_stays_deleted() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(beating("a", -1));
    let waiter = rig.waiter();
    rig.act(|shard, act| shard.delete_group(act, waiter, &"g".into()));
    assert!(rig.shard.consumer_groups.is_empty());
    rig.fail_over(rig.log.records.len());
    assert!(rig.shard.consumer_groups.is_empty());
}

#[test]
fn every_record_of_a_group_is_read_back_as_it_was_written() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(joining("b", "orders"));
    rig.beat(beating("a", 1));
    rig.beat(beating("b", -1));
    assert!(rig.log.records.len() > 10);
    for record in &rig.log.records {
        assert_eq!(Record::read(record.key(), record.value()).as_ref(), Some(record));
    }
}
