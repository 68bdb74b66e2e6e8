//! What the members of a group are to own, kept so that finding who has too much or too little takes no look at the others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use uuid::Uuid;

use super::super::words::{Parts, Text};

/// What the members of a group are to own, by member id.
#[derive(Clone, Default, Debug)]
pub(crate) struct Targets {
    by_member: BTreeMap<Text, Arc<Parts>>,
    /// Members by how many partitions they are to own.
    by_size: BTreeMap<usize, BTreeSet<Text>>,
    /// How many members are to own a partition, of those that any is to own.
    owners: BTreeMap<Uuid, BTreeMap<i32, usize>>,
    /// Partitions that several members are to own.
    shared: usize,
    /// Members that are to own no partition of a topic they have an entry for.
    hollow: usize,
}

impl Targets {
    /// Sets what a member is to own. Whether nothing was known of it.
    pub(super) fn insert(&mut self, id: Text, parts: Arc<Parts>) -> bool {
        let before = self.by_member.insert(id.clone(), parts.clone());
        let none = Parts::new();
        self.recount(before.as_deref().unwrap_or(&none), &parts);
        self.hollow += usize::from(is_hollow(&parts));
        self.hollow -= usize::from(before.as_deref().is_some_and(is_hollow));
        let (old, new) = (before.as_deref().map(size), size(&parts));
        if old != Some(new) {
            old.inspect(|old| self.unlist(*old, &id));
            self.by_size.entry(new).or_default().insert(id);
        }
        before.is_none()
    }

    /// Forgets a member. Whether anything was known of it.
    pub(super) fn remove(&mut self, id: &Text) -> bool {
        let Some(before) = self.by_member.remove(id) else {
            return false;
        };
        self.recount(&before, &Parts::new());
        self.hollow -= usize::from(is_hollow(&before));
        self.unlist(size(&before), id);
        true
    }

    fn unlist(&mut self, size: usize, id: &Text) {
        if let Some(members) = self.by_size.get_mut(&size) {
            members.remove(id);
            if members.is_empty() {
                self.by_size.remove(&size);
            }
        }
    }

    /// Counts only what differs.
    fn recount(&mut self, before: &Parts, after: &Parts) {
        let none = BTreeSet::new();
        for (topic, indexes) in before {
            for index in indexes.difference(after.get(topic).unwrap_or(&none)) {
                self.disown(*topic, *index);
            }
        }
        for (topic, indexes) in after {
            let mut gained = indexes.difference(before.get(topic).unwrap_or(&none)).peekable();
            if gained.peek().is_none() {
                continue;
            }
            let owners = self.owners.entry(*topic).or_default();
            for index in gained {
                let count = owners.entry(*index).or_default();
                *count += 1;
                self.shared += usize::from(*count == 2);
            }
        }
    }

    fn disown(&mut self, topic: Uuid, index: i32) {
        let owners = self.owners.get_mut(&topic).expect("it was counted");
        let count = owners.get_mut(&index).expect("it was counted");
        self.shared -= usize::from(*count == 2);
        *count -= 1;
        if *count == 0 {
            owners.remove(&index);
            if owners.is_empty() {
                self.owners.remove(&topic);
            }
        }
    }

    /// Members that are to own as many partitions.
    pub(super) fn of_size(&self, size: usize) -> Option<&BTreeSet<Text>> {
        self.by_size.get(&size)
    }

    /// Members that are to own as many partitions as the range says.
    pub(super) fn of_sizes(&self, sizes: impl std::ops::RangeBounds<usize>) -> BTreeSet<&Text> {
        self.by_size.range(sizes).flat_map(|(_, members)| members).collect()
    }

    /// The partitions of these topics that nobody is to own. `None` unless every target is made of these and of nothing
    /// else, each at one member.
    pub(super) fn free(&self, topics: &BTreeMap<Uuid, i32>) -> Option<Vec<(Uuid, i32)>> {
        let fits = |(topic, owners): (&Uuid, &BTreeMap<i32, usize>)| {
            let last = owners.last_key_value().zip(topics.get(topic));
            last.is_some_and(|((last, _), count)| last < count)
                && owners.first_key_value().is_some_and(|(i, _)| *i >= 0)
        };
        if self.shared > 0 || self.hollow > 0 || !self.owners.iter().all(fits) {
            return None;
        }
        let none = BTreeMap::new();
        let mut free = Vec::new();
        for (topic, count) in topics {
            let owners = self.owners.get(topic).unwrap_or(&none);
            if usize::try_from(*count).ok() != Some(owners.len()) {
                let unowned = (0..*count).filter(|index| !owners.contains_key(index));
                free.extend(unowned.map(|index| (*topic, index)));
            }
        }
        Some(free)
    }
}

/// Partitions in all.
pub(super) fn size(parts: &Parts) -> usize {
    parts.values().map(BTreeSet::len).sum()
}

fn is_hollow(parts: &Parts) -> bool {
    parts.values().any(BTreeSet::is_empty)
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
