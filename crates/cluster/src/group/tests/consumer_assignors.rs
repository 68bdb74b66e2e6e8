//! Target assignments: whole, balanced, and kept as far as that goes.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::{ErrorCode, Seed};

use super::rig::{Rig, joining, topic_id};
use crate::group::words::{Beat, Parts, Text};

fn size(parts: &Parts) -> usize {
    parts.values().map(BTreeSet::len).sum()
}

fn targets(rig: &Rig) -> BTreeMap<Text, Parts> {
    let targets = rig.consumer_group().targets.iter();
    targets.map(|(id, parts)| (id.clone(), Parts::clone(parts))).collect()
}

fn join(rig: &mut Rig, id: &str, topics: &[&str]) {
    let joined = rig.beat(Beat {
        topics: Some(topics.iter().map(|topic| Text::from(*topic)).collect()),
        ..joining(id, "orders")
    });
    assert_eq!(joined.error, ErrorCode::NONE);
}

/// A group of members that read random topics out of four.
fn mixed(seed: u64, assignor: &str) -> Rig {
    let mut rig = Rig::with("group.consumer.assignors", assignor);
    let mut rng = Seed(seed).stream("mixed", 0);
    for topic in ["refunds", "payouts"] {
        rig.grow(topic, rng.index(12) + 1);
    }
    for member in 0..rng.between(2, 9) {
        let all = ["orders", "payments", "refunds", "payouts"];
        let some: Vec<&str> = all.into_iter().filter(|_| rng.chance(1, 2)).collect();
        join(&mut rig, &format!("m{member}"), &some);
    }
    rig
}

/// Every partition of a topic that is read has one reader, and topics that nobody reads have none.
fn is_whole(rig: &Rig) -> bool {
    let group = rig.consumer_group();
    rig.image.names.keys().all(|name| {
        let readers = group.members.values().filter(|m| m.metadata.topics.contains(name));
        let readers: BTreeSet<&Text> = readers.map(|member| &member.id).collect();
        let id = topic_id(name);
        let mut given: Vec<i32> = Vec::new();
        for (member, parts) in group.targets.iter() {
            let indexes = parts.get(&id).into_iter().flatten();
            let before = given.len();
            given.extend(indexes);
            if given.len() > before && !readers.contains(member) {
                return false;
            }
        }
        given.sort_unstable();
        let count = i32::try_from(rig.image.topic_named(name).unwrap().partitions.len()).unwrap();
        given
            == if readers.is_empty() {
                Vec::new()
            } else {
                (0..count).collect()
            }
    })
}

/// Nobody could give a partition to another reader of its topic and both be closer to each other.
fn is_balanced(rig: &Rig) -> bool {
    let group = rig.consumer_group();
    group.targets.iter().all(|(giver, given)| {
        given.keys().all(|topic| {
            let name = &rig.image.topics[topic].name;
            let readers = group.members.values().filter(|m| m.metadata.topics.contains(name));
            let mut readers = readers.filter(|member| member.id != *giver);
            readers.all(|member| size(given) <= size(&group.targets[&member.id]) + 1)
        })
    })
}

#[test]
fn mixed_subscriptions_are_served_wholly_by_both_assignors() {
    for seed in 0..60 {
        assert!(is_whole(&mixed(seed, "uniform")), "uniform, seed {seed}");
        assert!(is_whole(&mixed(seed, "range")), "range, seed {seed}");
    }
}

#[test]
fn uniform_balances_mixed_subscriptions_and_range_does_not() {
    for seed in 0..60 {
        assert!(is_balanced(&mixed(seed, "uniform")), "seed {seed}");
    }
    assert!((0..60).any(|seed| !is_balanced(&mixed(seed, "range"))));
}

#[test]
fn uniform_moves_no_more_than_a_newcomer_needs_and_range_does() {
    let moved = |assignor| {
        let mut rig = Rig::with("group.consumer.assignors", assignor);
        rig.grow("orders", 12);
        ["a", "b", "d"].iter().for_each(|id| join(&mut rig, id, &["orders"]));
        let before = targets(&rig);
        join(&mut rig, "c", &["orders"]);
        let after = targets(&rig);
        let kept = |id: &Text| -> usize {
            before[id]
                .iter()
                .map(|(topic, indexes)| indexes.difference(&after[id][topic]).count())
                .sum()
        };
        before.keys().map(kept).sum::<usize>()
    };
    assert_eq!(moved("uniform"), 3);
    assert!(moved("range") > 3);
}

#[test]
fn range_joins_equal_topics_alike_and_keeps_a_static_members_range() {
    let mut rig = Rig::with("group.consumer.assignors", "range");
    rig.grow("payments", 4);
    ["a", "b", "c"]
        .iter()
        .for_each(|id| join(&mut rig, id, &["orders", "payments"]));
    for parts in targets(&rig).values() {
        assert_eq!(parts[&topic_id("orders")], parts[&topic_id("payments")]);
    }
    assert_eq!(targets(&rig)["a"][&topic_id("orders")], [0, 1].into());
}

#[test]
fn the_assignor_that_most_members_ask_for_is_used() {
    let mut rig = Rig::new();
    for (id, assignor) in [("a", "range"), ("b", "range"), ("c", "uniform")] {
        rig.beat(Beat {
            assignor: Some(Text::from(assignor)),
            ..joining(id, "orders")
        });
    }
    let preferred = rig.consumer_group().preferred_assignor();
    assert_eq!(preferred.map(|name| &**name), Some("range"));
}
