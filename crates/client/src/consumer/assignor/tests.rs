//! What each assignor makes of a group.

use std::collections::BTreeSet;

use super::*;

fn member(id: &str, topics: &[&str], owned: &[(&str, i32)], generation: i32) -> Membership {
    Membership {
        id: id.into(),
        instance: None,
        subscription: MemberSubscription {
            topics: topics.iter().map(|topic| Arc::from(*topic)).collect(),
            owned: owned
                .iter()
                .map(|(topic, index)| TopicPartition::new(*topic, *index))
                .collect(),
            generation,
            user_data: None,
        },
    }
}

fn topics(counts: &[(&str, usize)]) -> Topics {
    counts
        .iter()
        .map(|(topic, count)| (Arc::from(*topic), *count))
        .collect()
}

fn shown(assignment: &Assignment) -> Vec<String> {
    let line = |(member, own): (&Arc<str>, &Vec<TopicPartition>)| {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        format!("{member}: {}", own.join(" "))
    };
    assignment.iter().map(line).collect()
}

/// The members with what they were assigned as what they own.
fn moved_on(members: &[Membership], assignment: &Assignment, generation: i32) -> Vec<Membership> {
    let mut members = members.to_vec();
    for member in &mut members {
        member.subscription.owned = assignment[&member.id].clone();
        member.subscription.generation = generation;
    }
    members
}

#[test]
fn range_gives_neighbours_and_favours_the_first_members_of_each_topic() {
    let members = [member("a", &["t", "u"], &[], -1), member("b", &["t", "u"], &[], -1)];
    let assignment = assign(Assignor::Range, &topics(&[("t", 3), ("u", 3)]), &members);
    assert_eq!(shown(&assignment), ["a: t-0 t-1 u-0 u-1", "b: t-2 u-2"]);
}

#[test]
fn round_robin_goes_on_from_topic_to_topic_and_skips_who_is_not_subscribed() {
    let members = [member("a", &["t", "u"], &[], -1), member("b", &["t", "u"], &[], -1)];
    let assignment = assign(Assignor::RoundRobin, &topics(&[("t", 3), ("u", 3)]), &members);
    assert_eq!(shown(&assignment), ["a: t-0 t-2 u-1", "b: t-1 u-0 u-2"]);
    let members = [member("a", &["t"], &[], -1), member("b", &["t", "u"], &[], -1)];
    let assignment = assign(Assignor::RoundRobin, &topics(&[("t", 2), ("u", 2)]), &members);
    assert_eq!(shown(&assignment), ["a: t-0", "b: t-1 u-0 u-1"]);
}

#[test]
fn static_members_come_first_whatever_their_member_ids() {
    let mut members = [member("a", &["t"], &[], -1), member("b", &["t"], &[], -1)];
    members[1].instance = Some("z".into());
    let assignment = assign(Assignor::Range, &topics(&[("t", 3)]), &members);
    assert_eq!(shown(&assignment), ["a: t-2", "b: t-0 t-1"]);
}

#[test]
fn sticky_leaves_owners_what_is_their_share() {
    let topics = topics(&[("t", 6)]);
    let mut members = vec![member("a", &["t"], &[], -1), member("b", &["t"], &[], -1)];
    let first = assign(Assignor::CooperativeSticky, &topics, &members);
    assert_eq!(shown(&first), ["a: t-0 t-2 t-4", "b: t-1 t-3 t-5"]);
    members = moved_on(&members, &first, 1);
    members.push(member("c", &["t"], &[], -1));
    let second = assign(Assignor::CooperativeSticky, &topics, &members);
    assert_eq!(
        shown(&second),
        ["a: t-0 t-2", "b: t-1 t-3", "c: "],
        "what moves is assigned to nobody at first"
    );
    let third = assign(Assignor::CooperativeSticky, &topics, &moved_on(&members, &second, 2));
    assert_eq!(shown(&third), ["a: t-0 t-2", "b: t-1 t-3", "c: t-4 t-5"]);
}

#[test]
fn an_eager_sticky_member_gets_back_what_it_remembers() {
    let topics = topics(&[("t", 4)]);
    let remembered = (vec![TopicPartition::new("t", 3), TopicPartition::new("t", 2)], 5);
    let mut members = vec![member("a", &["t"], &[], -1), member("b", &["t"], &[], -1)];
    members[0].subscription.user_data = crate::consumer::protocol::user_data(Assignor::Sticky, &remembered);
    let assignment = assign(Assignor::Sticky, &topics, &members);
    assert_eq!(shown(&assignment), ["a: t-2 t-3", "b: t-0 t-1"]);
}

#[test]
fn of_two_claims_the_later_generation_counts_and_equal_ones_cancel_out() {
    let topics = topics(&[("t", 2)]);
    let claim = |early, late| {
        let members = [
            member("a", &["t"], &[("t", 1)], early),
            member("b", &["t"], &[("t", 1)], late),
        ];
        shown(&owned::from_subscriptions(&topics, &members))
    };
    assert_eq!(claim(1, 2), ["a: ", "b: t-1"]);
    assert_eq!(claim(2, 1), ["a: t-1", "b: "]);
    assert_eq!(claim(2, 2), ["a: ", "b: "]);
}

#[test]
fn what_two_members_claim_is_nobodys_until_both_have_given_it_up() {
    let topics = topics(&[("t", 2)]);
    let members = [member("a", &["t"], &[("t", 1)], 2), member("b", &["t"], &[("t", 1)], 2)];
    let assignment = assign(Assignor::CooperativeSticky, &topics, &members);
    assert!(
        assignment.values().flatten().all(|partition| partition.partition == 0),
        "{assignment:?}"
    );
}

#[test]
fn with_different_subscriptions_shares_are_as_even_as_they_can_be() {
    let topics = topics(&[("t", 4), ("u", 2)]);
    let members = [
        member("a", &["t"], &[("t", 0), ("t", 1), ("t", 2), ("t", 3)], 1),
        member("b", &["t", "u"], &[], -1),
    ];
    let assignment = assign(Assignor::Sticky, &topics, &members);
    let sizes: BTreeSet<usize> = assignment.values().map(Vec::len).collect();
    assert_eq!(sizes, BTreeSet::from([3]));
}

#[test]
fn every_partition_has_exactly_one_owner_whatever_members_claim() {
    let topics = topics(&[("t", 5), ("u", 4)]);
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
        for count in 1..6 {
            let names = ["a", "b", "c", "d", "e"];
            let members: Vec<Membership> = names[..count]
                .iter()
                .map(|name| member(name, &["t", "u"], &[("t", 0), ("u", 3), ("u", 9)], 3))
                .collect();
            let assignment = assign(assignor, &topics, &members);
            let mut all: Vec<&TopicPartition> = assignment.values().flatten().collect();
            all.sort();
            assert_eq!(all.len(), 9, "{assignor:?} {count}");
            all.dedup();
            assert_eq!(all.len(), 9, "{assignor:?} {count}");
        }
    }
}
