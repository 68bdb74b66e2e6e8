//! What coordinators answered, next to what the newest of them knows.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_core::{BrokerId, Offset};

use super::Invariant;
use super::committed::Break;
use super::inspector::{Hosted, Partition};
use super::replayed::Replayed;
use crate::group::{Accepted, Deed, Shard, Text, Waiter};

/// Of a group by topic and partition, the offset after the newest commit that was answered.
type Acked = BTreeMap<Text, BTreeMap<(Text, i32), Offset>>;

/// By group that something was written about, the members that it was about.
pub(super) type Touched = BTreeMap<Text, BTreeSet<Text>>;

/// Groups of as many members are always compared as a whole.
const SMALL: usize = 64;

/// The groups of one partition of the offsets topic.
#[derive(Clone, Default, Debug)]
pub(super) struct Groups {
    /// The log of whoever leads in the newest epoch.
    replayed: Option<(BrokerId, Replayed)>,
    /// Commits that were not answered yet.
    waiting: BTreeMap<(BrokerId, Waiter), Accepted>,
    /// Commits whose records were not replayed yet, by leader epoch and first offset.
    unread: BTreeMap<(i32, Offset), Accepted>,
    /// Commits that were answered in this turn: by whom, and the offset after them.
    told: Vec<(BrokerId, Offset)>,
    acked: Acked,
    /// Groups to be compared next.
    touched: Touched,
    /// How much of a large group was compared since it was compared as a whole.
    compared: BTreeMap<Text, usize>,
    /// The coordinator is another one, or has loaded its log: compare all.
    fresh: bool,
}

impl Groups {
    /// Takes note of what a coordinator did.
    pub(super) fn note(&mut self, broker: BrokerId, deed: Deed, every_turn: bool) {
        match deed {
            Deed::Loaded => self.fresh = true,
            Deed::Accepted { leader_epoch, commit } => {
                self.unread.insert((leader_epoch, commit.records.start), commit.clone());
                self.waiting.insert((broker, commit.waiter), commit);
            }
            Deed::Answered { waiter, accepted } => {
                let Some(commit) = self.waiting.remove(&(broker, waiter)).filter(|_| accepted) else {
                    return;
                };
                if every_turn {
                    self.told.push((broker, commit.records.end));
                }
                let acked = self.acked.entry(commit.group.clone()).or_default();
                for (part, offset) in commit.parts.into_iter().zip(commit.records) {
                    let newest = acked.entry(part).or_default();
                    *newest = (*newest).max(offset + 1);
                }
                self.touched.entry(commit.group).or_default();
            }
        }
    }

    /// The broker's log may have lost records.
    pub(super) fn forget_log(&mut self, broker: BrokerId) {
        self.replayed.take_if(|(id, _)| *id == broker);
    }

    /// The broker's process is another one: nobody is answered by the former.
    pub(super) fn forget_process(&mut self, broker: BrokerId) {
        self.waiting.retain(|(id, _), _| *id != broker);
        self.forget_log(broker);
    }

    /// Compares what the newest coordinator knows with its log, and with what was answered.
    pub(super) fn look(&mut self, partition: &Partition<'_>, hosted: &[Hosted<'_>], broken: &mut Vec<Break>) {
        for (broker, end) in self.told.drain(..) {
            let replica = hosted.iter().find(|replica| replica.broker == broker);
            if let Some(replica) = replica.filter(|replica| replica.high_watermark < end) {
                let story = format!(
                    "broker {broker} has answered a commit whose records end at {end}, and its high watermark is {}",
                    replica.high_watermark
                );
                broken.push((Invariant::CommitsAnsweredOnceReplicated, story));
            }
        }
        let newest = Some(partition.state.leader_epoch);
        let Some(leader) = hosted.iter().find(|replica| replica.leads == newest) else {
            return;
        };
        if self.replayed.as_ref().is_none_or(|(id, _)| *id != leader.broker) {
            self.replayed = Some((leader.broker, Replayed::from(leader.log.log_start_offset())));
            self.fresh = true;
        }
        let Some((_, replayed)) = &mut self.replayed else {
            return;
        };
        let (exists, fully) = (partition.exists, partition.fully);
        replayed.follow(leader, exists, fully, &mut self.unread, &mut self.touched, broken);
        let Some(shard) = leader.shard else { return };
        let all = std::mem::take(&mut self.fresh) || fully;
        if all {
            let ids = shard.ids().chain(self.acked.keys()).chain(replayed.shard.ids());
            self.touched.extend(ids.map(|id| (id.clone(), BTreeSet::new())));
        }
        replayed.forget_acked(leader.high_watermark, &mut self.acked);
        for (group, members) in std::mem::take(&mut self.touched) {
            let whole = all || is_turn_of_all(&mut self.compared, &group, members.len(), shard.size_of(&group));
            let members = Some(&members).filter(|_| !whole);
            if let Some(misfit) = shard.misfit(&replayed.shard, &group, members) {
                let story = format!("of group {group} broker {} has it that {misfit}", leader.broker);
                broken.push((Invariant::GroupStateFollowsLog, story));
            }
            if let Some(lost) = lost(&self.acked, shard, replayed, &group) {
                broken.push((Invariant::AckedCommitsStay, format!("broker {} {lost}", leader.broker)));
            }
        }
    }
}

/// Whether a group is to be compared as a whole. A large one is once as many members were touched as it has, so that
/// comparing costs no more than what it is about.
fn is_turn_of_all(compared: &mut BTreeMap<Text, usize>, group: &Text, touched: usize, size: usize) -> bool {
    if size <= SMALL {
        return true;
    }
    let count = compared.get(group).copied().unwrap_or(0) + touched.max(1);
    if count < size {
        compared.insert(group.clone(), count);
    } else {
        compared.remove(group);
    }
    count >= size
}

/// A commit of a group that was answered, and that the coordinator does not know.
fn lost(acked: &Acked, shard: &Shard, replayed: &Replayed, group: &Text) -> Option<String> {
    acked.get(group)?.iter().find_map(|((topic, partition), end)| {
        let known = shard.offsets.newest_end(group, topic, *partition);
        let is_there = known.is_some_and(|known| known >= *end);
        (!is_there && !replayed.has_deleted(group, topic, *partition, *end)).then(|| {
            let known = known.map_or("none".to_owned(), |known| format!("the one that ends at {known}"));
            format!(
                "has answered a commit of group {group} for {topic}-{partition} that ends at {end} in the log, and knows \
                 {known}"
            )
        })
    })
}
