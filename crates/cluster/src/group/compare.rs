//! Whether a shard knows what its log says.

use std::collections::BTreeSet;

use super::classic::{Group, State};
use super::consumer::ConsumerGroup;
use super::shard::Shard;
use super::words::Text;

impl Shard {
    /// What of a group is not as the log says, if anything; `replayed` is the log applied to nothing.
    ///
    /// Of classic groups only those are compared that are stable. A rebalance changes them in memory first, and what a
    /// static member replaced is put back when the record of it is not replicated in time, which the log does not tell
    /// (GroupMetadataManager.classicGroupJoinToExistingMember and its append future).
    ///
    /// With `members`, only those are looked at.
    pub(crate) fn misfit(&self, replayed: &Shard, id: &Text, members: Option<&BTreeSet<Text>>) -> Option<String> {
        if !self.offsets.newest(id).eq(replayed.offsets.newest(id)) {
            let known: Vec<_> = self.offsets.newest(id).collect();
            let written: Vec<_> = replayed.offsets.newest(id).collect();
            return Some(format!("the offsets are {known:?}, and the log has {written:?}"));
        }
        if let Some(group) = self.groups.get(id).filter(|group| group.state == State::Stable) {
            return match replayed.groups.get(id) {
                Some(replayed) => group.misfit(replayed, members),
                None => Some("it is stable, and the log has no classic group of that name".to_owned()),
            };
        }
        match (self.consumer_groups.get(id), replayed.consumer_groups.get(id)) {
            (Some(group), Some(replayed)) => group.misfit(replayed, members),
            (None, None) => None,
            (Some(_), None) => Some("it is a consumer group, which the log does not have".to_owned()),
            (None, Some(_)) => Some("the log has a consumer group of that name".to_owned()),
        }
    }

    /// How many members a group has.
    pub(crate) fn size_of(&self, id: &Text) -> usize {
        let classic = self.groups.get(id).map(|group| group.members.len());
        let size = classic.or_else(|| Some(self.consumer_groups.get(id)?.members.len()));
        size.unwrap_or(0)
    }

    /// Every group that has a state or offsets.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Text> {
        let groups = self.groups.keys().chain(self.consumer_groups.keys());
        groups.chain(self.offsets.groups())
    }
}

impl Group {
    fn misfit(&self, replayed: &Group, members: Option<&BTreeSet<Text>>) -> Option<String> {
        if (self.generation, &self.protocol) != (replayed.generation, &replayed.protocol) {
            return Some(format!(
                "it is in generation {} with protocol {:?}, and the log says {} with {:?}",
                self.generation, self.protocol, replayed.generation, replayed.protocol
            ));
        }
        // Its record has all members, so that none of them is touched by itself.
        if members.is_some_and(BTreeSet::is_empty) {
            return None;
        }
        let mut dynamic = self.members.values().filter(|member| member.instance.is_none());
        let stranger = dynamic.find(|member| {
            let written = replayed.members.get(&member.id);
            written.is_none_or(|written| written.assignment != member.assignment)
        })?;
        Some(format!(
            "the log does not have member {} with its assignment in generation {}",
            stranger.id, self.generation
        ))
    }
}

impl ConsumerGroup {
    fn misfit(&self, replayed: &ConsumerGroup, members: Option<&BTreeSet<Text>>) -> Option<String> {
        let epochs = (self.epoch, self.target_epoch, self.metadata_hash);
        let written = (replayed.epoch, replayed.target_epoch, replayed.metadata_hash);
        if epochs != written {
            return Some(format!(
                "its epoch, target epoch and hash are {epochs:?}, and the log says {written:?}"
            ));
        }
        let are_same = match members {
            Some(ids) => ids.iter().all(|id| self.members.get(id) == replayed.members.get(id)),
            None => self.members == replayed.members,
        };
        if !are_same {
            return Some(format!(
                "its members are {:?}, and the log has {:?}",
                self.members, replayed.members
            ));
        }
        let same = match members {
            Some(ids) => ids.iter().all(|id| self.targets.get(id) == replayed.targets.get(id)),
            None => self.targets == replayed.targets && self.statics == replayed.statics,
        };
        let same = same && self.resolved == replayed.resolved;
        (!same).then(|| "its targets, static members or regular expressions are not what the log says".to_owned())
    }
}
