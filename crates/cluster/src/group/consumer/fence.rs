//! Members that leave or fall silent.

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::super::records::{Change, Epoch, Record};
use super::super::words::{Beat, LEAVES_FOR_A_WHILE, Text};
use super::draft::{Draft, Refused};
use super::requests::of;
use super::{ConsumerGroup, ConsumerMember};

impl ConsumerGroup {
    /// Who wants to leave, if it is a member.
    pub(crate) fn leaver(&self, beat: &Beat) -> Result<&ConsumerMember, Refused> {
        let id = &beat.caller.member;
        match &beat.caller.instance {
            None => self.members.get(id).ok_or_else(|| self.unknown(id)),
            Some(instance) => self.check_instance(id, instance),
        }
    }

    /// The records that take the whole group away.
    pub(crate) fn tombstones(&self) -> Vec<Record> {
        let ids = || self.members.keys().cloned();
        let currents = ids().map(|id| Change::Current(id, None));
        let targets = ids().map(|id| Change::Target(id, None));
        let members = ids().map(|id| Change::Member(id, None));
        let regexes = self.resolved.keys().map(|regex| Change::Regex(regex.clone(), None));
        let changes = currents
            .chain(targets)
            .chain([Change::TargetEpoch(None)])
            .chain(members)
            .chain(regexes)
            .chain([Change::PartitionMetadata(false), Change::Epoch(None)]);
        changes.map(|change| of(&self.id, change)).collect()
    }
}

impl Draft<'_, '_> {
    /// A static member leaves for a while: what it was to own stays its own until its session ends.
    pub(crate) fn leave_for_a_while(&mut self, member: &ConsumerMember) {
        let away = ConsumerMember {
            epoch: LEAVES_FOR_A_WHILE,
            revoking: Arc::default(),
            ..member.clone()
        };
        self.changes
            .push(Change::Current(away.id.clone(), Some(away.current())));
    }

    /// Takes members out, and raises the group's epoch.
    pub(crate) fn fence(&mut self, members: &[Text]) {
        let group = self.group;
        let gone: Vec<&ConsumerMember> = members.iter().filter_map(|id| group.members.get(id)).collect();
        if gone.is_empty() {
            return;
        }
        for member in &gone {
            self.remove(&member.id);
        }
        let (readers, unused) = group.readers_without(&gone);
        for regex in unused.into_iter().filter(|regex| group.resolved.contains_key(regex)) {
            self.changes.push(Change::Regex(regex, None));
        }
        let metadata_hash = self.hashes.of_group(readers.keys(), self.act.image);
        let epoch = group.epoch + 1;
        self.changes.push(Change::Epoch(Some(Epoch { epoch, metadata_hash })));
    }
}

/// GROUP_ID_NOT_FOUND
pub(crate) fn not_found(group: &str) -> Refused {
    let message = format!("Consumer group {group} not found.");
    Refused::new(ErrorCode::GROUP_ID_NOT_FOUND, message)
}
