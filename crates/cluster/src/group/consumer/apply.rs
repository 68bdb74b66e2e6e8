//! Applying records, just written or read back.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::super::records::{Change, Epoch, MemberMetadata, Resolved};
use super::super::words::Text;
use super::{ConsumerGroup, ConsumerMember, Owned, Readers, count};

impl ConsumerGroup {
    /// Applies one record. False if the group is gone with it.
    pub(crate) fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Epoch(Some(Epoch { epoch, metadata_hash })) => {
                self.epoch = epoch;
                self.metadata_hash = metadata_hash;
            }
            Change::Epoch(None) => return false,
            Change::PartitionMetadata(present) => self.has_partition_metadata = present,
            Change::Member(id, Some(metadata)) => self.set_metadata(id, metadata),
            Change::Member(id, None) => self.remove(&id),
            Change::TargetEpoch(epoch) => self.target_epoch = epoch.unwrap_or(-1),
            Change::Target(id, Some(parts)) => {
                let is_first = self.targets.insert(id.clone(), parts);
                self.targeted += usize::from(is_first && self.members.contains_key(&id));
            }
            Change::Target(id, None) => {
                let was_there = self.targets.remove(&id);
                self.targeted -= usize::from(was_there && self.members.contains_key(&id));
            }
            Change::Current(id, current) => self.change(id, |member| match current {
                Some(current) => member.set_current(current),
                None => member.clear_current(),
            }),
            Change::Regex(regex, resolved) => self.set_resolved(regex, resolved),
        }
        true
    }

    fn set_metadata(&mut self, id: Text, metadata: Arc<MemberMetadata>) {
        let before = self.members.get(&id).map(|member| member.metadata.clone());
        if let Some(before) = before {
            self.count_metadata(&before, false);
        }
        self.count_metadata(&metadata, true);
        if let Some(instance) = &metadata.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.change(id, |member| member.metadata = metadata);
    }

    /// Changes a member, which comes into being if need be.
    fn change(&mut self, id: Text, run: impl FnOnce(&mut ConsumerMember)) {
        let member = self.members.entry(id).or_insert_with_key(|id| {
            self.targeted += usize::from(self.targets.contains_key(id));
            ConsumerMember::new(id.clone())
        });
        disown(&mut self.owned, member);
        run(member);
        own(&mut self.owned, member);
    }

    fn remove(&mut self, id: &Text) {
        let Some(member) = self.members.remove(id) else { return };
        self.targeted -= usize::from(self.targets.contains_key(id));
        disown(&mut self.owned, &member);
        self.count_metadata(&member.metadata, false);
        if let Some(instance) = member.instance()
            && self.statics.get(instance) == Some(id)
        {
            self.statics.remove(instance);
        }
    }

    fn count_metadata(&mut self, metadata: &MemberMetadata, more: bool) {
        for topic in &metadata.topics {
            self.count_readers(topic, |readers| {
                readers.by_name = if more { readers.by_name + 1 } else { readers.by_name - 1 };
            });
        }
        if let Some(regex) = metadata.regex.as_ref().filter(|regex| !regex.is_empty()) {
            count(&mut self.regexes, regex, more);
        }
        if let Some(assignor) = &metadata.assignor {
            count(&mut self.assignors, assignor, more);
        }
        if let Some(classic) = &metadata.classic {
            self.classics = if more { self.classics + 1 } else { self.classics - 1 };
            for (name, _) in &classic.protocols {
                count(&mut self.classic_protocols, name, more);
            }
        }
    }

    fn count_readers(&mut self, topic: &Text, run: impl FnOnce(&mut Readers)) {
        let readers = self.readers.entry(topic.clone()).or_default();
        run(readers);
        if readers.is_none() {
            self.readers.remove(topic);
        }
    }

    fn set_resolved(&mut self, regex: Text, resolved: Option<Resolved>) {
        let before = match &resolved {
            Some(resolved) => self.resolved.insert(regex, resolved.clone()),
            None => self.resolved.remove(&regex),
        };
        for topic in before.iter().flat_map(|before| &before.topics) {
            self.count_readers(topic, |readers| readers.by_regex -= 1);
        }
        for topic in resolved.iter().flat_map(|resolved| &resolved.topics) {
            self.count_readers(topic, |readers| readers.by_regex += 1);
        }
    }
}

fn own(owned: &mut Owned, member: &ConsumerMember) {
    for (topic, indexes) in member.assigned.iter().chain(member.revoking.iter()) {
        let owned = owned.entry(*topic).or_default();
        owned.extend(indexes.iter().map(|index| (*index, member.epoch)));
    }
}

/// Somebody else may own a partition by now, at another epoch.
fn disown(owned: &mut Owned, member: &ConsumerMember) {
    for (topic, indexes) in member.assigned.iter().chain(member.revoking.iter()) {
        let Some(owned_of_topic) = owned.get_mut(topic) else {
            continue;
        };
        for index in indexes {
            if let Entry::Occupied(entry) = owned_of_topic.entry(*index)
                && *entry.get() == member.epoch
            {
                entry.remove();
            }
        }
        if owned_of_topic.is_empty() {
            owned.remove(topic);
        }
    }
}
