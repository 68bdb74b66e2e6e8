//! Changes to a group that are being worked out. Nothing counts until it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_sim_core::ErrorCode;
use uuid::Uuid;

use super::super::records::{Change, Epoch};
use super::super::turn::{Act, Core};
use super::super::words::{Parts, Text};
use super::assignor;
use super::reconcile::Step;
use super::{ConsumerGroup, ConsumerMember, Readers, TopicHashes, count, most_voted};

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    pub(crate) error: ErrorCode,
    pub(crate) message: String,
}

impl Refused {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Refused {
        Refused {
            error,
            message: message.into(),
        }
    }
}

/// What happened to the regular expression of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RegexChange {
    No,
    Changed,
    /// And it is known what it stands for.
    ChangedAndResolved,
}

/// Changes to a group that are being worked out.
pub(crate) struct Draft<'d, 'a> {
    pub(crate) group: &'d ConsumerGroup,
    pub(crate) act: &'d mut Act<'a>,
    pub(crate) hashes: &'d mut TopicHashes,
    /// Offset of the last metadata that had a new topic.
    pub(crate) topics_version: i64,
    pub(crate) changes: Vec<Change>,
    /// The group's hash is up to date.
    pub(crate) refreshed: bool,
    /// The regular expressions are to be resolved.
    pub(crate) resolve: bool,
}

impl<'d, 'a> Draft<'d, 'a> {
    pub(crate) fn new(group: &'d ConsumerGroup, act: &'d mut Act<'a>, core: &'d mut Core) -> Draft<'d, 'a> {
        Draft {
            group,
            act,
            hashes: &mut core.hashes,
            topics_version: core.topics_version,
            changes: Vec::new(),
            refreshed: false,
            resolve: false,
        }
    }

    /// A member says something of itself. Whether its topics have changed.
    pub(crate) fn describe(&mut self, member: &ConsumerMember, updated: &ConsumerMember) -> bool {
        if updated.metadata == member.metadata && updated.id == member.id {
            return false;
        }
        let change = Change::Member(updated.id.clone(), Some(updated.metadata.clone()));
        self.changes.push(change);
        updated.metadata.topics != member.metadata.topics
    }

    /// Raises the group's epoch if asked to, or if the topics it reads have changed. The epoch, and whether all members
    /// read the same topics.
    pub(crate) fn update_epoch(
        &mut self,
        raise: bool,
        member: &ConsumerMember,
        updated: &ConsumerMember,
    ) -> (i32, bool) {
        let group = self.group;
        let mut readers = group.readers.clone();
        let mut regexes = group.regexes.clone();
        for topic in &member.metadata.topics {
            change(&mut readers, topic, |readers| {
                readers.by_name = readers.by_name.saturating_sub(1);
            });
        }
        for topic in &updated.metadata.topics {
            change(&mut readers, topic, |readers| readers.by_name += 1);
        }
        if let (true, Some(regex)) = (member.regex() != updated.regex(), member.regex()) {
            if group.regexes.get(regex) == Some(&1) {
                for topic in group.resolved.get(regex).iter().flat_map(|resolved| &resolved.topics) {
                    change(&mut readers, topic, |readers| readers.by_regex -= 1);
                }
            }
            count(&mut regexes, regex, false);
        }
        if let (true, Some(regex)) = (member.regex() != updated.regex(), updated.regex()) {
            count(&mut regexes, regex, true);
        }
        let replaces = updated.instance().is_some_and(|id| group.statics.contains_key(id));
        let is_known = group.members.contains_key(&updated.id) || replaces;
        let members = group.members.len() + usize::from(!is_known);
        let epoch = self.raise(raise, readers.keys());
        (epoch, is_homogeneous(&regexes, &readers, members))
    }

    /// Raises the group's epoch if asked to, or if the hash of these topics is another one.
    pub(crate) fn raise<'t>(&mut self, raise: bool, topics: impl Iterator<Item = &'t Text>) -> i32 {
        let metadata_hash = self.hashes.of_group(topics, self.act.image);
        self.refreshed = true;
        let mut epoch = self.group.epoch;
        if raise || metadata_hash != self.group.metadata_hash {
            epoch += 1;
            self.changes.push(Change::Epoch(Some(Epoch { epoch, metadata_hash })));
        }
        if self.group.has_partition_metadata {
            self.changes.push(Change::PartitionMetadata(false));
        }
        epoch
    }

    /// Computes the target assignment with `updated` as a member, in place of another one with its instance id. What it
    /// is to own.
    pub(crate) fn update_target(&mut self, epoch: i32, updated: &ConsumerMember, is_homogeneous: bool) -> Arc<Parts> {
        let (assignor, image) = (self.assignor(updated), self.act.image);
        let changes = assignor::changes(&assignor, self.group, updated, is_homogeneous, image);
        let changes =
            changes.unwrap_or_else(|| assignor::all_changes(&assignor, self.group, updated, is_homogeneous, image));
        let target = changes
            .binary_search_by(|(id, _)| id.cmp(&updated.id))
            .ok()
            .map(|at| &changes[at].1);
        let target = target
            .or_else(|| self.group.targets.get(&updated.id))
            .cloned()
            .unwrap_or_default();
        let changes = changes.into_iter().map(|(id, target)| Change::Target(id, Some(target)));
        self.changes.extend(changes);
        self.changes.push(Change::TargetEpoch(Some(epoch)));
        target
    }

    /// The assignor that most members ask for, with what `updated` asks for now.
    fn assignor(&self, updated: &ConsumerMember) -> Text {
        let mut votes = self.group.assignors.clone();
        let before = self.group.members.get(&updated.id);
        let before = before.or_else(|| self.group.static_member(updated.instance()?));
        if let Some(name) = before.and_then(|member| member.metadata.assignor.as_ref()) {
            count(&mut votes, name, false);
        }
        if let Some(name) = &updated.metadata.assignor {
            count(&mut votes, name, true);
        }
        let default = || Text::from(assignor::default(self.act.config));
        most_voted(&votes).cloned().unwrap_or_else(default)
    }

    /// Moves a member one step towards its target.
    pub(crate) fn reconcile(
        &mut self,
        member: ConsumerMember,
        target_epoch: i32,
        target: &Parts,
        subscription_changed: bool,
        reported: Option<&Parts>,
    ) -> Result<ConsumerMember, Refused> {
        if !subscription_changed && member.is_reconciled_to(target_epoch) {
            return Ok(member);
        }
        let group = self.group;
        let is_owned = |topic, index| group.owner_epoch(topic, index).is_some();
        #[cfg(feature = "mutants")]
        let waits = self.act.mutant != Some(crate::mutant::Mutant::AssignedBeforeReleased);
        #[cfg(feature = "mutants")]
        let is_owned = |topic, index| waits && is_owned(topic, index);
        let step = Step {
            target_epoch,
            target,
            subscribed: self.topic_ids(&group.topics_of(&member)),
            subscription_changed,
            reported,
            is_owned: &is_owned,
        };
        let updated = step.take(member.clone())?;
        if updated != member {
            let change = Change::Current(updated.id.clone(), Some(updated.current()));
            self.changes.push(change);
        }
        Ok(updated)
    }

    fn topic_ids(&self, names: &BTreeSet<&Text>) -> BTreeSet<Uuid> {
        let ids = names.iter().filter_map(|name| self.act.image.names.get(&***name));
        ids.copied().collect()
    }

    /// Puts a static member that came back in the place of the one that was there.
    pub(crate) fn replace(&mut self, old: &ConsumerMember, new: &ConsumerMember) {
        self.remove(&old.id);
        let target = self.group.targets.get(&old.id).cloned().unwrap_or_default();
        let id = &new.id;
        self.changes
            .push(Change::Member(id.clone(), Some(new.metadata.clone())));
        self.changes.push(Change::Target(id.clone(), Some(target)));
        self.changes.push(Change::Current(id.clone(), Some(new.current())));
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, id: &Text) {
        self.changes.push(Change::Current(id.clone(), None));
        self.changes.push(Change::Target(id.clone(), None));
        self.changes.push(Change::Member(id.clone(), None));
    }
}

fn change(readers: &mut BTreeMap<Text, Readers>, topic: &Text, run: impl FnOnce(&mut Readers)) {
    let entry = readers.entry(topic.clone()).or_default();
    run(entry);
    if entry.is_none() {
        readers.remove(topic);
    }
}

impl ConsumerGroup {
    pub(crate) fn is_homogeneous(&self) -> bool {
        is_homogeneous(&self.regexes, &self.readers, self.members.len())
    }
}

/// All members read the same topics: by name, or by one regular expression.
fn is_homogeneous(regexes: &BTreeMap<Text, usize>, readers: &BTreeMap<Text, Readers>, members: usize) -> bool {
    match regexes.values().next() {
        None => readers.values().all(|readers| readers.by_name == members),
        Some(count) => *count == members && readers.values().all(|r| r.by_regex == 1 && r.by_name == 0),
    }
}
