//! Consumer groups: subscriptions by regular expression.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::rig::{Rig, beating, joining, parts, topic_id};
use crate::group::words::{Beat, Beaten, Text};

fn matching(id: &str, epoch: i32, regex: &str) -> Beat {
    let beat = if epoch == 0 {
        joining(id, "orders")
    } else {
        beating(id, epoch)
    };
    Beat {
        topics: None,
        regex: Some(Text::from(regex)),
        ..beat
    }
}

/// Joins with a regular expression, which is resolved beside the request.
fn joined(rig: &mut Rig, id: &str, regex: &str) -> Beaten {
    let first = rig.beat(matching(id, 0, regex));
    assert_eq!(first.error, ErrorCode::NONE);
    rig.pass(0);
    rig.beat(beating(id, first.epoch))
}

#[test]
fn a_regular_expression_stands_for_the_topics_whose_whole_name_matches() {
    let mut rig = Rig::new();
    assert_eq!(
        joined(&mut rig, "a", "pay.*").assignment,
        Some(Arc::new(parts("payments", &[0, 1, 2])))
    );
    let mut part = Rig::new();
    assert_eq!(joined(&mut part, "a", "pay").assignment, None);
}

#[test]
fn a_new_topic_that_matches_is_picked_up_and_another_is_not() {
    let mut rig = Rig::new();
    let first = joined(&mut rig, "a", "pay.*");
    rig.grow("refunds", 2);
    rig.grow("payouts", 2);
    // Not more often than every ten seconds.
    assert_eq!(rig.beat(beating("a", first.epoch)).epoch, first.epoch);
    rig.pass(10_001);
    rig.beat(beating("a", first.epoch));
    rig.pass(0);
    let after = rig.beat(beating("a", first.epoch)).assignment.unwrap();
    let topics: BTreeSet<_> = after.keys().copied().collect();
    assert_eq!(topics, [topic_id("payments"), topic_id("payouts")].into());
}

#[test]
fn a_regular_expression_without_a_match_is_no_failure() {
    let mut rig = Rig::new();
    let none = joined(&mut rig, "a", "nothing-.*");
    assert_eq!((none.error, none.assignment), (ErrorCode::NONE, None));
}

#[test]
fn what_is_not_a_regular_expression_is_refused() {
    let mut rig = Rig::new();
    for broken in ["[", "a(", "a)(b", "*"] {
        let refused = rig.beat(matching("a", 0, broken));
        assert_eq!(refused.error, ErrorCode::INVALID_REGULAR_EXPRESSION, "{broken}");
    }
    assert!(rig.shard.consumer_groups.is_empty());
}

#[test]
fn the_last_member_takes_its_regular_expression_with_it() {
    let mut rig = Rig::new();
    let first = joined(&mut rig, "a", "pay.*");
    assert_eq!(rig.consumer_group().resolved.len(), 1);
    rig.beat(Beat {
        topics: Some([Text::from("orders")].into()),
        ..matching("a", first.epoch, "")
    });
    assert!(rig.consumer_group().resolved.is_empty());
    let mut gone = Rig::new();
    joined(&mut gone, "a", "pay.*");
    gone.beat(beating("a", -1));
    assert!(gone.consumer_group().resolved.is_empty());
}

#[test]
fn what_was_resolved_survives_a_change_of_coordinator() {
    let mut rig = Rig::new();
    let first = joined(&mut rig, "a", "pay.*");
    rig.fail_over(rig.log.records.len());
    assert_eq!(
        rig.consumer_group().resolved["pay.*"].topics,
        [Text::from("payments")].into()
    );
    assert_eq!(rig.beat(beating("a", first.epoch)).epoch, first.epoch);
}
