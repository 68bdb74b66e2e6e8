//! Who has the partitions of a consumer group, brought up to date member by member.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::group::{ConsumerGroup, ConsumerMember, Parts, Text};

/// Who has the partitions of a consumer group. What a member is to give back is still its own.
#[derive(Clone, Default, Debug)]
pub(super) struct Owners {
    /// What each member has, and what it is to give back.
    of_members: BTreeMap<Text, [Arc<Parts>; 2]>,
    /// By partition, how many members have it.
    counts: BTreeMap<(Uuid, i32), usize>,
    /// Partitions that several members have.
    shared: usize,
}

impl Owners {
    /// Who has what in a group as it is.
    pub(super) fn of(group: &ConsumerGroup) -> Owners {
        let mut owners = Owners::default();
        for (id, member) in &group.members {
            owners.moved(id, Some(member));
        }
        owners
    }

    /// A member has something else from now on, or is gone.
    pub(super) fn moved(&mut self, id: &Text, member: Option<&ConsumerMember>) {
        let before = match member {
            Some(member) => {
                let now = [member.assigned.clone(), member.revoking.clone()];
                each(&now).into_iter().for_each(|part| self.take(part));
                self.of_members.insert(id.clone(), now)
            }
            None => self.of_members.remove(id),
        };
        before.iter().flat_map(each).for_each(|part| self.give_back(part));
    }

    pub(super) fn is_any_shared(&self) -> bool {
        self.shared > 0
    }

    fn take(&mut self, part: (Uuid, i32)) {
        let count = self.counts.entry(part).or_default();
        *count += 1;
        self.shared += usize::from(*count == 2);
    }

    fn give_back(&mut self, part: (Uuid, i32)) {
        let count = self.counts.get_mut(&part).expect("it was taken");
        self.shared -= usize::from(*count == 2);
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&part);
        }
    }
}

/// A partition that is to be given back may come back: it counts once.
fn each(parts: &[Arc<Parts>; 2]) -> BTreeSet<(Uuid, i32)> {
    let parts = parts.iter().flat_map(|parts| parts.iter());
    parts
        .flat_map(|(topic, indexes)| indexes.iter().map(|index| (*topic, *index)))
        .collect()
}
