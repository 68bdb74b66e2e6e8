//! One step of a member towards its target assignment (CurrentAssignmentBuilder).

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_core::ErrorCode;
use uuid::Uuid;

use super::super::words::Parts;
use super::draft::Refused;
use super::{ConsumerMember, MemberState};

/// What a step depends on.
pub(crate) struct Step<'a> {
    pub(crate) target_epoch: i32,
    pub(crate) target: &'a Parts,
    /// Topics the member reads.
    pub(crate) subscribed: BTreeSet<Uuid>,
    /// Its topics have just changed.
    pub(crate) subscription_changed: bool,
    /// What the member says it owns, if it does.
    pub(crate) reported: Option<&'a Parts>,
    /// Whether somebody owns a partition.
    pub(crate) is_owned: &'a dyn Fn(Uuid, i32) -> bool,
}

impl Step<'_> {
    pub(crate) fn take(&self, member: ConsumerMember) -> Result<ConsumerMember, Refused> {
        match member.state {
            MemberState::Stable if member.epoch != self.target_epoch => Ok(self.next(member)),
            MemberState::Stable if self.subscription_changed => Ok(self.shrink(member)),
            MemberState::Stable => Ok(member),
            MemberState::Unrevoked if self.still_owns(&member.revoking) => {
                if self.subscription_changed {
                    Ok(self.shrink(member))
                } else {
                    Ok(member)
                }
            }
            MemberState::Unrevoked | MemberState::Unreleased => Ok(self.next(member)),
            MemberState::Unknown if self.reported.is_some_and(|reported| reported.is_empty()) => {
                let epoch = self.target_epoch;
                Ok(self.next(ConsumerMember { epoch, ..member }))
            }
            MemberState::Unknown => Err(Refused::new(
                ErrorCode::FENCED_MEMBER_EPOCH,
                "The member is in a state this coordinator does not know. It has to give up its partitions and rejoin.",
            )),
        }
    }

    /// Until a member says what it owns, it owns everything.
    fn still_owns(&self, parts: &Parts) -> bool {
        let Some(reported) = self.reported else { return true };
        reported.iter().any(|(topic, indexes)| {
            parts
                .get(topic)
                .is_some_and(|to_revoke| !to_revoke.is_disjoint(indexes))
        })
    }

    /// Takes partitions of topics that the member no longer reads away at once.
    fn shrink(&self, member: ConsumerMember) -> ConsumerMember {
        let mut assigned = Parts::clone(&member.assigned);
        let mut revoking = Parts::clone(&member.revoking);
        assigned.retain(|topic, indexes| {
            let stays = self.subscribed.contains(topic);
            if !stays {
                revoking.entry(*topic).or_default().append(indexes);
            }
            stays
        });
        if assigned.len() == member.assigned.len() {
            return member;
        }
        let assigned = Arc::new(assigned);
        if self.still_owns(&revoking) {
            ConsumerMember {
                state: MemberState::Unrevoked,
                assigned,
                revoking: Arc::new(revoking),
                ..member
            }
        } else {
            ConsumerMember { assigned, ..member }
        }
    }

    /// Gives back what is not in the target, then takes what is free of it.
    fn next(&self, member: ConsumerMember) -> ConsumerMember {
        let none = BTreeSet::new();
        let (mut assigned, mut revoking) = (Parts::new(), Parts::new());
        let (mut gained, mut unreleased) = (Parts::new(), false);
        let topics: BTreeSet<Uuid> = self.target.keys().chain(member.assigned.keys()).copied().collect();
        for topic in topics {
            let reads = self.subscribed.contains(&topic);
            let target = self.target.get(&topic).filter(|_| reads).unwrap_or(&none);
            let present = member.assigned.get(&topic).unwrap_or(&none);
            // A partition that the member itself is giving back is as good as free.
            let own = member.revoking.get(&topic).unwrap_or(&none);
            let is_free = |index: &i32| own.contains(index) || !(self.is_owned)(topic, *index);
            let (free, taken): (BTreeSet<i32>, BTreeSet<i32>) = target.difference(present).copied().partition(is_free);
            unreleased |= !taken.is_empty();
            put(&mut assigned, topic, target.intersection(present).copied().collect());
            put(&mut revoking, topic, present.difference(target).copied().collect());
            put(&mut gained, topic, free);
        }
        if !revoking.is_empty() && self.still_owns(&revoking) {
            let epoch = member.epoch;
            return ConsumerMember {
                state: MemberState::Unrevoked,
                assigned: Arc::new(assigned),
                revoking: Arc::new(revoking),
                ..member.at_epoch(epoch)
            };
        }
        for (topic, mut indexes) in gained {
            assigned.entry(topic).or_default().append(&mut indexes);
        }
        let state = if unreleased {
            MemberState::Unreleased
        } else {
            MemberState::Stable
        };
        ConsumerMember {
            state,
            assigned: Arc::new(assigned),
            revoking: Arc::default(),
            ..member.at_epoch(self.target_epoch)
        }
    }
}

fn put(parts: &mut Parts, topic: Uuid, indexes: BTreeSet<i32>) {
    if !indexes.is_empty() {
        parts.insert(topic, indexes);
    }
}
