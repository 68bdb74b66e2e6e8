//! Consumer groups: joining, and moving towards the target assignment.

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, beating, joining, owning, parts};
use crate::group::words::{Beat, Text};
use crate::peer::{ConfigResource, MetadataRecord};

#[test]
fn the_first_member_gets_everything_at_once() {
    let mut rig = Rig::new();
    let first = rig.beat(joining("a", "orders"));
    assert_eq!(
        (first.error, first.epoch, first.interval_ms),
        (ErrorCode::NONE, 1, 5_000)
    );
    assert_eq!(first.assignment, Some(Arc::new(parts("orders", &[0, 1, 2, 3]))));
    assert_eq!(rig.consumer_group().state(), "Stable");
    let idle = rig.beat(beating("a", 1));
    assert_eq!((idle.epoch, idle.assignment), (1, None));
}

#[test]
fn a_member_of_an_old_client_is_given_an_id() {
    let mut rig = Rig::new();
    let first = rig.beat(joining("", "orders"));
    let id = first.member.unwrap();
    assert!(!id.is_empty());
    assert_eq!(rig.beat(beating(&id, 1)).error, ErrorCode::NONE);
}

#[test]
fn a_second_member_waits_until_the_first_has_given_back() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let second = rig.beat(joining("b", "orders"));
    assert_eq!((second.epoch, second.assignment.unwrap().len()), (2, 0));
    // The first is told to give two back, and stays at its epoch until it has.
    let told = rig.beat(beating("a", 1));
    assert_eq!(
        (told.epoch, told.assignment),
        (1, Some(Arc::new(parts("orders", &[0, 1]))))
    );
    let not_yet = rig.beat(owning("a", 1, parts("orders", &[0, 1, 2])));
    assert_eq!((not_yet.epoch, rig.beat(beating("b", 2)).assignment), (1, None));
    let done = rig.beat(owning("a", 1, parts("orders", &[0, 1])));
    assert_eq!(done.epoch, 2);
    let second = rig.beat(beating("b", 2));
    assert_eq!(second.assignment, Some(Arc::new(parts("orders", &[2, 3]))));
    assert_eq!(rig.consumer_group().state(), "Stable");
}

#[test]
fn a_member_that_leaves_frees_its_partitions_for_the_rest() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(joining("b", "orders"));
    assert_eq!(rig.beat(beating("a", -1)).epoch, -1);
    let rest = rig.beat(beating("b", 2));
    assert_eq!(
        (rest.epoch, rest.assignment),
        (3, Some(Arc::new(parts("orders", &[0, 1, 2, 3]))))
    );
    rig.beat(beating("b", -1));
    assert_eq!(rig.consumer_group().state(), "Empty");
}

#[test]
fn a_silent_member_is_out_after_its_session() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.pass(44_999);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
    rig.pass(45_000);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_member_that_does_not_give_back_in_time_is_out() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(joining("b", "orders"));
    rig.beat(beating("a", 1));
    for _ in 0..6 {
        assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
        rig.beat(beating("b", 2));
        rig.pass(10_000);
    }
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::UNKNOWN_MEMBER_ID);
    let all = rig.beat(beating("b", 2));
    assert_eq!(all.assignment, Some(Arc::new(parts("orders", &[0, 1, 2, 3]))));
}

#[test]
fn a_changed_subscription_takes_partitions_away_before_new_ones_come() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let changed = Beat {
        topics: Some([Text::from("payments")].into()),
        ..beating("a", 1)
    };
    let told = rig.beat(changed);
    assert_eq!((told.epoch, told.assignment.unwrap().len()), (1, 0));
    let after = rig.beat(owning("a", 1, parts("orders", &[])));
    assert_eq!(
        (after.epoch, after.assignment),
        (2, Some(Arc::new(parts("payments", &[0, 1, 2]))))
    );
}

#[test]
fn a_topic_that_grows_is_shared_out_again() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    assert_eq!(rig.beat(beating("a", 1)).epoch, 1);
    rig.grow("orders", 6);
    let grown = rig.beat(beating("a", 1));
    assert_eq!(
        (grown.epoch, grown.assignment),
        (2, Some(Arc::new(parts("orders", &[0, 1, 2, 3, 4, 5]))))
    );
}

#[test]
fn a_deleted_topic_is_taken_away() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.delete_topic("orders");
    let told = rig.beat(beating("a", 1));
    assert_eq!(told.assignment.unwrap().len(), 0);
    assert_eq!(rig.beat(owning("a", 1, parts("orders", &[]))).epoch, 2);
}

#[test]
fn a_full_group_takes_nobody_in() {
    let mut rig = Rig::with("group.consumer.max.size", "1");
    rig.beat(joining("a", "orders"));
    assert_eq!(
        rig.beat(joining("b", "orders")).error,
        ErrorCode::GROUP_MAX_SIZE_REACHED
    );
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
}

#[test]
fn the_answer_to_a_join_waits_for_replication() {
    let mut rig = Rig::new();
    rig.replicates = false;
    let waiter = rig.send_beat(joining("a", "orders"));
    assert!(rig.is_parked(waiter));
    rig.replicate();
    assert_eq!(rig.beaten(waiter).epoch, 1);
}

#[test]
fn a_join_that_is_not_replicated_in_time_fails_and_may_still_count() {
    let mut rig = Rig::new();
    rig.replicates = false;
    let waiter = rig.send_beat(joining("a", "orders"));
    rig.pass(5_000);
    assert_eq!(rig.beaten(waiter).error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    rig.replicates = true;
    rig.replicate();
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
}

#[test]
fn a_join_that_cannot_be_written_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.log.refuses = Some(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(rig.beat(joining("a", "orders")).error, ErrorCode::NOT_COORDINATOR);
    assert!(rig.shard.consumer_groups.is_empty());
}

#[test]
fn an_empty_classic_group_becomes_a_consumer_group_and_keeps_its_offsets() {
    let mut rig = Rig::new();
    rig.commit(super::rig::member(""), -1, 7);
    rig.beat(joining("a", "orders"));
    assert!(rig.shard.groups.is_empty());
    assert_eq!(rig.fetch(), Some(7));
    rig.fail_over(rig.log.records.len());
    assert_eq!(
        (rig.fetch(), rig.beat(beating("a", 1)).error),
        (Some(7), ErrorCode::NONE)
    );
    assert!(rig.shard.groups.is_empty());
}

#[test]
fn a_group_may_have_a_session_timeout_and_an_interval_of_its_own() {
    let mut rig = Rig::new();
    for (key, value) in [
        ("consumer.session.timeout.ms", "60000"),
        ("consumer.heartbeat.interval.ms", "9000"),
    ] {
        let resource = ConfigResource::Group("g".into());
        let record = MetadataRecord::Config(resource, key.into(), Some(value.into()));
        rig.image.apply(&record);
    }
    assert_eq!(rig.beat(joining("a", "orders")).interval_ms, 9_000);
    rig.pass(59_999);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::NONE);
}
