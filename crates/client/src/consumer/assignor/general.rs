//! `sticky` and `cooperative-sticky` where members are subscribed to different topics.
//!
//! Divergence: partitions move one by one from the member with the most to the one with the fewest that may have
//! them, until no move makes the shares more even. Kafka also prefers to move a partition back to where it came from.

use std::sync::Arc;

use kafka_sim_core::TopicPartition;

use super::{Assignment, Membership, Topics, partitions};

pub(super) fn assign(topics: &Topics, members: &[Membership], owned: &Assignment) -> Assignment {
    let mut assignment = owned.clone();
    for member in members {
        let own = assignment.entry(member.id.clone()).or_default();
        own.retain(|partition| member.subscription.topics.contains(&partition.topic));
    }
    let candidates = |topic: &Arc<str>| {
        let topic = topic.clone();
        members
            .iter()
            .filter(move |member| member.subscription.topics.contains(&topic))
    };
    // Topics that fewer members can have come first.
    let mut sorted: Vec<(&Arc<str>, usize)> = topics.iter().map(|(topic, count)| (topic, *count)).collect();
    sorted.sort_by_key(|(topic, _)| (candidates(topic).count(), (*topic).clone()));
    let all: Vec<TopicPartition> = sorted
        .into_iter()
        .flat_map(|(topic, count)| partitions(topic, count))
        .collect();
    for partition in &all {
        let taken = assignment.values().any(|own| own.contains(partition));
        if !taken && let Some(member) = fewest(candidates(&partition.topic), &assignment) {
            assignment.entry(member).or_default().push(partition.clone());
        }
    }
    while let Some((partition, from, to)) = all.iter().find_map(|partition| {
        let (from, own) = assignment.iter().find(|(_, own)| own.contains(partition))?;
        let to = fewest(candidates(&partition.topic), &assignment)?;
        let evens_out = own.len() > assignment.get(&to).map_or(0, Vec::len) + 1;
        evens_out.then(|| (partition.clone(), from.clone(), to))
    }) {
        assignment.entry(from).or_default().retain(|own| *own != partition);
        assignment.entry(to).or_default().push(partition);
    }
    assignment
}

/// The candidate with the fewest partitions, the first by id among equals.
fn fewest<'a>(candidates: impl Iterator<Item = &'a Membership>, assignment: &Assignment) -> Option<Arc<str>> {
    let count = |member: &Membership| assignment.get(&member.id).map_or(0, Vec::len);
    let least = candidates.min_by_key(|member| (count(member), member.id.clone()))?;
    Some(least.id.clone())
}
