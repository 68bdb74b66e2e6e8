//! Each topic in ranges over its readers, so that equal topics are joined alike (RangeAssignor).

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{Spec, Specs};
use crate::group::words::Parts;
use crate::peer::MetadataImage;

struct Topic {
    partitions: i32,
    readers: i32,
    next: i32,
    /// Readers that got one more than the others.
    extra: i32,
}

pub(super) fn assign(specs: &Specs<'_>, image: &MetadataImage) -> Vec<Arc<Parts>> {
    let members = &specs.members;
    let read = members.iter().map(|spec| specs.group.topic_sizes(spec.member, image));
    let read: Vec<BTreeMap<Uuid, i32>> = read.collect();
    let mut topics: BTreeMap<Uuid, Topic> = BTreeMap::new();
    for (topic, partitions) in read.iter().flatten() {
        let entry = topics.entry(*topic).or_insert(Topic {
            partitions: *partitions,
            readers: 0,
            next: 0,
            extra: 0,
        });
        entry.readers += 1;
    }
    let mut assigned = vec![Parts::new(); members.len()];
    for index in order(members) {
        for topic in read[index].keys() {
            let range = topics.get_mut(topic).expect("counted above").next_range();
            if !range.is_empty() {
                assigned[index].insert(*topic, range.collect());
            }
        }
    }
    assigned.into_iter().map(Arc::new).collect()
}

impl Topic {
    fn next_range(&mut self) -> std::ops::Range<i32> {
        let has_extra = self.extra < self.partitions % self.readers;
        self.extra += i32::from(has_extra);
        let start = self.next;
        let end = start + self.partitions / self.readers + i32::from(has_extra);
        self.next = end.min(self.partitions);
        start..self.next
    }
}

/// Static members come first, by instance id; then the others by member id. So a static member keeps its range when it
/// comes back under another id.
fn order(members: &[Spec<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| {
        let member = members[*index].member;
        (member.instance().is_none(), member.instance(), &member.id)
    });
    order
}
