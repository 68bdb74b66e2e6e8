//! Online conversion between classic and consumer groups (`group.consumer.migration.policy`).
//!
//! A classic group of consumers becomes a consumer group with the first member of the consumer protocol, and a classic
//! one again when the last of those is gone. Members keep what they own.

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::super::classic::{Group, State};
use super::super::member::Member;
use super::super::records::{
    Change, Classic, Current, Epoch, MemberMetadata, MemberValue, Record, assignment, subscription,
};
use super::super::shard::Shard;
use super::super::turn::{Act, Turn};
use super::super::words::{Joined, Reply, Synced, Text};
use super::classic::{CONSUMER, embedded_assignment, ids};
use super::draft::Refused;
use super::fence::not_found;
use super::requests::of;
use super::{ConsumerGroup, ConsumerMember, Deadline, TopicHashes};
use crate::config::BrokerConfig;
use crate::peer::MetadataImage;

fn policy(config: &BrokerConfig) -> &str {
    config.value("group.consumer.migration.policy").unwrap_or_default()
}

/// The changes that make a consumer group of a classic one, which is left as it is.
pub(super) fn upgrade(
    classic: &Group,
    config: &BrokerConfig,
    image: &MetadataImage,
    hashes: &mut TopicHashes,
) -> Result<Vec<Change>, Refused> {
    let limit = usize::try_from(config.group_consumer_max_size).unwrap_or(usize::MAX);
    let allowed = matches!(policy(config), "upgrade" | "bidirectional");
    if !allowed || !classic.is_of_consumers() || classic.members.len() > limit {
        return Err(not_found(&classic.id));
    }
    let Some(protocol) = &classic.protocol else {
        let message = "The group has not agreed on a protocol yet.";
        return Err(Refused::new(ErrorCode::UNKNOWN_SERVER_ERROR, message));
    };
    let members: Option<Vec<ConsumerMember>> = classic
        .members
        .values()
        .map(|member| upgraded(member, protocol, classic.generation, image))
        .collect();
    let members = members.ok_or_else(|| not_found(&classic.id))?;
    let topics: std::collections::BTreeSet<&Text> = members.iter().flat_map(|m| &m.metadata.topics).collect();
    let epoch = Epoch {
        epoch: classic.generation,
        metadata_hash: hashes.of_group(topics.into_iter(), image),
    };
    let said = members
        .iter()
        .map(|m| Change::Member(m.id.clone(), Some(m.metadata.clone())));
    let targets = members
        .iter()
        .map(|m| Change::Target(m.id.clone(), Some(m.assigned.clone())));
    let currents = members.iter().map(|m| Change::Current(m.id.clone(), Some(m.current())));
    let changes = said
        .chain([Change::Epoch(Some(epoch))])
        .chain(targets)
        .chain([Change::TargetEpoch(Some(classic.generation))])
        .chain(currents);
    Ok(changes.collect())
}

fn upgraded(member: &Member, protocol: &str, generation: i32, image: &MetadataImage) -> Option<ConsumerMember> {
    let subscription = subscription(member.metadata(protocol))?;
    let assigned = Arc::new(ids(&assignment(member.assignment.clone())?, image));
    let metadata = MemberMetadata {
        instance: member.instance.clone(),
        rack: subscription.rack,
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        topics: subscription.topics,
        regex: Some(Text::from("")),
        rebalance_timeout: member.rebalance_timeout,
        assignor: None,
        classic: Some(Classic {
            session_timeout: member.session_timeout,
            protocols: member.protocols.clone(),
        }),
    };
    let mut upgraded = ConsumerMember::new(member.id.clone());
    upgraded.metadata = Arc::new(metadata);
    upgraded.set_current(Current {
        epoch: generation,
        previous_epoch: generation,
        state: 0,
        assigned,
        revoking: Arc::default(),
    });
    Some(upgraded)
}

/// The classic group that is left without `leaving`. `joining` takes the place of the member with its instance id.
pub(super) fn downgrade(
    group: &ConsumerGroup,
    leaving: &[Text],
    joining: Option<&ConsumerMember>,
    image: &MetadataImage,
) -> Group {
    let mut classic = Group::new(group.id.clone(), group.exists_from);
    classic.state = State::Stable;
    classic.generation = group.epoch;
    classic.protocol_type = Some(Text::from(CONSUMER));
    let replaced = joining.and_then(|member| group.statics.get(member.instance()?));
    let stays = |member: &&ConsumerMember| !leaving.contains(&member.id) && replaced != Some(&member.id);
    for member in group.members.values().filter(stays).chain(joining) {
        let owner = if joining.is_some_and(|joining| joining.id == member.id) {
            replaced.unwrap_or(&member.id)
        } else {
            &member.id
        };
        let target = group.targets.get(owner).cloned().unwrap_or_default();
        classic.insert(downgraded(member, embedded_assignment(member, &target, image)));
    }
    classic.protocol = classic.elect_protocol();
    classic
}

fn downgraded(member: &ConsumerMember, assignment: bytes::Bytes) -> Member {
    let said = &member.metadata;
    let classic = said.classic.as_ref();
    let value = MemberValue {
        id: member.id.clone(),
        instance: said.instance.clone(),
        client_id: said.client_id.clone(),
        client_host: said.client_host.clone(),
        rebalance_timeout: said.rebalance_timeout,
        session_timeout: classic.map_or(0, |classic| classic.session_timeout),
        subscription: bytes::Bytes::new(),
        assignment,
    };
    let mut restored = Member::restored(&value, None);
    restored.protocols = classic.map(|classic| classic.protocols.clone()).unwrap_or_default();
    restored
}

impl ConsumerGroup {
    /// Whether the group is to become a classic one when `leaving` have gone and `joining` have come.
    pub(super) fn may_become_classic(&self, leaving: &[Text], left_over: usize, config: &BrokerConfig) -> bool {
        let leaving_classics = leaving.iter().filter(|id| self.members[*id].is_classic()).count();
        let others = self.members.len() - leaving.len();
        let limit = usize::try_from(config.group_max_size).unwrap_or(usize::MAX);
        self.classics - leaving_classics == others
            && others >= left_over
            && matches!(policy(config), "downgrade" | "bidirectional")
            && others <= limit
    }

    /// The tombstones of the group after `new` has taken the place of `old` in it.
    pub(super) fn tombstones_with(&self, old: Option<&Text>, new: &Text) -> Vec<Record> {
        let rename = |id: &mut Text| {
            if Some(&*id) == old {
                *id = new.clone();
            }
        };
        let mut records = self.tombstones();
        for record in &mut records {
            if let Record::Consumer {
                change: Change::Member(id, _) | Change::Target(id, _) | Change::Current(id, _),
                ..
            } = record
            {
                rename(id);
            }
        }
        records
    }
}

impl Shard {
    /// Puts a classic group in the place of a consumer group. `records` come before its own.
    pub(super) fn become_classic(
        &mut self,
        act: &mut Act<'_>,
        id: &Text,
        classic: Group,
        mut records: Vec<Record>,
        rebalances: bool,
    ) -> Result<(), Refused> {
        records.push(classic.record());
        let written = self.turn(act).append(&records);
        written.map_err(|error| Refused::new(error, "The change could not be written."))?;
        if let Some(mut group) = self.consumer_groups.remove(id) {
            let members: Vec<Text> = group.timers.keys().cloned().collect();
            for member in members {
                group.clear_deadlines(&mut self.turn(act), &member);
            }
        }
        self.groups.insert(id.clone(), classic);
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        let group = self.groups.get_mut(id).expect("inserted above");
        let members: Vec<Text> = group.members.keys().cloned().collect();
        for member in &members {
            group.refresh(&mut turn, member);
        }
        if rebalances {
            group.begin_join_phase(&mut turn);
        }
        Ok(())
    }

    /// A classic group has become a consumer group: whoever waited for it is told to rejoin, and sessions go on.
    pub(super) fn take_over(&mut self, act: &mut Act<'_>, id: &Text, classic: Group) {
        for member in classic.members.into_values() {
            let error = ErrorCode::REBALANCE_IN_PROGRESS;
            if let Some(waiter) = member.joining {
                let failed = Joined::failed(error, member.id.clone());
                act.replies.push((waiter, Reply::Joined(failed)));
            }
            if let Some(waiter) = member.syncing {
                act.replies.push((waiter, Reply::Synced(Synced::failed(error))));
            }
            self.on_consumer_group(act, id, |group, turn| {
                group.set_deadline(turn, &member.id, Deadline::Session, member.session_timeout);
            });
        }
    }

    /// Takes members out of a consumer group, which becomes a classic one if none but those of the classic protocol are
    /// left.
    pub(crate) fn fence(&mut self, act: &mut Act<'_>, id: &Text, members: &[Text]) -> Result<(), Refused> {
        let Some(group) = self.consumer_groups.get(id) else {
            return Ok(());
        };
        if !members.is_empty() && group.may_become_classic(members, 1, act.config) {
            let classic = downgrade(group, members, None, act.image);
            let records = group.tombstones();
            return self.become_classic(act, id, classic, records, true);
        }
        let mut draft = super::draft::Draft::new(group, act, &mut self.core);
        draft.fence(members);
        let records = draft.changes.into_iter().map(|change| of(id, change)).collect();
        self.write(act, id, false, records).map(|_| ())
    }
}
