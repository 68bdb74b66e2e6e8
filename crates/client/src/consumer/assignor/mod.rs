//! The assignors a leader of a classic group may be asked to run.

mod general;
mod owned;
mod range;
mod round_robin;
mod sticky;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use kafka_sim_core::TopicPartition;

use super::protocol::MemberSubscription;
use crate::config::Assignor;

/// A member as the leader sees it.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) id: Arc<str>,
    pub(super) instance: Option<Arc<str>>,
    pub(super) subscription: MemberSubscription,
}

impl Membership {
    /// Static members come first, by instance id, then the others by member id.
    fn rank(&self) -> (bool, &str) {
        match &self.instance {
            Some(instance) => (false, instance),
            None => (true, &self.id),
        }
    }
}

/// Partitions of each member by its id.
pub(super) type Assignment = BTreeMap<Arc<str>, Vec<TopicPartition>>;

/// Numbers of partitions of the topics metadata knows.
pub(super) type Topics = BTreeMap<Arc<str>, usize>;

/// Assigns the partitions of the topics that metadata knows.
///
/// Divergence: racks are not looked at.
pub(super) fn assign(assignor: Assignor, topics: &Topics, members: &[Membership]) -> Assignment {
    match assignor {
        Assignor::Range => range::assign(topics, members),
        Assignor::RoundRobin => round_robin::assign(topics, members),
        Assignor::Sticky => sticky::assign(topics, members, &owned::from_user_data(topics, members)),
        Assignor::CooperativeSticky => {
            let owned = owned::from_subscriptions(topics, members);
            let mut assignment = sticky::assign(topics, members, &owned);
            owned::keep_back_what_moves(&mut assignment, members, &owned);
            assignment
        }
    }
}

fn nobody_has_anything(members: &[Membership]) -> Assignment {
    members.iter().map(|member| (member.id.clone(), Vec::new())).collect()
}

fn partitions(topic: &Arc<str>, count: usize) -> impl Iterator<Item = TopicPartition> + '_ {
    (0..)
        .take(count)
        .map(|partition| TopicPartition::new(topic.clone(), partition))
}
