//! The assignors a leader of a classic group may be asked to run.

mod range;

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

/// Assigns the partitions of the topics that metadata knows.
///
/// Divergence: racks are not looked at.
pub(super) fn assign(assignor: Assignor, topics: &BTreeMap<Arc<str>, usize>, members: &[Membership]) -> Assignment {
    match assignor {
        _ => range::assign(topics, members),
    }
}

fn partitions(topic: &Arc<str>, count: usize) -> impl Iterator<Item = TopicPartition> + '_ {
    (0..)
        .take(count)
        .map(|partition| TopicPartition::new(topic.clone(), partition))
}
