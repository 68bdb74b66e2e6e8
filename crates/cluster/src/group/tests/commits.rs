//! Committing, fetching, deleting and expiring offsets.

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, joiner, member};
use crate::group::words::{Commit, CommitPart, Reply};

const OK: Result<Vec<ErrorCode>, ErrorCode> = Ok(Vec::new());

fn accepted() -> Result<Vec<ErrorCode>, ErrorCode> {
    OK.map(|_| vec![ErrorCode::NONE])
}

#[test]
fn a_commit_is_answered_and_seen_once_it_is_replicated() {
    let mut rig = Rig::new();
    rig.replicates = false;
    let commit = rig.commit(member(""), -1, 5);
    assert!(rig.is_parked(commit));
    assert_eq!(rig.fetch(), None);
    rig.replicate();
    assert_eq!(rig.committed(commit), accepted());
    assert_eq!(rig.fetch(), Some(5));
}

#[test]
fn a_commit_that_times_out_may_still_become_visible() {
    let mut rig = Rig::new();
    rig.replicates = false;
    let commit = rig.commit(member(""), -1, 5);
    rig.pass(4_999);
    assert!(rig.is_parked(commit));
    rig.pass(1);
    assert_eq!(rig.committed(commit), Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
    assert_eq!(rig.fetch(), None);
    rig.replicate();
    assert_eq!(rig.fetch(), Some(5));
}

#[test]
fn a_commit_that_cannot_be_appended_is_never_seen() {
    let mut rig = Rig::new();
    rig.log.refuses = Some(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let commit = rig.commit(member(""), -1, 5);
    assert_eq!(rig.committed(commit), Err(ErrorCode::NOT_COORDINATOR));
    rig.replicate();
    assert_eq!(rig.fetch(), None);
}

#[test]
fn a_stable_read_waits_for_commits_before_it() {
    let mut rig = Rig::new();
    rig.replicates = false;
    rig.commit(member(""), -1, 5);
    let waiter = rig.waiter();
    rig.act(|shard, act| shard.fetch_stable(act, waiter, &"g".into(), None));
    assert!(rig.is_parked(waiter));
    rig.replicate();
    let Some(Reply::Fetched(Ok(found))) = rig.reply(waiter) else {
        panic!("not fetched")
    };
    assert_eq!(found[0].2.as_ref().map(|committed| committed.offset), Some(5));
}

#[test]
fn a_stable_read_fails_as_the_write_does() {
    let mut rig = Rig::new();
    rig.replicates = false;
    rig.commit(member(""), -1, 5);
    let waiter = rig.waiter();
    rig.act(|shard, act| shard.fetch_stable(act, waiter, &"g".into(), None));
    rig.pass(5_000);
    assert_eq!(
        rig.reply(waiter),
        Some(&Reply::Fetched(Err(ErrorCode::NOT_COORDINATOR)))
    );
}

#[test]
fn commits_are_fenced_by_member_and_generation() {
    let mut rig = Rig::new();
    let (leader, _) = rig.stable_pair();
    let cases = [
        (member(&leader), 1, accepted()),
        (member(&leader), 0, Err(ErrorCode::ILLEGAL_GENERATION)),
        (member("nobody"), 1, Err(ErrorCode::UNKNOWN_MEMBER_ID)),
        (member(""), -1, Err(ErrorCode::UNKNOWN_MEMBER_ID)),
    ];
    for (caller, generation, expected) in cases {
        let commit = rig.commit(caller, generation, 1);
        assert_eq!(rig.committed(commit), expected);
    }
}

#[test]
fn a_member_of_an_unknown_group_is_told_so() {
    let mut rig = Rig::new();
    let commit = rig.commit(member("m"), 3, 1);
    assert_eq!(rig.committed(commit), Err(ErrorCode::ILLEGAL_GENERATION));
}

#[test]
fn a_commit_is_accepted_while_members_join_and_refused_while_they_wait_for_the_assignment() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.join(joiner(&leader));
    let preparing = rig.commit(member(&follower), 1, 1);
    assert_eq!(rig.committed(preparing), accepted());
    rig.join(joiner(&follower));
    let completing = rig.commit(member(&follower), 2, 2);
    assert_eq!(rig.committed(completing), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(rig.fetch(), Some(1));
}

#[test]
fn a_commit_keeps_its_member_alive() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.pass(9_000);
    rig.commit(member(&leader), 1, 1);
    rig.heartbeat(&follower, 1);
    rig.pass(9_000);
    assert_eq!(rig.heartbeat(&leader, 1), ErrorCode::NONE);
}

#[test]
fn metadata_that_is_too_long_refuses_its_partition_alone() {
    let mut rig = Rig::with("offset.metadata.max.bytes", "3");
    let part = |partition, metadata: &str| CommitPart {
        topic: "orders".into(),
        topic_id: None,
        partition,
        offset: 1,
        leader_epoch: -1,
        metadata: metadata.into(),
    };
    let commit = Commit {
        caller: member(""),
        generation: -1,
        retention_ms: None,
        version: 8,
        parts: vec![part(0, "abcd"), part(1, "abc")],
    };
    let waiter = rig.waiter();
    rig.act(|shard, act| shard.commit(act, waiter, &"g".into(), &commit));
    assert_eq!(
        rig.committed(waiter),
        Ok(vec![ErrorCode::OFFSET_METADATA_TOO_LARGE, ErrorCode::NONE])
    );
    assert_eq!(rig.fetch(), None);
}

#[test]
fn offsets_of_an_empty_group_expire_and_the_group_with_them() {
    let mut rig = Rig::with("offsets.retention.minutes", "30");
    rig.act(crate::group::shard::Shard::loaded);
    let (leader, follower) = rig.stable_pair();
    rig.commit(member(&leader), 1, 7);
    rig.leave(&leader);
    rig.leave(&follower);
    assert_eq!(rig.state(), "Empty");
    rig.pass(29 * 60_000);
    assert_eq!(rig.fetch(), Some(7));
    rig.pass(12 * 60_000);
    assert_eq!(rig.fetch(), None);
    assert_eq!(rig.state(), "Dead");
}

#[test]
fn offsets_of_a_group_that_reads_the_topic_do_not_expire() {
    let mut rig = Rig::with("offsets.retention.minutes", "1");
    rig.act(crate::group::shard::Shard::loaded);
    let (leader, follower) = rig.stable_pair();
    rig.commit(member(&leader), 1, 7);
    for _ in 0..300 {
        rig.pass(9_000);
        rig.heartbeat(&leader, 1);
        rig.heartbeat(&follower, 1);
    }
    assert_eq!(rig.fetch(), Some(7));
}

#[test]
fn offsets_of_a_topic_that_is_read_cannot_be_deleted_and_others_can() {
    let mut rig = Rig::new();
    let (leader, _) = rig.stable_pair();
    rig.commit(member(&leader), 1, 7);
    let waiter = rig.waiter();
    let parts = [("orders".into(), 0), ("other".into(), 0)];
    rig.act(|shard, act| shard.delete_offsets(act, waiter, &"g".into(), &parts));
    let verdicts = vec![ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode::NONE];
    assert_eq!(rig.reply(waiter), Some(&Reply::OffsetsDeleted(Ok(verdicts))));
    assert_eq!(rig.fetch(), Some(7));
}

#[test]
fn a_group_with_members_cannot_be_deleted_and_an_empty_one_is_gone_with_its_offsets() {
    let mut rig = Rig::new();
    let (leader, follower) = rig.stable_pair();
    rig.commit(member(&leader), 1, 7);
    let delete = |rig: &mut Rig| {
        let waiter = rig.waiter();
        rig.act(|shard, act| shard.delete_group(act, waiter, &"g".into()));
        rig.reply(waiter).cloned()
    };
    assert_eq!(delete(&mut rig), Some(Reply::Deleted(ErrorCode::NON_EMPTY_GROUP)));
    rig.leave(&leader);
    rig.leave(&follower);
    assert_eq!(delete(&mut rig), Some(Reply::Deleted(ErrorCode::NONE)));
    assert_eq!((rig.fetch(), rig.state()), (None, "Dead"));
    assert_eq!(delete(&mut rig), Some(Reply::Deleted(ErrorCode::GROUP_ID_NOT_FOUND)));
}

#[test]
fn offsets_of_deleted_topics_are_forgotten() {
    let mut rig = Rig::new();
    rig.commit(member(""), -1, 7);
    rig.act(|shard, act| shard.forget_topics(act, |topic| topic == "orders"));
    assert_eq!(rig.fetch(), Some(7));
    rig.act(|shard, act| shard.forget_topics(act, |_| false));
    assert_eq!(rig.fetch(), None);
}
