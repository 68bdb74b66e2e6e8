//! Staying in a classic group, and falling out of it.

use super::*;

#[test]
fn heartbeats_go_out_while_the_application_is_busy() {
    let mut rig = member(&[]);
    rig.run_for(Duration::from_secs(10));
    let beats = rig.seen.iter().filter(|(_, api, _)| *api == ApiKey::Heartbeat).count();
    assert_eq!(beats, 3);
}

#[test]
fn a_rebalance_begins_with_the_next_poll_not_with_the_heartbeat_that_tells_of_it() {
    let mut rig = member(&[("enable.auto.commit", "false")]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::REBALANCE_IN_PROGRESS);
    rig.run_for(Duration::from_secs(2));
    assert!(!rig.told(|said| matches!(said, ConsumerOutcome::Revoked { .. })));
    rig.poll(1_000);
    let all = vec![orders(0), orders(1)];
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Revoked {
            partitions: all.clone()
        }));
    assert!(!rig.has(ApiKey::JoinGroup), "the callback comes first");
    rig.callback();
    assert!(rig.has(ApiKey::JoinGroup));
    assert_eq!(rig.client.assignment().count(), 0);
}

#[test]
fn a_cooperative_member_keeps_what_it_owns_while_it_joins_again() {
    let mut rig = member(&[
        ("enable.auto.commit", "false"),
        ("partition.assignment.strategy", "cooperative-sticky"),
    ]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::REBALANCE_IN_PROGRESS);
    rig.poll(1_000);
    assert!(rig.has(ApiKey::JoinGroup));
    assert_eq!(rig.client.assignment().count(), 2);
    rig.lead(&[]);
    rig.sync(&[0]);
    assert!(rig.told(|said| *said
        == ConsumerOutcome::Revoked {
            partitions: vec![orders(1)]
        }));
    rig.callback();
    assert!(rig.told(|said| *said == ConsumerOutcome::Assigned { partitions: vec![] }));
    rig.callback();
    assert!(rig.has(ApiKey::JoinGroup), "what was given up is for somebody else");
    assert_eq!(rig.client.owned(), [orders(0)]);
}

#[test]
fn a_silent_application_leaves_its_group_but_a_static_member_without_a_word() {
    for (settings, says_so) in [(vec![], true), (vec![("group.instance.id", "i")], false)] {
        let mut rig = member(&settings);
        for _ in 0..99 {
            rig.run_for(Duration::from_secs(3));
            rig.heartbeat(ErrorCode::NONE);
        }
        assert!(!rig.has(ApiKey::LeaveGroup));
        rig.run_for(Duration::from_secs(3));
        assert_eq!(rig.has(ApiKey::LeaveGroup), says_so);
        assert!(rig.outcomes.is_empty(), "it learns with its next poll");
        rig.poll(0);
        let all = vec![orders(0), orders(1)];
        assert!(rig.told(|said| *said
            == ConsumerOutcome::Lost {
                partitions: all.clone()
            }));
    }
}

#[test]
fn an_unknown_member_loses_its_id_and_a_member_of_an_old_generation_keeps_it() {
    for (error, id) in [
        (ErrorCode::UNKNOWN_MEMBER_ID, ""),
        (ErrorCode::ILLEGAL_GENERATION, "m1"),
    ] {
        let mut rig = member(&[]);
        rig.run_for(Duration::from_secs(3));
        rig.heartbeat(error);
        rig.poll(1_000);
        assert!(rig.told(|said| matches!(said, ConsumerOutcome::Lost { .. })));
        rig.callback();
        let join = rig.next_of(ApiKey::JoinGroup);
        assert!(matches!(&join.body, RequestKind::JoinGroup(request) if request.member_id.as_str() == id));
    }
}

#[test]
fn a_fenced_instance_is_told_with_the_next_poll() {
    let mut rig = member(&[("group.instance.id", "i")]);
    rig.run_for(Duration::from_secs(3));
    rig.heartbeat(ErrorCode::FENCED_INSTANCE_ID);
    rig.poll(0);
    assert_eq!(rig.failure(), Some(ConsumerError::Fenced));
}

#[test]
fn a_coordinator_that_is_silent_for_a_session_is_looked_for_anew() {
    let mut rig = member(&[("request.timeout.ms", "200000")]);
    rig.run_for(Duration::from_secs(43));
    assert!(!rig.has(ApiKey::FindCoordinator));
    rig.run_for(Duration::from_secs(2));
    assert!(rig.has(ApiKey::FindCoordinator));
}
