//! Conversion between classic and consumer groups, and classic members inside of a consumer group.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, beating, joiner, joining, owning, parts, subscription};
use crate::group::records::put_assignment;
use crate::group::words::{Beat, Caller, Join, Text};

/// A classic group of one member that owns all of "orders".
fn classic(rig: &mut Rig) -> Text {
    let (join, id) = rig.join_twice();
    rig.pass(3_000);
    assert_eq!(rig.joined(join).generation, 1);
    let all = put_assignment(0, &vec![("orders".into(), [0, 1, 2, 3].into())]);
    let sync = rig.sync_with(&id, 1, vec![(id.clone(), all)]);
    assert_eq!(rig.synced(sync).error, ErrorCode::NONE);
    id
}

/// What a classic member owns, as its SyncGroup tells.
fn owned(rig: &mut Rig, id: &str, generation: i32) -> Vec<i32> {
    let sync = rig.sync(id, generation, &[]);
    let synced = rig.synced(sync);
    assert_eq!(synced.error, ErrorCode::NONE);
    let parts = crate::group::records::assignment(synced.assignment).unwrap();
    parts.into_iter().flat_map(|(_, indexes)| indexes).collect()
}

/// The JoinGroup of a member that says what it owns.
fn rejoining(id: &str, owns: &[i32]) -> Join {
    Join {
        protocols: vec![("range".into(), super::rig::owning_subscription("orders", owns))],
        ..joiner(id)
    }
}

#[test]
fn a_classic_group_becomes_a_consumer_group_and_back_and_nobody_loses_a_partition_too_early() {
    let mut rig = Rig::new();
    let old = classic(&mut rig);
    let new = rig.beat(joining("new", "orders"));
    assert_eq!(
        (new.error, new.epoch, new.assignment.unwrap().len()),
        (ErrorCode::NONE, 2, 0)
    );
    assert!(rig.shard.groups.is_empty());
    // The classic member is told to rejoin, gives two back, and gets its rest.
    assert_eq!(rig.heartbeat(&old, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    let revoke = rig.join(rejoining(&old, &[0, 1, 2, 3]));
    let generation = rig.joined(revoke).generation;
    assert_eq!((generation, owned(&mut rig, &old, 1)), (1, vec![0, 1]));
    assert_eq!(rig.beat(beating("new", 2)).assignment, None, "not given back yet");
    assert_eq!(rig.heartbeat(&old, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    let done = rig.join(rejoining(&old, &[0, 1]));
    assert_eq!(rig.joined(done).generation, 2);
    assert_eq!(owned(&mut rig, &old, 2), [0, 1]);
    assert_eq!(rig.heartbeat(&old, 2), ErrorCode::NONE);
    assert_eq!(
        rig.beat(beating("new", 2)).assignment,
        Some(std::sync::Arc::new(parts("orders", &[2, 3])))
    );
    // The last member of the consumer protocol leaves.
    rig.beat(beating("new", -1));
    assert!(rig.shard.consumer_groups.is_empty());
    assert_eq!(rig.state(), "PreparingRebalance");
    assert_eq!(rig.heartbeat(&old, 2), ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn a_policy_without_upgrades_keeps_members_of_the_consumer_protocol_out() {
    for policy in ["disabled", "downgrade"] {
        let mut rig = Rig::with("group.consumer.migration.policy", policy);
        classic(&mut rig);
        let refused = rig.beat(joining("new", "orders"));
        assert_eq!(refused.error, ErrorCode::GROUP_ID_NOT_FOUND, "{policy}");
        assert_eq!(rig.state(), "Stable");
    }
}

#[test]
fn a_policy_without_downgrades_keeps_the_consumer_group() {
    let mut rig = Rig::with("group.consumer.migration.policy", "upgrade");
    let old = classic(&mut rig);
    rig.beat(joining("new", "orders"));
    rig.beat(beating("new", -1));
    assert!(rig.shard.groups.is_empty());
    assert_eq!(rig.heartbeat(&old, 1), ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn a_group_that_is_not_one_of_consumers_is_not_converted() {
    let mut rig = Rig::new();
    let connect = Join {
        protocol_type: "connect".into(),
        needs_known_id: false,
        ..joiner("")
    };
    rig.join(connect);
    rig.pass(3_000);
    assert_eq!(rig.beat(joining("new", "orders")).error, ErrorCode::GROUP_ID_NOT_FOUND);
}

#[test]
fn a_converted_group_is_loaded_as_what_it_has_become() {
    let mut rig = Rig::new();
    let old = classic(&mut rig);
    rig.beat(joining("new", "orders"));
    rig.fail_over(rig.log.records.len());
    assert!(rig.shard.groups.is_empty());
    assert_eq!(rig.heartbeat(&old, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    rig.beat(beating("new", -1));
    rig.fail_over(rig.log.records.len());
    assert!(rig.shard.consumer_groups.is_empty());
    assert_eq!(rig.state(), "Stable");
    assert_eq!(rig.shard.groups["g"].generation, 2);
}

#[test]
fn a_member_that_waited_in_the_classic_group_is_told_to_rejoin() {
    let mut rig = Rig::new();
    let old = classic(&mut rig);
    let parked = rig.join(joiner(&old));
    let (waiting, _) = rig.join_twice();
    assert!(rig.is_parked(waiting));
    rig.beat(joining("new", "orders"));
    assert_eq!(rig.joined(waiting).error, ErrorCode::REBALANCE_IN_PROGRESS);
    assert!(!rig.is_parked(parked));
}

#[test]
fn a_classic_member_joins_a_consumer_group_and_leaves_it() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let first = rig.join(joiner(""));
    let id = rig.joined(first).member;
    assert_eq!(rig.joined(first).error, ErrorCode::MEMBER_ID_REQUIRED);
    let join = rig.join(joiner(&id));
    let joined = rig.joined(join);
    assert_eq!(
        (joined.error, joined.generation, &*joined.leader),
        (ErrorCode::NONE, 2, "")
    );
    assert_eq!(owned(&mut rig, &id, 2), Vec::<i32>::new());
    assert_eq!(
        rig.heartbeat(&id, 2),
        ErrorCode::NONE,
        "what it is to own is not free yet"
    );
    rig.beat(beating("a", 1));
    rig.beat(owning("a", 1, parts("orders", &[0, 1])));
    assert_eq!(rig.heartbeat(&id, 2), ErrorCode::REBALANCE_IN_PROGRESS);
    let again = rig.join(rejoining(&id, &[]));
    assert_eq!(rig.joined(again).generation, 2);
    assert_eq!(owned(&mut rig, &id, 2), [2, 3]);
    assert_eq!(rig.heartbeat(&id, 1), ErrorCode::ILLEGAL_GENERATION);
    let commit = rig.commit_as(super::rig::member(&id), 1, 5, 8);
    assert_eq!(rig.committed(commit), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(rig.leave(&id), ErrorCode::NONE);
    assert_eq!(rig.leave(&id), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.beat(beating("a", 2)).epoch, 3);
}

#[test]
fn a_classic_member_that_does_not_rejoin_in_time_is_out() {
    let mut rig = Rig::new();
    let old = classic(&mut rig);
    rig.beat(joining("new", "orders"));
    for _ in 0..12 {
        assert_eq!(rig.heartbeat(&old, 1), ErrorCode::REBALANCE_IN_PROGRESS);
        rig.beat(beating("new", 2));
        rig.pass(5_000);
    }
    assert_eq!(rig.heartbeat(&old, 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_classic_member_without_a_common_protocol_is_refused() {
    let mut rig = Rig::new();
    classic(&mut rig);
    rig.beat(joining("new", "orders"));
    let other = rig.join(Join {
        protocols: vec![("sticky".into(), subscription("orders"))],
        ..joiner("")
    });
    assert_eq!(rig.joined(other).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn an_empty_consumer_group_becomes_a_classic_group() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.beat(beating("a", -1));
    let (join, _) = rig.join_twice();
    rig.pass(3_000);
    assert_eq!(rig.joined(join).generation, 1);
    assert!(rig.shard.consumer_groups.is_empty());
    rig.fail_over(rig.log.records.len());
    assert_eq!((rig.state(), rig.shard.consumer_groups.len()), ("Empty", 0));
}

#[test]
fn a_classic_member_takes_the_place_of_a_static_one_and_with_it_the_group_becomes_classic() {
    let mut rig = Rig::new();
    let fixed = |beat: Beat| Beat {
        caller: Caller {
            instance: Some("i".into()),
            ..beat.caller
        },
        ..beat
    };
    rig.beat(fixed(joining("a", "orders")));
    rig.beat(fixed(beating("a", -2)));
    let join = rig.join(super::rig::static_joiner("i"));
    let joined = rig.joined(join);
    assert_eq!(joined.error, ErrorCode::NONE);
    assert!(rig.shard.consumer_groups.is_empty());
    assert_eq!(rig.state(), "Stable");
    assert_eq!(owned(&mut rig, &joined.member, joined.generation), [0, 1, 2, 3]);
    rig.fail_over(rig.log.records.len());
    assert_eq!((rig.state(), rig.shard.consumer_groups.len()), ("Stable", 0));
}
