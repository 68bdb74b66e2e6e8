//! Who owned what before, as far as members can be believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_sim_core::TopicPartition;

use super::{Assignment, Membership, Topics, nobody_has_anything};
use crate::consumer::protocol::read_sticky;

/// What `cooperative-sticky` goes by: members tell what they own, from version 2 on with their generation.
pub(super) fn from_subscriptions(topics: &Topics, members: &[Membership]) -> Assignment {
    let claim = |member: &Membership| {
        let subscription = &member.subscription;
        let told = subscription.user_data.as_ref().and_then(|data| data.get(..4));
        let told = told.and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
        let generation = match subscription.generation {
            -1 => told.unwrap_or(-1),
            generation => generation,
        };
        (subscription.owned.clone(), generation)
    };
    settle(topics, members, claim)
}

/// What `sticky` goes by: members gave everything up, and remember it in their user data.
pub(super) fn from_user_data(topics: &Topics, members: &[Membership]) -> Assignment {
    let claim = |member: &Membership| {
        let data = member.subscription.user_data.as_ref();
        data.and_then(read_sticky).unwrap_or((Vec::new(), -1))
    };
    settle(topics, members, claim)
}

/// Of two members that claim a partition the one with the later generation had it; with the same one, neither.
fn settle(
    topics: &Topics,
    members: &[Membership],
    claim: impl Fn(&Membership) -> (Vec<TopicPartition>, i32),
) -> Assignment {
    let mut owned = nobody_has_anything(members);
    let mut owners: BTreeMap<TopicPartition, (Arc<str>, i32)> = BTreeMap::new();
    for member in members {
        let (claimed, generation) = claim(member);
        let exists = |partition: &TopicPartition| {
            let count = topics.get(&partition.topic).copied().unwrap_or(0);
            usize::try_from(partition.partition).is_ok_and(|index| index < count)
        };
        for partition in claimed.into_iter().filter(exists) {
            let other = owners.get(&partition).cloned();
            if other.as_ref().is_some_and(|(_, other)| generation < *other) {
                continue;
            }
            let shared = other.as_ref().is_some_and(|(_, other)| generation == *other);
            if let Some((other, _)) = other {
                owned.entry(other).or_default().retain(|owned| *owned != partition);
            }
            owners.insert(partition.clone(), (member.id.clone(), generation));
            if !shared {
                owned.entry(member.id.clone()).or_default().push(partition);
            }
        }
    }
    owned
}

/// The cooperative protocol: a partition that moves is assigned to nobody until its owner has given it up.
pub(super) fn keep_back_what_moves(assignment: &mut Assignment, members: &[Membership], owned: &Assignment) {
    let mut given_up: BTreeSet<&TopicPartition> = BTreeSet::new();
    for member in members {
        let kept = assignment.get(&member.id);
        let kept = |partition: &TopicPartition| kept.is_some_and(|kept| kept.contains(partition));
        given_up.extend(member.subscription.owned.iter().filter(|owned| !kept(owned)));
    }
    for member in members {
        if let (Some(assigned), Some(owned)) = (assignment.get_mut(&member.id), owned.get(&member.id)) {
            assigned.retain(|partition| owned.contains(partition) || !given_up.contains(partition));
        }
    }
}
