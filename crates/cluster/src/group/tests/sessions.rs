//! Heartbeats, departures and silence.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, joiner, member};

#[test]
fn a_silent_member_is_out_after_its_session_timeout_and_a_beating_one_is_not() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.pass(9_999);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::NONE);
    rig.pass(1);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_heartbeat_during_the_join_phase_keeps_a_member_alive() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.join(joiner(&leader));
    for _ in 0..3 {
        rig.pass(9_000);
        assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    }
}

#[test]
fn without_that_heartbeat_it_is_out_before_the_rebalance_timeout() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let rejoined = rig.join(joiner(&leader));
    rig.pass(10_000);
    assert_eq!(rig.joined(rejoined).members.len(), 1);
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_heartbeat_of_another_generation_is_fenced() {
    let mut rig = Rig::new();
    let (leader, _) = rig.stable_pair();
    assert_eq!(rig.heartbeat(&leader, 0), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(rig.heartbeat("nobody", 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_leave_starts_a_rebalance_and_the_last_one_empties_the_group() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    assert_eq!(rig.leave(&leader), ErrorCode::NONE);
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    let rejoined = rig.join(joiner(&follower));
    assert_eq!(rig.joined(rejoined).leader, follower);
    assert_eq!(rig.leave(&follower), ErrorCode::NONE);
    assert_eq!(rig.state(), "Empty");
    assert_eq!(rig.leave(&follower), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn leaving_with_a_parked_join_answers_it() {
    let mut rig = Rig::new();
    let (waiter, id) = rig.join_twice();
    rig.leave(&id);
    assert_eq!(rig.joined(waiter).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_parked_member_does_not_expire() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let rejoined = rig.join(joiner(&leader));
    for _ in 0..6 {
        rig.pass(9_000);
        rig.heartbeat(&follower, 1);
    }
    assert!(
        rig.is_parked(rejoined),
        "54 s in the join phase, with a session of 10 s"
    );
}

#[test]
fn an_emptied_group_begins_again_with_the_initial_delay() {
    let mut rig = Rig::new();
    let (waiter, id) = rig.join_twice();
    rig.pass(3_000);
    assert_eq!(rig.joined(waiter).generation, 1);
    rig.leave(&id);
    let (again, _) = rig.join_twice();
    rig.pass(2_999);
    assert!(rig.is_parked(again));
    rig.pass(1);
    assert_eq!(
        rig.joined(again).generation,
        3,
        "becoming empty is a generation as well"
    );
}

#[test]
fn the_answer_to_a_heartbeat_waits_for_what_was_written_before_and_a_refusal_does_not() {
    let mut rig = Rig::new();
    let (leader, _) = rig.stable_pair();
    rig.replicates = false;
    rig.commit(member(&leader), 1, 7);
    let waits = rig.send_heartbeat(&member(&leader), 1);
    assert!(rig.is_parked(waits));
    assert_eq!(rig.heartbeat(&leader, 9), ErrorCode::ILLEGAL_GENERATION);
    rig.replicate();
    assert!(!rig.is_parked(waits));
}
