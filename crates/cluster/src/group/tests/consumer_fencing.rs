//! Consumer groups: members that come with another epoch or under another name, and static members.

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, beating, joining, owning, parts};
use crate::group::words::{Beat, Caller, Text};

fn fixed(id: &str, beat: Beat) -> Beat {
    let caller = Caller {
        member: id.into(),
        instance: Some(Text::from("i")),
    };
    Beat { caller, ..beat }
}

#[test]
fn a_member_with_another_epoch_is_fenced() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    assert_eq!(rig.beat(beating("a", 2)).error, ErrorCode::FENCED_MEMBER_EPOCH);
    rig.grow("orders", 6);
    rig.beat(beating("a", 1));
    rig.grow("orders", 7);
    assert_eq!(rig.beat(beating("a", 2)).epoch, 3);
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::FENCED_MEMBER_EPOCH);
}

#[test]
fn a_member_that_missed_its_last_answer_may_come_with_the_epoch_before() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    rig.grow("orders", 6);
    assert_eq!(rig.beat(beating("a", 1)).epoch, 2);
    let again = rig.beat(owning("a", 1, parts("orders", &[0, 1, 2, 3])));
    assert_eq!((again.error, again.epoch), (ErrorCode::NONE, 2));
    let without_report = rig.beat(beating("a", 1));
    assert_eq!(without_report.error, ErrorCode::FENCED_MEMBER_EPOCH);
    let owns_more = rig.beat(owning("a", 1, parts("orders", &[0, 9])));
    assert_eq!(owns_more.error, ErrorCode::FENCED_MEMBER_EPOCH);
}

#[test]
fn a_fenced_member_comes_back_with_epoch_0_and_the_same_id() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let back = rig.beat(joining("a", "orders"));
    assert_eq!((back.error, back.epoch), (ErrorCode::NONE, 1));
    assert_eq!(back.assignment, Some(Arc::new(parts("orders", &[0, 1, 2, 3]))));
}

#[test]
fn strangers_are_unknown_whether_or_not_there_is_a_group() {
    let mut rig = Rig::new();
    assert_eq!(rig.beat(beating("a", 1)).error, ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(rig.beat(beating("a", -1)).error, ErrorCode::GROUP_ID_NOT_FOUND);
    rig.beat(joining("a", "orders"));
    assert_eq!(rig.beat(beating("b", 1)).error, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(rig.beat(beating("b", -1)).error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_static_member_that_left_for_a_while_keeps_its_assignment() {
    let mut rig = Rig::new();
    rig.beat(fixed("a", joining("a", "orders")));
    rig.beat(joining("b", "orders"));
    rig.beat(fixed("a", owning("a", 1, parts("orders", &[0, 1]))));
    assert_eq!(rig.beat(fixed("a", beating("a", -2))).epoch, -2);
    let other = rig.beat(beating("b", 2));
    assert_eq!(other.epoch, 2, "nothing is shared out again");
    let back = rig.beat(fixed("a2", joining("a2", "orders")));
    assert_eq!(
        (back.epoch, back.assignment),
        (2, Some(Arc::new(parts("orders", &[0, 1]))))
    );
    let old = rig.beat(fixed("a", beating("a", 2)));
    assert_eq!(old.error, ErrorCode::FENCED_INSTANCE_ID);
}

#[test]
fn a_static_member_that_never_comes_back_loses_its_assignment() {
    let mut rig = Rig::new();
    rig.beat(fixed("a", joining("a", "orders")));
    rig.beat(fixed("a", beating("a", -2)));
    rig.pass(45_000);
    assert_eq!(rig.consumer_group().state(), "Empty");
}

#[test]
fn an_instance_id_in_use_is_not_released() {
    let mut rig = Rig::new();
    rig.beat(fixed("a", joining("a", "orders")));
    let other = rig.beat(fixed("b", joining("b", "orders")));
    assert_eq!(other.error, ErrorCode::UNRELEASED_INSTANCE_ID);
    let stranger = rig.beat(Beat {
        caller: Caller {
            member: "a".into(),
            instance: Some("other".into()),
        },
        ..beating("a", 1)
    });
    assert_eq!(stranger.error, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn commits_need_the_members_epoch() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let commit = |rig: &mut Rig, id: &str, epoch| {
        let waiter = rig.commit_as(super::rig::member(id), epoch, 7, 9);
        rig.committed(waiter)
    };
    assert_eq!(commit(&mut rig, "a", 1), Ok(vec![ErrorCode::NONE]));
    assert_eq!(commit(&mut rig, "a", 0), Err(ErrorCode::STALE_MEMBER_EPOCH));
    assert_eq!(commit(&mut rig, "b", 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commit(&mut rig, "", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    let old_client = rig.commit_as(super::rig::member("a"), 1, 7, 8);
    assert_eq!(rig.committed(old_client), Err(ErrorCode::UNSUPPORTED_VERSION));
    rig.beat(beating("a", -1));
    assert_eq!(commit(&mut rig, "", -1), Ok(vec![ErrorCode::NONE]));
}

#[test]
fn fetches_that_name_a_member_need_its_epoch() {
    let mut rig = Rig::new();
    rig.beat(joining("a", "orders"));
    let check = |member: Option<&str>, epoch| rig.shard.check_fetch("g", member, epoch);
    assert_eq!(check(None, -1), Ok(()));
    assert_eq!(check(Some("a"), 1), Ok(()));
    assert_eq!(check(Some("a"), 2), Err(ErrorCode::STALE_MEMBER_EPOCH));
    assert_eq!(check(Some("b"), 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(rig.shard.check_fetch("other", Some("b"), 1), Ok(()));
}
