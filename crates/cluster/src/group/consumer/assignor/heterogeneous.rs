//! Members read different topics: everybody keeps what it has, the rest goes to whoever has the fewest, and then
//! partitions move topic by topic from those that have the most (UniformHeterogeneousAssignmentBuilder).

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Specs;
use super::balancer::Balancer;
use crate::group::words::Parts;
use crate::peer::MetadataImage;

/// Rounds over all topics at most.
const ROUNDS: usize = 16;

struct Topic {
    /// Members that read it, by their place.
    readers: Vec<usize>,
    /// By partition.
    owners: Vec<Option<usize>>,
}

struct Builder {
    topics: BTreeMap<Uuid, Topic>,
    assigned: Vec<Arc<Parts>>,
    /// Partitions of each member.
    sizes: Vec<i64>,
}

pub(super) fn assign(specs: &Specs<'_>, image: &MetadataImage) -> Vec<Arc<Parts>> {
    let mut topics: BTreeMap<Uuid, Topic> = BTreeMap::new();
    for (index, spec) in specs.members.iter().enumerate() {
        for (topic, partitions) in specs.group.topic_sizes(spec.member, image) {
            let partitions = usize::try_from(partitions).unwrap_or(0);
            let entry = topics.entry(topic).or_insert_with(|| Topic {
                readers: Vec::new(),
                owners: vec![None; partitions],
            });
            entry.readers.push(index);
        }
    }
    let mut builder = Builder {
        topics,
        assigned: specs
            .members
            .iter()
            .map(|spec| spec.target.cloned().unwrap_or_default())
            .collect(),
        sizes: vec![0; specs.members.len()],
    };
    builder.keep();
    builder.assign_free();
    builder.balance();
    builder.assigned
}

impl Builder {
    /// Members keep partitions of topics that they still read.
    fn keep(&mut self) {
        for index in 0..self.assigned.len() {
            let target = self.assigned[index].clone();
            for (id, indexes) in &*target {
                let reads = |topic: &&mut Topic| topic.readers.binary_search(&index).is_ok();
                let Some(topic) = self.topics.get_mut(id).filter(reads) else {
                    Arc::make_mut(&mut self.assigned[index]).remove(id);
                    continue;
                };
                for partition in indexes {
                    if let Some(owner) = usize::try_from(*partition).ok().and_then(|p| topic.owners.get_mut(p)) {
                        *owner = Some(index);
                        self.sizes[index] += 1;
                    }
                }
            }
        }
    }

    fn assign_free(&mut self) {
        for id in self.order(|_| true) {
            let topic = &self.topics[&id];
            let owners = topic.owners.iter().enumerate();
            let free: Vec<usize> = owners
                .filter(|(_, owner)| owner.is_none())
                .map(|(index, _)| index)
                .collect();
            if free.is_empty() {
                continue;
            }
            let mut balancer = Balancer::new(&topic.readers, &self.sizes);
            for partition in free {
                let to = balancer.least_loaded(&self.sizes);
                self.give(id, partition, to);
            }
        }
    }

    fn balance(&mut self) {
        let order = self.order(|topic| topic.readers.len() >= 2);
        let mut last = None;
        for _ in 0..ROUNDS {
            for (at, id) in order.iter().enumerate() {
                if last == Some(at) {
                    // Nothing has moved since this topic's last turn.
                    return;
                }
                if self.balance_topic(*id) || last.is_none() {
                    last = Some(at);
                }
            }
        }
    }

    /// Whether a partition has moved.
    fn balance_topic(&mut self, id: Uuid) -> bool {
        let topic = &self.topics[&id];
        let mut balancer = Balancer::new(&topic.readers, &self.sizes);
        if balancer.imbalance() <= 1 {
            return false;
        }
        let mut has: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (partition, owner) in topic.owners.iter().enumerate() {
            if let Some(owner) = owner {
                has.entry(*owner).or_default().push(partition);
            }
        }
        let mut moved = false;
        while !balancer.is_balanced() {
            let Some(from) = balancer.most_loaded(&self.sizes) else {
                break;
            };
            let Some(partition) = has.get_mut(&from).and_then(Vec::pop) else {
                balancer.exclude_most_loaded();
                continue;
            };
            let to = balancer.least_loaded(&self.sizes);
            if balancer.is_balanced() {
                break;
            }
            self.give(id, partition, to);
            moved = true;
        }
        moved
    }

    /// Topics with the most partitions for each reader first, then those with the fewest readers.
    fn order(&self, wanted: impl Fn(&Topic) -> bool) -> Vec<Uuid> {
        let wanted = self.topics.iter().filter(|(_, topic)| wanted(topic));
        let mut order: Vec<(&Uuid, &Topic)> = wanted.collect();
        order.sort_by(|(a_id, a), (b_id, b)| {
            let by_load = (b.owners.len() * a.readers.len()).cmp(&(a.owners.len() * b.readers.len()));
            by_load.then(a.readers.len().cmp(&b.readers.len())).then(a_id.cmp(b_id))
        });
        order.into_iter().map(|(id, _)| *id).collect()
    }

    fn give(&mut self, id: Uuid, partition: usize, to: usize) {
        let index = i32::try_from(partition).expect("partition indexes fit");
        let topic = self.topics.get_mut(&id).expect("the topic is read");
        if let Some(from) = topic.owners[partition].replace(to) {
            let parts = Arc::make_mut(&mut self.assigned[from]);
            if let Some(indexes) = parts.get_mut(&id) {
                indexes.remove(&index);
                if indexes.is_empty() {
                    parts.remove(&id);
                }
            }
            self.sizes[from] -= 1;
        }
        let parts = Arc::make_mut(&mut self.assigned[to]);
        parts.entry(id).or_default().insert(index);
        self.sizes[to] += 1;
    }
}
