//! Members of a consumer group that use the classic protocol. They are told to rejoin where others are told by their
//! heartbeat, and get what they own with SyncGroup.

use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

use super::super::records::{
    Classic, MemberMetadata, NamedParts, Subscription, embedded_version, put_assignment, subscription,
};
use super::super::shard::Shard;
use super::super::turn::{Act, Turn};
use super::super::view::named;
use super::super::words::{Caller, Join, Joined, Parts, Reply, Sync, Synced, Text, Waiter};
use super::convert::downgrade;
use super::draft::{Draft, Refused, RegexChange};
use super::requests::of;
use super::{ConsumerGroup, ConsumerMember, Deadline, MemberState};
use crate::peer::MetadataImage;

/// The protocol type of consumers.
pub(super) const CONSUMER: &str = "consumer";

/// What a JoinGroup comes to.
enum Joining {
    /// The member has to come back with this id.
    Known(Text),
    /// It is a member of the group.
    Member { member: ConsumerMember, moved: bool },
    /// The group becomes a classic one.
    Downgrade { member: ConsumerMember, changed: bool },
}

impl Shard {
    /// JoinGroup for a consumer group.
    pub(crate) fn join_consumer_group(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &Text, join: &Join) {
        match self.classic_join(act, id, join) {
            Ok(joined) if joined.error.is_ok() => self.turn(act).answer_after_writes(waiter, Reply::Joined(joined)),
            Ok(joined) => act.replies.push((waiter, Reply::Joined(joined))),
            Err(refused) => {
                let failed = Joined::failed(refused.error, join.caller.member.clone());
                act.replies.push((waiter, Reply::Joined(failed)));
            }
        }
    }

    fn classic_join(&mut self, act: &mut Act<'_>, id: &Text, join: &Join) -> Result<Joined, Refused> {
        let group = &self.consumer_groups[id];
        let mut draft = Draft::new(group, act, &mut self.core);
        let joining = draft.classic_join(join)?;
        let (refreshed, changes) = (draft.refreshed, draft.changes);
        let mut records: Vec<_> = changes.into_iter().map(|change| of(id, change)).collect();
        match joining {
            Joining::Known(member) => Ok(Joined::failed(ErrorCode::MEMBER_ID_REQUIRED, member)),
            Joining::Downgrade { member, changed } => {
                let classic = downgrade(group, &[], Some(&member), act.image);
                let replaced = join.caller.instance.as_ref().and_then(|id| group.statics.get(id));
                records.extend(group.tombstones_with(replaced, &member.id));
                self.become_classic(act, id, classic, records, changed)?;
                Ok(joined(&member))
            }
            Joining::Member { member, moved } => {
                self.write(act, id, false, records)?;
                self.on_consumer_group(act, id, |group, turn| {
                    group.is_stale &= !refreshed;
                    group.clear_deadline(turn, &member.id, Deadline::Join);
                    if moved {
                        group.watch_revocation(turn, &member);
                    }
                    group.set_deadline(turn, &member.id, Deadline::Session, join.session_timeout);
                    group.set_deadline(turn, &member.id, Deadline::Sync, join.rebalance_timeout);
                });
                Ok(joined(&member))
            }
        }
    }

    /// SyncGroup for a consumer group.
    pub(crate) fn sync_consumer_group(&mut self, act: &mut Act<'_>, waiter: Waiter, id: &str, sync: &Sync) {
        let Some(group) = self.consumer_groups.get_mut(id) else {
            return;
        };
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        match group.classic_sync(&mut turn, sync) {
            Ok(synced) => turn.answer_after_writes(waiter, Reply::Synced(synced)),
            Err(error) => turn.answer(waiter, Reply::Synced(Synced::failed(error))),
        }
    }

    /// LeaveGroup for a consumer group: the outcome for each.
    pub(crate) fn leave_as_classic(
        &mut self,
        act: &mut Act<'_>,
        id: &Text,
        leavers: &[Caller],
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let group = &self.consumer_groups[id];
        let found: Vec<Result<Text, ErrorCode>> = leavers.iter().map(|caller| group.classic_leaver(caller)).collect();
        let mut gone: Vec<Text> = found.iter().flatten().cloned().collect();
        gone.sort();
        gone.dedup();
        self.fence(act, id, &gone).map_err(|refused| refused.error)?;
        Ok(found.into_iter().map(|found| found.err().unwrap_or_default()).collect())
    }
}

impl Draft<'_, '_> {
    fn classic_join(&mut self, join: &Join) -> Result<Joining, Refused> {
        let is_new = join.caller.member.is_empty();
        let id = if is_new {
            Text::from(self.act.rng.uuid().to_string())
        } else {
            join.caller.member.clone()
        };
        let group = self.group;
        let limit = usize::try_from(self.act.config.group_consumer_max_size).unwrap_or(usize::MAX);
        group.check_room(&id, limit)?;
        group.check_protocols(join)?;
        if is_new && join.needs_known_id && join.caller.instance.is_none() {
            return Ok(Joining::Known(id));
        }
        let member = match &join.caller.instance {
            None => self.dynamic(&id, true)?,
            Some(instance) => self.fixed(&id, instance, is_new, true)?,
        };
        let present = join.caller.instance.as_ref().and_then(|id| group.static_member(id));
        let downgrades = present.is_some_and(|present| {
            !present.is_classic() && group.may_become_classic(std::slice::from_ref(&present.id), 0, self.act.config)
        });
        let said = said_by_classic(&member, join)?;
        let owned = ids(&said.1.owned, self.act.image);
        let updated = ConsumerMember {
            metadata: Arc::new(said.0),
            ..member.clone()
        };
        let topics_changed = self.describe(&member, &updated);
        let regex = self.update_regex(&member, &updated)?;
        let changed = topics_changed || regex != RegexChange::No;
        if downgrades {
            if changed {
                let (_, _) = self.update_epoch(true, &member, &updated);
                return Ok(Joining::Downgrade {
                    member: updated,
                    changed,
                });
            }
            let target = present.and_then(|present| group.targets.get(&present.id)).cloned();
            let target = target.unwrap_or_default();
            let member = self.reconcile(updated, group.target_epoch, &target, false, Some(&owned))?;
            return Ok(Joining::Downgrade { member, changed });
        }
        let (target_epoch, target) = self.bring_target_up_to_date(changed, &member, &updated);
        let before = updated.clone();
        let member = self.reconcile(updated, target_epoch, &target, changed, Some(&owned))?;
        let moved = member != before;
        Ok(Joining::Member { member, moved })
    }
}

impl ConsumerGroup {
    /// INCONSISTENT_GROUP_PROTOCOL unless one of the protocols is known to every member that needs one.
    fn check_protocols(&self, join: &Join) -> Result<(), Refused> {
        let knows = |name: &Text| self.classic_protocols.get(name).copied().unwrap_or(0) == self.classics;
        let is_known = self.members.is_empty() || join.protocols.iter().any(|(name, _)| knows(name));
        if *join.protocol_type == *CONSUMER && !join.protocols.is_empty() && is_known {
            return Ok(());
        }
        let message = "The member's protocols are not supported.";
        Err(Refused::new(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, message))
    }

    fn classic_member(&self, caller: &Caller) -> Result<&ConsumerMember, ErrorCode> {
        let member = match &caller.instance {
            None => self.members.get(&caller.member).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?,
            Some(instance) => self
                .check_instance(&caller.member, instance)
                .map_err(|refused| refused.error)?,
        };
        if member.is_classic() {
            Ok(member)
        } else {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        }
    }

    fn classic_sync(&mut self, turn: &mut Turn<'_, '_>, sync: &Sync) -> Result<Synced, ErrorCode> {
        let member = self.classic_member(&sync.caller)?.clone();
        if sync.generation != member.epoch {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        let other_type = sync.protocol_type.as_ref().is_some_and(|asked| **asked != *CONSUMER);
        let other_name = sync.protocol.is_some() && sync.protocol.as_ref() != first_protocol(&member);
        if other_type || other_name {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        // A member that gives partitions back has rejoined already.
        if self.epoch > member.epoch && member.state != MemberState::Unrevoked {
            self.expect_to_rejoin(turn, &member);
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        self.clear_deadline(turn, &member.id, Deadline::Sync);
        self.refresh(turn, &member);
        Ok(Synced {
            error: ErrorCode::NONE,
            protocol_type: sync.protocol_type.clone(),
            protocol: sync.protocol.clone(),
            assignment: embedded_assignment(&member, &member.assigned, turn.act.image),
        })
    }

    /// Heartbeat for a consumer group.
    pub(crate) fn classic_heartbeat(&mut self, turn: &mut Turn<'_, '_>, caller: &Caller, generation: i32) -> ErrorCode {
        let member = match self.classic_member(caller) {
            Ok(member) => member.clone(),
            Err(error) => return error,
        };
        if generation != member.epoch {
            return ErrorCode::ILLEGAL_GENERATION;
        }
        self.refresh(turn, &member);
        let can_get_more = member.state == MemberState::Unreleased && !self.waits_for_others(&member);
        if member.epoch < self.epoch || member.state == MemberState::Unrevoked || can_get_more {
            self.expect_to_rejoin(turn, &member);
            return ErrorCode::REBALANCE_IN_PROGRESS;
        }
        ErrorCode::NONE
    }

    /// Whether a partition the member is to own is still somebody else's.
    fn waits_for_others(&self, member: &ConsumerMember) -> bool {
        let target = self.targets.get(&member.id);
        target
            .into_iter()
            .flat_map(|target| target.iter())
            .any(|(topic, indexes)| {
                let has = |index: &i32| member.assigned.get(topic).is_some_and(|own| own.contains(index));
                let mut missing = indexes.iter().filter(|index| !has(index));
                missing.any(|index| self.owner_epoch(*topic, *index).is_some())
            })
    }

    fn refresh(&mut self, turn: &mut Turn<'_, '_>, member: &ConsumerMember) {
        let session_ms = self.session_ms(&member.id, turn.act.config, turn.act.image);
        self.set_deadline(turn, &member.id, Deadline::Session, session_ms);
    }

    fn expect_to_rejoin(&mut self, turn: &mut Turn<'_, '_>, member: &ConsumerMember) {
        if !self.has_deadline(&member.id, Deadline::Join) {
            self.set_deadline(turn, &member.id, Deadline::Join, member.metadata.rebalance_timeout);
        }
    }

    /// An administrator may name a static member by its instance id alone.
    fn classic_leaver(&self, caller: &Caller) -> Result<Text, ErrorCode> {
        let member = match &caller.instance {
            None => self.members.get(&caller.member),
            Some(instance) if caller.member.is_empty() => self.static_member(instance),
            Some(instance) => {
                let member = self.check_instance(&caller.member, instance);
                return member.map(|member| member.id.clone()).map_err(|refused| refused.error);
            }
        };
        member
            .map(|member| member.id.clone())
            .ok_or(ErrorCode::UNKNOWN_MEMBER_ID)
    }
}

/// What a member says of itself with a JoinGroup.
fn said_by_classic(member: &ConsumerMember, join: &Join) -> Result<(MemberMetadata, Subscription), Refused> {
    let first = join
        .protocols
        .first()
        .map(|(_, metadata)| metadata.clone())
        .unwrap_or_default();
    let subscription = subscription(first).ok_or_else(|| {
        Refused::new(
            ErrorCode::UNKNOWN_SERVER_ERROR,
            "The embedded consumer protocol is malformed.",
        )
    })?;
    let before = &member.metadata;
    let metadata = MemberMetadata {
        instance: join.caller.instance.clone().or_else(|| before.instance.clone()),
        rack: subscription.rack.clone().or_else(|| before.rack.clone()),
        client_id: join.client_id.clone(),
        client_host: join.client_host.clone(),
        topics: subscription.topics.clone(),
        regex: Some(Text::from("")),
        rebalance_timeout: match join.rebalance_timeout {
            -1 => before.rebalance_timeout,
            given => given,
        },
        assignor: before.assignor.clone(),
        classic: Some(Classic {
            session_timeout: join.session_timeout,
            protocols: join.protocols.clone(),
        }),
    };
    Ok((metadata, subscription))
}

fn first_protocol(member: &ConsumerMember) -> Option<&Text> {
    let classic = member.metadata.classic.as_ref()?;
    classic.protocols.first().map(|(name, _)| name)
}

/// Members learn only their own assignment: none of them leads.
fn joined(member: &ConsumerMember) -> Joined {
    Joined {
        error: ErrorCode::NONE,
        generation: member.epoch,
        protocol_type: Some(Text::from(CONSUMER)),
        protocol: first_protocol(member).cloned(),
        ..Joined::failed(ErrorCode::NONE, member.id.clone())
    }
}

/// An assignment in the version of the member's subscription.
pub(super) fn embedded_assignment(member: &ConsumerMember, parts: &Parts, image: &MetadataImage) -> Bytes {
    let classic = member.metadata.classic.as_ref();
    let metadata = classic.and_then(|classic| classic.protocols.first());
    let version = metadata.and_then(|(_, metadata)| embedded_version(metadata.clone()));
    put_assignment(version.unwrap_or(0), &named(parts, image))
}

pub(super) fn ids(parts: &NamedParts, image: &MetadataImage) -> Parts {
    let known = parts.iter().filter_map(|(name, indexes)| {
        let id = image.names.get(name)?;
        Some((*id, indexes.clone()))
    });
    known.collect()
}
