//! What the members of a group are to own, and who has how much of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, RangeBounds};
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use super::super::words::{Parts, Text};

/// Partitions of a topic are counted below this index.
const MOST_PARTITIONS: usize = 1 << 16;

/// What the members of a group are to own, by member id.
#[derive(Clone, Default, Debug)]
pub(crate) struct Targets {
    by_member: BTreeMap<Text, Arc<Parts>>,
    /// Counted when somebody asks first, and kept up to date from then on.
    shares: OnceLock<Shares>,
}

impl Targets {
    /// Sets what a member is to own. Whether nothing was known of it.
    pub(super) fn insert(&mut self, id: Text, parts: Arc<Parts>) -> bool {
        let Some(shares) = self.shares.get_mut() else {
            return self.by_member.insert(id, parts).is_none();
        };
        let before = self.by_member.insert(id.clone(), parts.clone());
        if let Some(before) = &before {
            shares.uncount(before);
        }
        shares.count(&parts);
        shares.list(&id, before.as_deref().map(size), Some(size(&parts)));
        before.is_none()
    }

    /// Forgets a member. Whether anything was known of it.
    pub(super) fn remove(&mut self, id: &Text) -> bool {
        let Some(before) = self.by_member.remove(id) else {
            return false;
        };
        if let Some(shares) = self.shares.get_mut() {
            shares.uncount(&before);
            shares.list(id, Some(size(&before)), None);
        }
        true
    }

    /// Who has how much.
    pub(super) fn shares(&self) -> &Shares {
        self.shares.get_or_init(|| {
            let mut shares = Shares::default();
            for (id, parts) in &self.by_member {
                shares.count(parts);
                shares.list(id, None, Some(size(parts)));
            }
            shares
        })
    }
}

impl Deref for Targets {
    type Target = BTreeMap<Text, Arc<Parts>>;

    fn deref(&self) -> &BTreeMap<Text, Arc<Parts>> {
        &self.by_member
    }
}

/// Everything else follows from what each is to own.
impl PartialEq for Targets {
    fn eq(&self, other: &Targets) -> bool {
        self.by_member == other.by_member
    }
}

/// Who has how much of the partitions of a group. With it, finding who has too much or too little takes no look at those
/// who have what they should.
#[derive(Clone, Default, Debug)]
pub(super) struct Shares {
    /// Members by how many partitions they have.
    by_size: BTreeMap<usize, BTreeSet<Text>>,
    topics: BTreeMap<Uuid, Owners>,
    /// Entries that make no sense: of topics without partitions, and of partitions that no topic has.
    odd: usize,
}

/// Who has the partitions of a topic.
#[derive(Clone, Default, Debug)]
struct Owners {
    /// How many members have it, by partition.
    counts: Vec<u32>,
    /// Partitions that somebody has.
    owned: usize,
    /// Partitions that several members have.
    shared: usize,
}

impl Shares {
    /// Members that have as many partitions.
    pub(super) fn of_size(&self, size: usize) -> Option<&BTreeSet<Text>> {
        self.by_size.get(&size)
    }

    /// Members that have as many partitions as the range says.
    pub(super) fn of_sizes(&self, sizes: impl RangeBounds<usize>) -> BTreeSet<&Text> {
        self.by_size.range(sizes).flat_map(|(_, members)| members).collect()
    }

    /// The partitions of these topics that nobody has. `None` unless everything that anybody has is of these topics, and
    /// no partition has two owners.
    pub(super) fn free(&self, topics: &BTreeMap<Uuid, i32>) -> Option<Vec<(Uuid, i32)>> {
        let size = |topic: &Uuid| topics.get(topic).and_then(|size| usize::try_from(*size).ok());
        let is_sound = |(topic, owners): (&Uuid, &Owners)| {
            let beyond = size(topic).map(|size| owners.counts.iter().skip(size).any(|count| *count > 0));
            owners.shared == 0 && (owners.owned == 0 || beyond == Some(false))
        };
        if self.odd > 0 || !self.topics.iter().all(is_sound) {
            return None;
        }
        let mut free = Vec::new();
        for (topic, size) in topics {
            let owners = self.topics.get(topic);
            if owners.map(|owners| owners.owned) != usize::try_from(*size).ok() {
                let counts = owners.into_iter().flat_map(|owners| owners.counts.iter().copied());
                let counts = counts.chain(std::iter::repeat(0));
                let free_ones = (0..*size).zip(counts).filter(|(_, count)| *count == 0);
                free.extend(free_ones.map(|(index, _)| (*topic, index)));
            }
        }
        Some(free)
    }

    /// A member has another number of partitions.
    fn list(&mut self, id: &Text, before: Option<usize>, after: Option<usize>) {
        if before == after {
            return;
        }
        if let Some(size) = before
            && let Some(members) = self.by_size.get_mut(&size)
        {
            members.remove(id);
            if members.is_empty() {
                self.by_size.remove(&size);
            }
        }
        if let Some(size) = after {
            self.by_size.entry(size).or_default().insert(id.clone());
        }
    }

    fn count(&mut self, parts: &Parts) {
        for (topic, indexes) in parts {
            let owners = self.topics.entry(*topic).or_default();
            let odd = indexes.iter().filter(|index| !owners.add(**index)).count();
            self.odd += odd + usize::from(indexes.is_empty());
        }
    }

    fn uncount(&mut self, parts: &Parts) {
        for (topic, indexes) in parts {
            let owners = self.topics.entry(*topic).or_default();
            let odd = indexes.iter().filter(|index| !owners.take(**index)).count();
            self.odd -= odd + usize::from(indexes.is_empty());
            if owners.owned == 0 {
                self.topics.remove(topic);
            }
        }
    }
}

impl Owners {
    /// Somebody has a partition. False if it cannot be one.
    fn add(&mut self, index: i32) -> bool {
        let Some(index) = usize::try_from(index).ok().filter(|index| *index < MOST_PARTITIONS) else {
            return false;
        };
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
        self.owned += usize::from(self.counts[index] == 1);
        self.shared += usize::from(self.counts[index] == 2);
        true
    }

    /// Somebody who had a partition has it no longer. False if it cannot be one.
    fn take(&mut self, index: i32) -> bool {
        let count = usize::try_from(index).ok().and_then(|index| self.counts.get_mut(index));
        let Some(count) = count else { return false };
        self.owned -= usize::from(*count == 1);
        self.shared -= usize::from(*count == 2);
        *count -= 1;
        true
    }
}

/// Partitions in all.
pub(super) fn size(parts: &Parts) -> usize {
    parts.values().map(BTreeSet::len).sum()
}
