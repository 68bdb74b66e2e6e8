//! Consumer groups (KIP-848): the coordinator computes the assignment, and members move towards it one heartbeat at a
//! time (ConsumerGroup, GroupMetadataManager).
//!
//! A request is worked out on a [`Draft`](draft::Draft): records and an answer, with the group untouched. Only once the
//! records are in the log they are applied, by the same [`ConsumerGroup::apply`] that reads them back after a failover.
//!
//! Divergence:
//! - Java's hash maps have no order that could be repeated: members are taken by id, and of equally wanted assignors the
//!   first by name.
//! - Regular expressions are those of the `regex` crate with ASCII classes, not RE2, and are resolved within the instant.
//! - Requests that are parked in a classic group are answered once its conversion is written, not before.

mod apply;
mod assignor;
mod classic;
mod convert;
mod draft;
mod fence;
mod heartbeat;
mod member;
mod metadata;
mod offsets;
mod reconcile;
mod regex;
mod requests;
mod targets;
mod timers;

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::Offset;
use uuid::Uuid;

use super::records::Resolved;
use super::words::Text;
pub(crate) use assignor::enabled as assignors;
#[cfg(test)]
pub(crate) use assignor::{all_changes, changes};
pub(crate) use member::{ConsumerMember, MemberState};
pub(crate) use metadata::TopicHashes;
pub(crate) use targets::Targets;
pub(crate) use timers::{Deadline, Timers};

/// How many members and regular expressions of a group stand for a topic.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Readers {
    pub(crate) by_name: usize,
    pub(crate) by_regex: usize,
}

impl Readers {
    fn is_none(self) -> bool {
        self == Readers::default()
    }
}

/// The epoch of the owner of each partition that has one.
type Owned = BTreeMap<Uuid, BTreeMap<i32, i32>>;

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerGroup {
    pub(crate) id: Text,
    /// Raised with every change that needs a new target assignment.
    pub(crate) epoch: i32,
    pub(crate) metadata_hash: u64,
    /// The group epoch that the target assignment was computed for.
    pub(crate) target_epoch: i32,
    pub(crate) members: BTreeMap<Text, ConsumerMember>,
    /// Member id by instance id.
    pub(crate) statics: BTreeMap<Text, Text>,
    pub(crate) targets: Targets,
    /// Members that there is a target for.
    targeted: usize,
    owned: Owned,
    /// What the regular expressions stand for.
    pub(crate) resolved: BTreeMap<Text, Resolved>,
    /// Members by regular expression.
    pub(crate) regexes: BTreeMap<Text, usize>,
    /// By name of the topic.
    pub(crate) readers: BTreeMap<Text, Readers>,
    /// Members by the assignor they ask for.
    assignors: BTreeMap<Text, usize>,
    /// Members that use the classic protocol.
    pub(crate) classics: usize,
    /// How many of those support each embedded protocol.
    classic_protocols: BTreeMap<Text, usize>,
    pub(crate) timers: BTreeMap<Text, Timers>,
    /// Topics it reads may have changed since its hash was computed.
    pub(crate) is_stale: bool,
    /// Its regular expressions are being resolved.
    pub(crate) is_resolving: bool,
    /// The log has topic metadata of Kafka 4.0 for it.
    has_partition_metadata: bool,
    /// The group shows in lists once records below are replicated.
    pub(crate) exists_from: Offset,
}

impl ConsumerGroup {
    pub(crate) fn new(id: Text) -> ConsumerGroup {
        ConsumerGroup {
            id,
            epoch: 0,
            metadata_hash: 0,
            target_epoch: 0,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            targets: Targets::default(),
            targeted: 0,
            owned: BTreeMap::new(),
            resolved: BTreeMap::new(),
            regexes: BTreeMap::new(),
            readers: BTreeMap::new(),
            assignors: BTreeMap::new(),
            classics: 0,
            classic_protocols: BTreeMap::new(),
            timers: BTreeMap::new(),
            is_stale: true,
            is_resolving: false,
            has_partition_metadata: false,
            exists_from: Offset::MAX,
        }
    }

    pub(crate) fn state(&self) -> &'static str {
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > self.target_epoch {
            "Assigning"
        } else if self.members.values().all(|m| m.is_reconciled_to(self.target_epoch)) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    pub(crate) fn static_member(&self, instance: &str) -> Option<&ConsumerMember> {
        self.members.get(self.statics.get(instance)?)
    }

    /// The assignor that most members ask for: of equals the first by name, so that runs repeat.
    pub(crate) fn preferred_assignor(&self) -> Option<&Text> {
        most_voted(&self.assignors)
    }

    /// The epoch of a partition's owner, if it has one.
    pub(crate) fn owner_epoch(&self, topic: Uuid, partition: i32) -> Option<i32> {
        self.owned.get(&topic)?.get(&partition).copied()
    }

    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.readers.contains_key(topic)
    }

    /// The members are those that there are targets for.
    fn has_a_target_for_each(&self) -> bool {
        self.targeted == self.members.len() && self.targeted == self.targets.len()
    }

    /// Names of the topics that a member reads.
    pub(crate) fn topics_of<'a>(&'a self, member: &'a ConsumerMember) -> BTreeSet<&'a Text> {
        let by_regex = member.regex().and_then(|regex| self.resolved.get(regex));
        let by_regex = by_regex.into_iter().flat_map(|resolved| &resolved.topics);
        member.metadata.topics.iter().chain(by_regex).collect()
    }
}

pub(crate) fn most_voted(votes: &BTreeMap<Text, usize>) -> Option<&Text> {
    let most = votes.values().max()?;
    votes.iter().find(|(_, count)| *count == most).map(|(name, _)| name)
}

/// Adds to or takes from a count that is gone at zero.
pub(crate) fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: &K, more: bool) {
    let count = counts.entry(key.clone()).or_default();
    *count = if more { *count + 1 } else { count.saturating_sub(1) };
    if *count == 0 {
        counts.remove(key);
    }
}
