//! ConsumerGroupHeartbeat of a member that joins, stays or comes back.

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::super::records::MemberMetadata;
use super::super::words::{Beat, Beaten, LEAVES_FOR_A_WHILE, Parts, Text};
use super::draft::{Draft, Refused, RegexChange};
use super::timers::heartbeat_interval_ms;
use super::{ConsumerGroup, ConsumerMember};

/// What a heartbeat comes to once it is written.
pub(crate) struct Outcome {
    pub(crate) answer: Beaten,
    pub(crate) member: ConsumerMember,
    /// The member was moved, so that its time to give partitions back begins or ends.
    pub(crate) moved: bool,
}

impl Draft<'_, '_> {
    pub(crate) fn heartbeat(&mut self, beat: &Beat) -> Result<Outcome, Refused> {
        let limit = usize::try_from(self.act.config.group_consumer_max_size).unwrap_or(usize::MAX);
        self.group.check_room(&beat.caller.member, limit)?;
        let id = if beat.caller.member.is_empty() {
            Text::from(self.act.rng.uuid().to_string())
        } else {
            beat.caller.member.clone()
        };
        let reported = beat.owned.as_ref();
        let joins = beat.epoch == 0;
        let member = match &beat.caller.instance {
            None => self.dynamic(&id, joins)?,
            Some(instance) => self.fixed(&id, instance, joins, false)?,
        };
        check_epoch(&member, beat.epoch, reported)?;
        let updated = ConsumerMember {
            metadata: said(&member, beat),
            ..member.clone()
        };
        let topics_changed = self.describe(&member, &updated);
        let regex = self.update_regex(&member, &updated)?;
        let subscription_changed = topics_changed || regex != RegexChange::No;
        let raise = self.group.epoch == 0 || topics_changed || regex == RegexChange::ChangedAndResolved;
        let (target_epoch, target) = self.bring_target_up_to_date(raise, &member, &updated);
        let before = updated.clone();
        let updated = self.reconcile(updated, target_epoch, &target, subscription_changed, reported)?;
        let is_full = beat.rebalance_timeout != -1 && beat.subscribes() && reported.is_some();
        let assignment = (joins || is_full || updated.assigned != member.assigned).then(|| updated.assigned.clone());
        let answer = Beaten {
            error: ErrorCode::NONE,
            message: None,
            member: Some(updated.id.clone()),
            epoch: updated.epoch,
            interval_ms: heartbeat_interval_ms(&self.group.id, self.act.config, self.act.image),
            assignment,
        };
        let moved = updated != before;
        Ok(Outcome {
            answer,
            member: updated,
            moved,
        })
    }

    /// Raises the group's epoch if need be, and computes the target assignment for a new one.
    pub(crate) fn bring_target_up_to_date(
        &mut self,
        raise: bool,
        member: &ConsumerMember,
        updated: &ConsumerMember,
    ) -> (i32, Arc<Parts>) {
        let group = self.group;
        let mut epoch = group.epoch;
        let mut homogeneous = group.is_homogeneous();
        if raise || group.is_stale {
            (epoch, homogeneous) = self.update_epoch(raise, member, updated);
        }
        if epoch > group.target_epoch {
            return (epoch, self.update_target(epoch, updated, homogeneous));
        }
        let former = updated.instance().and_then(|instance| group.statics.get(instance));
        let target = group.targets.get(former.unwrap_or(&updated.id));
        (group.target_epoch, target.cloned().unwrap_or_default())
    }

    /// A member without an instance id.
    pub(crate) fn dynamic(&self, id: &Text, joins: bool) -> Result<ConsumerMember, Refused> {
        match self.group.members.get(id) {
            Some(member) => Ok(member.clone()),
            None if joins => Ok(ConsumerMember::new(id.clone())),
            None => Err(self.group.unknown(id)),
        }
    }

    /// A member with an instance id. One that joins takes the place of the one that had it.
    pub(crate) fn fixed(
        &mut self,
        id: &Text,
        instance: &Text,
        joins: bool,
        is_classic: bool,
    ) -> Result<ConsumerMember, Refused> {
        let group = self.group;
        let present = group.static_member(instance);
        if !joins {
            return group.check_instance(id, instance).cloned();
        }
        let Some(present) = present else {
            return self.dynamic(id, true);
        };
        if !is_classic && !present.is_classic() && present.epoch != LEAVES_FOR_A_WHILE {
            let message = format!(
                "Instance {instance} belongs to member {}, which has not left.",
                present.id
            );
            return Err(Refused::new(ErrorCode::UNRELEASED_INSTANCE_ID, message));
        }
        let back = ConsumerMember {
            id: id.clone(),
            epoch: 0,
            previous_epoch: 0,
            ..present.clone()
        };
        self.replace(present, &back);
        Ok(back)
    }
}

impl ConsumerGroup {
    /// GROUP_MAX_SIZE_REACHED for somebody new in a full group.
    pub(crate) fn check_room(&self, id: &str, limit: usize) -> Result<(), Refused> {
        if self.members.len() < limit || self.members.contains_key(id) {
            return Ok(());
        }
        let message = format!("The group has its {limit} members already.");
        Err(Refused::new(ErrorCode::GROUP_MAX_SIZE_REACHED, message))
    }

    pub(crate) fn unknown(&self, id: &str) -> Refused {
        let message = format!("{id} is not a member of group {}.", self.id);
        Refused::new(ErrorCode::UNKNOWN_MEMBER_ID, message)
    }

    /// The static member, if the caller is it.
    pub(crate) fn check_instance(&self, id: &str, instance: &str) -> Result<&ConsumerMember, Refused> {
        let Some(present) = self.static_member(instance) else {
            let message = format!("Instance {instance} is unknown.");
            return Err(Refused::new(ErrorCode::UNKNOWN_MEMBER_ID, message));
        };
        if *present.id != *id {
            let message = format!("Member {id} of instance {instance} was replaced by {}.", present.id);
            return Err(Refused::new(ErrorCode::FENCED_INSTANCE_ID, message));
        }
        Ok(present)
    }
}

/// A member may come with its present epoch. With the one before, it has not heard of the new one yet: that is well as
/// long as it owns nothing beyond its assignment. With 0 it joins anew.
fn check_epoch(member: &ConsumerMember, epoch: i32, reported: Option<&Parts>) -> Result<(), Refused> {
    let owns_no_more = || {
        reported.is_some_and(|reported| {
            reported.iter().all(|(topic, indexes)| {
                let assigned = member.assigned.get(topic);
                assigned.is_some_and(|assigned| indexes.is_subset(assigned))
            })
        })
    };
    if epoch == 0 || epoch == member.epoch || (epoch == member.previous_epoch && epoch < member.epoch && owns_no_more())
    {
        return Ok(());
    }
    let which = if epoch > member.epoch { "greater" } else { "smaller" };
    let message = format!(
        "The member has a {which} epoch ({epoch}) than the coordinator knows ({}). It has to give up its partitions and \
         rejoin.",
        member.epoch
    );
    Err(Refused::new(ErrorCode::FENCED_MEMBER_EPOCH, message))
}

/// What the member said before, and what of it this heartbeat replaces.
fn said(member: &ConsumerMember, beat: &Beat) -> Arc<MemberMetadata> {
    let before = &member.metadata;
    if says_nothing(before, beat) {
        return before.clone();
    }
    let said = MemberMetadata {
        instance: beat.caller.instance.clone().or_else(|| before.instance.clone()),
        rack: beat.rack.clone().or_else(|| before.rack.clone()),
        client_id: beat.client_id.clone(),
        client_host: beat.client_host.clone(),
        topics: beat.topics.clone().unwrap_or_else(|| before.topics.clone()),
        regex: beat.regex.clone().or_else(|| before.regex.clone()),
        rebalance_timeout: match beat.rebalance_timeout {
            -1 => before.rebalance_timeout,
            given => given,
        },
        assignor: beat.assignor.clone().or_else(|| before.assignor.clone()),
        classic: None,
    };
    if said == **before {
        before.clone()
    } else {
        Arc::new(said)
    }
}

/// Most heartbeats only keep the session alive.
fn says_nothing(before: &MemberMetadata, beat: &Beat) -> bool {
    let has_news = beat.subscribes() || beat.rack.is_some() || beat.assignor.is_some() || beat.rebalance_timeout != -1;
    !has_news
        && before.classic.is_none()
        && (beat.caller.instance.is_none() || beat.caller.instance == before.instance)
        && beat.client_id == before.client_id
        && beat.client_host == before.client_host
}
