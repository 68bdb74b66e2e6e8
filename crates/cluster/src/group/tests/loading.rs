//! What another coordinator knows.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, joiner, member};

#[test]
fn a_stable_group_and_its_offsets_survive_a_change_of_coordinator() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.commit(member(&leader), 1, 7);
    rig.fail_over(rig.log.records.len());
    assert_eq!((rig.state(), rig.fetch()), ("Stable", Some(7)));
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::NONE);
    let sync = rig.sync(&follower, 1, &[]);
    assert_eq!(rig.synced(sync).assignment, "two");
}

#[test]
fn what_the_log_lost_the_new_coordinator_does_not_know() {
    let mut rig = Rig::new();
    rig.commit(member(""), -1, 7);
    rig.commit(member(""), -1, 9);
    rig.fail_over(1);
    assert_eq!(rig.fetch(), Some(7));
}

#[test]
fn members_whose_assignment_was_not_written_have_to_start_over() {
    let mut rig = Rig::new();
    let (waiter, id) = rig.join_twice();
    rig.pass(3_000);
    assert_eq!(rig.joined(waiter).generation, 1);
    rig.fail_over(rig.log.records.len());
    assert_eq!(rig.heartbeat(&id, 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn parked_requests_are_sent_to_the_new_coordinator() {
    let mut rig = Rig::new();
    let (join, _) = rig.join_twice();
    rig.replicates = false;
    let commit = rig.commit(member(""), -1, 1);
    rig.fail_over(rig.log.records.len());
    assert_eq!(rig.joined(join).error, ErrorCode::NOT_COORDINATOR);
    assert!(!rig.is_parked(commit));
}

#[test]
fn sessions_begin_anew_after_a_load() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.pass(9_000);
    rig.fail_over(rig.log.records.len());
    rig.pass(9_000);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::NONE);
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::NONE);
    rig.pass(10_000);
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.state(), "Empty");
}

#[test]
fn deleted_groups_stay_deleted() {
    let mut rig = Rig::new();
    rig.commit(member(""), -1, 7);
    let waiter = rig.waiter();
    rig.act(|shard, act| shard.delete_group(act, waiter, &"g".into()));
    rig.fail_over(rig.log.records.len());
    assert_eq!((rig.state(), rig.fetch()), ("Dead", None));
    assert!(rig.shard.groups.is_empty());
}

#[test]
fn a_reloaded_group_rebalances_as_before() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.fail_over(rig.log.records.len());
    let (a, b) = (rig.join(joiner(&leader)), rig.join(joiner(&follower)));
    assert_eq!((rig.joined(a).generation, rig.joined(b).generation), (2, 2));
}
