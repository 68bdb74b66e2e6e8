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

#[cfg(test)]
mod tests {
    use kafka_sim_core::{Seed, SimRng};

    use super::*;

    fn some_parts(rng: &mut SimRng) -> Arc<Parts> {
        let mut parts = Parts::new();
        for _ in 0..rng.below(3) {
            let (topic, index) = (
                Uuid::from_u128(rng.below(2).into()),
                i32::try_from(rng.below(9)).unwrap(),
            );
            parts.entry(topic).or_default().insert(index);
        }
        Arc::new(parts)
    }

    #[test]
    fn what_is_shared_after_many_moves_is_what_the_members_have_in_common() {
        let (mut rng, mut seen) = (Seed(1).stream("owners", 0), [0, 0]);
        for _ in 0..200 {
            let mut owners = Owners::default();
            let mut members: BTreeMap<Text, ConsumerMember> = BTreeMap::new();
            for _ in 0..40 {
                let id = Text::from(format!("m{}", rng.below(4)));
                if rng.chance(1, 4) {
                    members.remove(&id);
                } else {
                    let mut member = ConsumerMember::new(id.clone());
                    member.assigned = some_parts(&mut rng);
                    member.revoking = some_parts(&mut rng);
                    members.insert(id.clone(), member);
                }
                owners.moved(&id, members.get(&id));
                let mut all = BTreeSet::new();
                let mut parts = members
                    .values()
                    .flat_map(|member| each(&[member.assigned.clone(), member.revoking.clone()]));
                let is_any_shared = parts.any(|part| !all.insert(part));
                assert_eq!(owners.is_any_shared(), is_any_shared);
                seen[usize::from(is_any_shared)] += 1;
            }
        }
        assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
    }
}
