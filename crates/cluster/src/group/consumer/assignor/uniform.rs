//! All members read the same topics: everybody gets as many partitions, and keeps what it has as far as that goes
//! (UniformHomogeneousAssignmentBuilder).

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Specs;
use crate::group::consumer::targets::size;
use crate::group::words::{Parts, Text};
use crate::peer::MetadataImage;

pub(super) fn assign(specs: &Specs<'_>, image: &MetadataImage) -> Vec<Arc<Parts>> {
    let first = specs
        .members
        .first()
        .map(|spec| specs.group.topic_sizes(spec.member, image));
    let topics = first.unwrap_or_default();
    let members = &specs.members;
    if topics.is_empty() {
        return vec![Arc::default(); members.len()];
    }
    let mut free = unassigned(&topics, &specs.group.targets);
    let total: usize = topics.values().filter_map(|count| usize::try_from(*count).ok()).sum();
    let least = total / members.len();
    let mut extras = total % members.len();
    let mut assigned = Vec::with_capacity(members.len());
    let mut unfilled = Vec::new();
    for (index, spec) in members.iter().enumerate() {
        let has_extra = extras > 0;
        let mut quota = least + usize::from(has_extra);
        let target = spec.target.cloned().unwrap_or_default();
        assigned.push(keep(&target, &topics, &mut quota, &mut free));
        // Somebody else can take the extra one, as long as there are enough members left for all of them.
        let gives_way = quota > 0 && has_extra && members.len() - index > extras;
        quota -= usize::from(gives_way);
        extras -= usize::from(has_extra && !gives_way);
        if quota > 0 {
            unfilled.push((index, quota));
        }
    }
    let mut free = free.into_iter();
    for (index, quota) in unfilled {
        let parts = Arc::make_mut(&mut assigned[index]);
        for (topic, partition) in free.by_ref().take(quota) {
            parts.entry(topic).or_default().insert(partition);
        }
    }
    assigned
}

/// What a member keeps of what it had: what exceeds its quota is free.
pub(super) fn keep(
    target: &Arc<Parts>,
    topics: &BTreeMap<Uuid, i32>,
    quota: &mut usize,
    free: &mut Vec<(Uuid, i32)>,
) -> Arc<Parts> {
    let size = size(target);
    if size <= *quota && target.keys().all(|topic| topics.contains_key(topic)) {
        *quota -= size;
        return target.clone();
    }
    let mut kept = Parts::new();
    for (topic, indexes) in &**target {
        if !topics.contains_key(topic) {
            continue;
        }
        let stay = indexes.len().min(*quota);
        *quota -= stay;
        free.extend(indexes.iter().skip(stay).map(|index| (*topic, *index)));
        if stay > 0 || indexes.is_empty() {
            kept.insert(*topic, indexes.iter().take(stay).copied().collect());
        }
    }
    Arc::new(kept)
}

fn unassigned(topics: &BTreeMap<Uuid, i32>, targets: &BTreeMap<Text, Arc<Parts>>) -> Vec<(Uuid, i32)> {
    let mut taken: BTreeMap<Uuid, Vec<bool>> = topics
        .iter()
        .map(|(topic, count)| (*topic, vec![false; usize::try_from(*count).unwrap_or(0)]))
        .collect();
    for (topic, indexes) in targets.values().flat_map(|parts| parts.iter()) {
        let Some(taken) = taken.get_mut(topic) else { continue };
        for index in indexes {
            if let Some(slot) = usize::try_from(*index).ok().and_then(|index| taken.get_mut(index)) {
                *slot = true;
            }
        }
    }
    let free = taken.iter().flat_map(|(topic, taken)| {
        let indexes = (0_i32..).zip(taken).filter(|(_, taken)| !**taken);
        indexes.map(|(index, _)| (*topic, index))
    });
    free.collect()
}
