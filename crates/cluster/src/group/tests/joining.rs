//! Joining and rebalancing.

use kafka_sim_core::ErrorCode;

use super::rig::{REBALANCE_MS, Rig, joiner, subscription};
use crate::group::words::Join;

#[test]
fn a_dynamic_member_has_to_come_back_with_the_id_it_is_given() {
    let mut rig = Rig::new();
    let first = rig.join(joiner(""));
    let answer = rig.joined(first);
    assert_eq!(answer.error, ErrorCode::MEMBER_ID_REQUIRED);
    assert!(answer.member.starts_with("c-"));
    let second = rig.join(joiner(&answer.member));
    rig.pass(3_000);
    let joined = rig.joined(second);
    assert_eq!(
        (joined.error, joined.generation, joined.leader),
        (ErrorCode::NONE, 1, answer.member)
    );
    assert_eq!(joined.members.len(), 1);
}

#[test]
fn an_old_client_joins_directly() {
    let mut rig = Rig::new();
    let old = rig.join(Join {
        needs_known_id: false,
        ..joiner("")
    });
    rig.pass(3_000);
    assert_eq!(rig.joined(old).error, ErrorCode::NONE);
}

#[test]
fn the_first_rebalance_waits_its_delay_out_and_longer_for_newcomers() {
    let mut rig = Rig::new();
    let (first, _) = rig.join_twice();
    rig.pass(2_999);
    assert!(rig.is_parked(first));
    let (second, _) = rig.join_twice();
    rig.pass(3_000);
    assert!(rig.is_parked(first), "a newcomer extends the delay");
    rig.pass(1);
    assert_eq!(rig.joined(first).generation, 1);
    assert_eq!(
        rig.joined(second).members.len() + rig.joined(first).members.len(),
        2,
        "only the leader hears of the others"
    );
    assert_eq!(rig.state(), "CompletingRebalance");
}

#[test]
fn newcomers_cannot_extend_the_delay_beyond_the_rebalance_timeout() {
    let mut rig = Rig::new();
    let (first, _) = rig.join_twice();
    for _ in 0..(REBALANCE_MS / 2_000) {
        rig.pass(2_000);
        rig.join_twice();
    }
    rig.pass(1_000);
    assert_eq!(rig.joined(first).generation, 1);
}

#[test]
fn the_leader_hands_out_the_assignment_untouched() {
    let mut rig = Rig::new();
    rig.stable_pair();
    assert_eq!(rig.state(), "Stable");
    let described = rig.shard.describe("g").unwrap();
    assert_eq!(&*described.protocol, "range");
    assert!(described.members.iter().all(|m| m.metadata == subscription("orders")));
}

#[test]
fn a_third_member_makes_the_others_rejoin() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let (third, _) = rig.join_twice();
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    let waiting = rig.join(joiner(&leader));
    assert!(rig.is_parked(waiting));
    let last = rig.join(joiner(&follower));
    for waiter in [third, waiting, last] {
        let joined = rig.joined(waiter);
        assert_eq!((joined.generation, &joined.leader), (2, &leader));
    }
    assert_eq!(rig.joined(waiting).members.len(), 3);
}

#[test]
fn a_member_that_does_not_rejoin_in_time_is_out() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let rejoined = rig.join(joiner(&leader));
    for _ in 0..12 {
        rig.pass(5_000);
        rig.heartbeat(&follower, 1);
    }
    let joined = rig.joined(rejoined);
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
    assert_eq!(rig.heartbeat(&follower, 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn the_leaders_rejoin_forces_a_rebalance_and_a_followers_does_not() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let same = rig.join(joiner(&follower));
    assert_eq!(rig.joined(same).generation, 1);
    assert!(rig.joined(same).members.is_empty());
    let forced = rig.join(joiner(&leader));
    assert!(rig.is_parked(forced));
    assert_eq!(rig.state(), "PreparingRebalance");
}

#[test]
fn a_changed_subscription_forces_a_rebalance() {
    let mut rig = Rig::new();
    let (_, follower) = rig.stable_pair();
    let changed = Join {
        protocols: vec![("range".into(), subscription("other"))],
        ..joiner(&follower)
    };
    let waiter = rig.join(changed);
    assert!(rig.is_parked(waiter));
}

#[test]
fn a_member_without_a_common_protocol_is_refused() {
    let mut rig = Rig::new();
    rig.stable_pair();
    for other in [
        Join {
            protocols: vec![("sticky".into(), subscription("orders"))],
            ..joiner("")
        },
        Join {
            protocol_type: "connect".into(),
            ..joiner("")
        },
    ] {
        let refused = rig.join(other);
        assert_eq!(rig.joined(refused).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    }
    let mut empty = Rig::new();
    let refused = empty.join(Join {
        protocols: Vec::new(),
        ..joiner("")
    });
    assert_eq!(empty.joined(refused).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn the_protocol_that_all_support_and_most_prefer_is_chosen() {
    let mut rig = Rig::new();
    let with = |names: &[&str]| Join {
        needs_known_id: false,
        protocols: names
            .iter()
            .map(|name| ((*name).into(), subscription("orders")))
            .collect(),
        ..joiner("")
    };
    let first = rig.join(with(&["a", "b", "c"]));
    rig.join(with(&["c", "b"]));
    rig.join(with(&["b", "c"]));
    rig.pass(10_000);
    assert_eq!(rig.joined(first).protocol.as_deref(), Some("b"));
}

#[test]
fn unknown_ids_are_refused_whether_or_not_there_is_a_group() {
    let mut rig = Rig::new();
    let absent = rig.join(joiner("nobody"));
    assert_eq!(rig.joined(absent).error, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.state(), "Dead");
    rig.stable_pair();
    let unknown = rig.join(joiner("nobody"));
    assert_eq!(rig.joined(unknown).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_full_group_takes_nobody_in() {
    let mut rig = Rig::with("group.max.size", "2");
    let (leader, _) = rig.stable_pair();
    let third = rig.join(joiner(""));
    assert_eq!(rig.joined(third).error, ErrorCode::GROUP_MAX_SIZE_REACHED);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::NONE);
}

#[test]
fn a_pending_member_holds_up_the_join_phase_until_its_time_is_over() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let pending = rig.join(joiner(""));
    assert_eq!(rig.joined(pending).error, ErrorCode::MEMBER_ID_REQUIRED);
    let (a, b) = (rig.join(joiner(&leader)), rig.join(joiner(&follower)));
    assert!(rig.is_parked(a) && rig.is_parked(b));
    rig.pass(10_000);
    assert_eq!((rig.joined(a).generation, rig.joined(b).generation), (2, 2));
}

#[test]
fn a_sync_of_another_generation_or_phase_is_refused() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    let wrong = rig.sync(&follower, 7, &[]);
    assert_eq!(rig.synced(wrong).error, ErrorCode::ILLEGAL_GENERATION);
    let again = rig.sync(&follower, 1, &[]);
    assert_eq!(rig.synced(again).assignment, "two");
    rig.join(joiner(&leader));
    let late = rig.sync(&follower, 1, &[]);
    assert_eq!(rig.synced(late).error, ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn a_rebalance_that_begins_meanwhile_refuses_parked_syncs() {
    let mut rig = Rig::new();
    let (a, first) = rig.join_twice();
    let (_, second) = rig.join_twice();
    rig.pass(10_000);
    let follower = if rig.joined(a).leader == first { second } else { first };
    let parked = rig.sync(&follower, 1, &[]);
    rig.join_twice();
    assert_eq!(rig.synced(parked).error, ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn members_that_never_sync_are_out_after_the_rebalance_timeout() {
    let mut rig = Rig::new();
    let (waiter, id) = rig.join_twice();
    rig.pass(3_000);
    assert_eq!(rig.joined(waiter).generation, 1);
    for _ in 0..12 {
        assert_eq!(rig.heartbeat(&id, 1), ErrorCode::NONE);
        rig.pass(5_000);
    }
    assert_eq!(rig.heartbeat(&id, 1), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.state(), "Empty");
}

#[test]
fn an_assignment_waits_for_replication() {
    let mut rig = Rig::new();
    let (_, id) = rig.join_twice();
    rig.pass(3_000);
    rig.replicates = false;
    let sync = rig.sync(&id, 1, &[(&id, "all")]);
    assert!(rig.is_parked(sync));
    rig.replicate();
    assert_eq!(rig.synced(sync).assignment, "all");
}

#[test]
fn an_assignment_that_is_not_replicated_in_time_starts_another_rebalance() {
    let mut rig = Rig::new();
    let (_, id) = rig.join_twice();
    rig.pass(3_000);
    rig.replicates = false;
    let sync = rig.sync(&id, 1, &[(&id, "all")]);
    rig.pass(5_000);
    assert_eq!(rig.synced(sync).error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    rig.replicate();
    assert_eq!(rig.heartbeat(&id, 1), ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn an_assignment_that_cannot_be_written_is_refused() {
    let mut rig = Rig::new();
    let (_, id) = rig.join_twice();
    rig.pass(3_000);
    rig.log.refuses = Some(ErrorCode::KAFKA_STORAGE_ERROR);
    let sync = rig.sync(&id, 1, &[(&id, "all")]);
    assert_eq!(rig.synced(sync).error, ErrorCode::NOT_COORDINATOR);
}

#[test]
fn a_group_that_cannot_be_written_is_not_created() {
    let mut rig = Rig::new();
    rig.log.refuses = Some(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let join = rig.join(joiner(""));
    assert_eq!(rig.joined(join).error, ErrorCode::NOT_COORDINATOR);
    assert_eq!(rig.state(), "Dead");
}

#[test]
fn a_thousand_members_agree_in_one_generation() {
    let mut rig = Rig::new();
    let waiters: Vec<_> = (0..1_000).map(|_| rig.join_twice().0).collect();
    rig.pass(10_000);
    assert!(waiters.iter().all(|waiter| rig.joined(*waiter).generation == 1));
}
