//! The log of a partition of the offsets topic, applied record by record, and what must hold at each.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::Offset;

use super::Invariant;
use super::committed::Break;
use super::groups::Touched;
use super::inspector::Hosted;
use super::owners::Owners;
use crate::group::{Accepted, Group, Record, Shard, Text, read_records};

/// What a log says of groups.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    pub(super) shard: Shard,
    next: Offset,
    /// Who has the partitions of a consumer group.
    owners: BTreeMap<Text, Owners>,
    /// The offset after the newest deletion of an offset, as long as it is not committed.
    deleted: BTreeMap<Text, BTreeMap<(Text, i32), Offset>>,
}

impl Replayed {
    /// A log that begins at an offset.
    pub(super) fn from(start: Offset) -> Replayed {
        Replayed {
            // Nobody reads from it, so what is replaced need not be kept.
            shard: Shard::unloaded(Offset::MAX),
            next: start,
            owners: BTreeMap::new(),
            deleted: BTreeMap::new(),
        }
    }

    /// Applies what was added. `unread` are the commits that the log has records of, by leader epoch and first offset;
    /// what was written about is `touched`, down to its members unless everything is to be compared `fully`.
    pub(super) fn follow(
        &mut self,
        leader: &Hosted<'_>,
        exists: &dyn Fn(&str) -> bool,
        fully: bool,
        unread: &mut BTreeMap<(i32, Offset), Accepted>,
        touched: &mut Touched,
        broken: &mut Vec<Break>,
    ) {
        let mut moved: BTreeSet<Text> = BTreeSet::new();
        let Replayed {
            shard,
            next,
            owners,
            deleted,
        } = self;
        *next = read_records(leader.log, *next, |header, offset, record| {
            if let Some(commit) = unread.remove(&(header.leader_epoch, offset)) {
                broken.extend(stale(shard, &commit));
            }
            let mut written = None;
            match &record {
                Record::Offset {
                    group,
                    topic,
                    partition,
                    value,
                } => {
                    touched.entry(group.clone()).or_default();
                    if value.is_none() {
                        let is_live = leader.shard.is_none_or(|live| is_read(live, group, topic));
                        if is_live && is_read(shard, group, topic) && exists(topic) {
                            let story =
                                format!("that of {topic}-{partition} in group {group} is, at {offset} in the log");
                            broken.push((Invariant::OffsetsInUseStay, story));
                        }
                        let deleted = deleted.entry(group.clone()).or_default();
                        deleted.insert((topic.clone(), *partition), offset + 1);
                    }
                }
                Record::Group { group, .. } => written = Some(group.clone()),
                Record::Consumer { group, change } => {
                    let members = touched.entry(group.clone()).or_default();
                    members.extend(change.member().filter(|_| !fully).cloned());
                    moved.insert(group.clone());
                    written = Some(group.clone());
                }
            }
            shard.replay(offset + 1, record);
            let Some(group) = written else { return };
            if !shard.consumer_groups.contains_key(&group) {
                owners.remove(&group);
                moved.remove(&group);
                // The record of a classic group has all of its members.
                let classic = shard.groups.get(&group);
                let members = classic.into_iter().flat_map(|classic| classic.members.keys());
                touched.entry(group).or_default().extend(members.cloned());
            }
        });
        // What was not found by now is in no log, or was looked at with another leader's.
        unread.retain(|(_, start), _| *start >= *next);
        for id in moved {
            broken.extend(self.shared(&id, touched.get(&id).filter(|_| !fully)));
        }
    }

    /// A partition that two members of a consumer group have, of which those that are `touched` may have moved.
    fn shared(&mut self, id: &Text, touched: Option<&BTreeSet<Text>>) -> Option<Break> {
        let group = self.shard.consumer_groups.get(id)?;
        let Some(touched) = touched else {
            self.owners.remove(id);
            return two_owners(&self.shard, id);
        };
        let is_any_shared = match self.owners.entry(id.clone()) {
            Entry::Vacant(entry) => entry.insert(Owners::of(group)).is_any_shared(),
            Entry::Occupied(entry) => {
                let owners = entry.into_mut();
                touched.iter().for_each(|id| owners.moved(id, group.members.get(id)));
                owners.is_any_shared()
            }
        };
        is_any_shared.then(|| two_owners(&self.shard, id)).flatten()
    }

    /// The log has a deletion of an offset, behind a commit that ends at `end`.
    pub(super) fn has_deleted(&self, group: &str, topic: &Text, partition: i32, end: Offset) -> bool {
        let deleted = self.deleted.get(group);
        deleted
            .and_then(|parts| parts.get(&(topic.clone(), partition)))
            .is_some_and(|deleted| *deleted > end)
    }

    /// What is deleted below the high watermark need not be known any more.
    pub(super) fn forget_acked(
        &mut self,
        high_watermark: Offset,
        acked: &mut BTreeMap<Text, BTreeMap<(Text, i32), Offset>>,
    ) {
        self.deleted.retain(|group, parts| {
            parts.retain(|part, deleted| {
                let is_committed = *deleted <= high_watermark;
                if is_committed && let Some(acked) = acked.get_mut(group) {
                    acked.retain(|known, end| known != part || *end > *deleted);
                }
                !is_committed
            });
            !parts.is_empty()
        });
    }
}

/// A commit of a member that had no business to make it by then.
///
/// A classic group raises its generation in memory, and writes it down with the assignment: the log may be behind what is
/// accepted, never before it.
fn stale(shard: &Shard, commit: &Accepted) -> Option<Break> {
    let Accepted {
        group,
        member,
        generation,
        ..
    } = commit;
    let known = match (shard.consumer_groups.get(group), shard.groups.get(group)) {
        (Some(known), _) => match known.members.get(member) {
            Some(known) if known.epoch == *generation => return None,
            None if *generation < 0 && known.members.is_empty() => return None,
            Some(known) => format!("is at {}", known.epoch),
            None => "is no member".to_owned(),
        },
        (None, Some(known)) if *generation >= 0 && *generation < known.generation => {
            format!("may only commit in generation {}", known.generation)
        }
        _ => return None,
    };
    let story = format!(
        "member {member} of group {group} has committed with generation or epoch {generation}, at {} in the log, and {known} \
         there",
        commit.records.start
    );
    Some((Invariant::CommitsAreOfTheEpoch, story))
}

/// A member of the group reads the topic, as far as that can be told.
fn is_read(shard: &Shard, group: &str, topic: &str) -> bool {
    let by_classic = |group: &Group| {
        let topics = group.subscriptions();
        !group.members.is_empty() && topics.is_some_and(|topics| topics.contains(topic))
    };
    let consumer = shard.consumer_groups.get(group);
    consumer.is_some_and(|group| group.is_subscribed_to(topic)) || shard.groups.get(group).is_some_and(by_classic)
}

/// A partition that two members of a consumer group have.
fn two_owners(shard: &Shard, id: &Text) -> Option<Break> {
    let mut owners = BTreeMap::new();
    for member in shard.consumer_groups.get(id)?.members.values() {
        // What a member is told to give back may come back to it.
        let mut parts = BTreeSet::new();
        for (topic, indexes) in member.assigned.iter().chain(member.revoking.iter()) {
            parts.extend(indexes.iter().map(|index| (*topic, *index)));
        }
        for part in parts {
            if let Some(other) = owners.insert(part, &member.id) {
                let story = format!(
                    "partition {} of topic {} is that of both {other} and {} in group {id}",
                    part.1, part.0, member.id
                );
                return Some((Invariant::PartitionsHaveOneOwner, story));
            }
        }
    }
    None
}
