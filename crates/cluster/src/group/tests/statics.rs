//! Static members.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, joiner, member, static_joiner};
use crate::group::words::{Caller, Join, Text};

fn stable_static(rig: &mut Rig) -> Text {
    let waiter = rig.join(static_joiner("i"));
    rig.pass(3_000);
    let joined = rig.joined(waiter);
    assert_eq!(
        joined.error,
        ErrorCode::NONE,
        "static members are never sent away for an id"
    );
    assert!(joined.member.starts_with("i-"));
    let sync = rig.sync(&joined.member, 1, &[(&joined.member, "all")]);
    assert_eq!(rig.synced(sync).error, ErrorCode::NONE);
    joined.member
}

#[test]
fn a_static_member_that_restarts_takes_its_place_without_a_rebalance() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    let waiter = rig.join(static_joiner("i"));
    let joined = rig.joined(waiter);
    assert_eq!((joined.generation, joined.skip_assignment), (1, true));
    assert_eq!(joined.leader, joined.member);
    assert_ne!(joined.member, old);
    assert_eq!(rig.heartbeat(&joined.member, 1), ErrorCode::NONE);
    let sync = rig.sync(&joined.member, 1, &[]);
    assert_eq!(rig.synced(sync).assignment, "all");
}

#[test]
fn a_dynamic_member_that_restarts_causes_one() {
    let mut rig = Rig::new();
    rig.stable_pair();
    rig.join_twice();
    assert_eq!(rig.state(), "PreparingRebalance");
}

#[test]
fn an_older_client_is_told_the_old_leader_so_that_it_does_not_lead() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    let waiter = rig.join(Join {
        may_skip_assignment: false,
        ..static_joiner("i")
    });
    let joined = rig.joined(waiter);
    assert_eq!((joined.leader, joined.skip_assignment), (old, false));
}

#[test]
fn the_predecessor_is_fenced() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    rig.join(static_joiner("i"));
    let stale = Caller {
        member: old,
        instance: Some("i".into()),
    };
    let beat = rig.heartbeat_as(&stale, 1);
    assert_eq!(beat, ErrorCode::FENCED_INSTANCE_ID);
    let commit = rig.commit(stale, 1, 5);
    assert_eq!(rig.committed(commit), Err(ErrorCode::FENCED_INSTANCE_ID));
}

#[test]
fn a_parked_join_of_the_predecessor_is_fenced() {
    let mut rig = Rig::new();
    let first = rig.join(static_joiner("i"));
    let second = rig.join(static_joiner("i"));
    assert_eq!(rig.joined(first).error, ErrorCode::FENCED_INSTANCE_ID);
    rig.pass(3_000);
    assert_eq!(rig.joined(second).members.len(), 1);
}

#[test]
fn a_replacement_that_is_not_replicated_is_undone() {
    let mut rig = Rig::new();
    let old = stable_static(&mut rig);
    rig.replicates = false;
    let waiter = rig.join(static_joiner("i"));
    assert!(rig.is_parked(waiter));
    rig.pass(5_000);
    assert_eq!(rig.joined(waiter).error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    let owner = Caller {
        member: old,
        instance: Some("i".into()),
    };
    rig.replicate();
    assert_eq!(rig.heartbeat_as(&owner, 1), ErrorCode::NONE);
}

#[test]
fn a_static_member_that_does_not_rejoin_stays_until_its_session_ends() {
    let mut rig = Rig::new();
    let dynamic = rig.join(Join {
        needs_known_id: false,
        ..joiner("")
    });
    let fixed = rig.join(static_joiner("i"));
    rig.pass(10_000);
    let (dynamic, fixed) = (rig.joined(dynamic).member, rig.joined(fixed).member);
    for id in [&dynamic, &fixed] {
        rig.sync(id, 1, &[(&dynamic, "one"), (&fixed, "two")]);
    }
    let rejoined = rig.join(Join {
        rebalance_timeout: 4_000,
        ..joiner(&dynamic)
    });
    let owner = Caller {
        member: fixed,
        instance: Some("i".into()),
    };
    for _ in 0..8 {
        rig.pass(8_000);
        rig.heartbeat_as(&owner, 1);
    }
    assert_eq!(rig.joined(rejoined).generation, 2);
    assert_eq!(rig.shard.groups["g"].statics.len(), 1);
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance() {
    let mut rig = Rig::new();
    stable_static(&mut rig);
    let leaver = |instance: &str| Caller {
        member: "".into(),
        instance: Some(instance.into()),
    };
    let outcomes = rig.leave_all(&[leaver("other"), leaver("i"), member("x")]);
    assert_eq!(
        outcomes,
        Ok(vec![
            ErrorCode::UNKNOWN_MEMBER_ID,
            ErrorCode::NONE,
            ErrorCode::UNKNOWN_MEMBER_ID
        ])
    );
    assert_eq!(rig.state(), "Empty");
}
