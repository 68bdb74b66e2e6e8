//! A member has come, gone or said something while all read the same topics: what that changes of the uniform assignment,
//! without a look at the members whose share stays as it is.
//!
//! With `least` partitions for everybody and `extras` that are left over, `uniform` goes through the members by id. Those
//! that have more than `least` keep one of the extra ones as long as there are any. If some are left over, they go to the
//! last of the others. So how much a member is to own follows from how much it has and how many of its kind come after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::uniform::keep;
use crate::group::consumer::targets::{Shares, size};
use crate::group::consumer::{ConsumerGroup, ConsumerMember};
use crate::group::words::{Parts, Text};
use crate::peer::MetadataImage;

/// What is to change with `updated` as a member, by member id: at least what a member without a target is to own. `None`
/// if it has to be worked out for all.
pub(super) fn changes(
    group: &ConsumerGroup,
    updated: &ConsumerMember,
    image: &MetadataImage,
) -> Option<Vec<(Text, Arc<Parts>)>> {
    let replaces = |id: &Text| group.statics.get(id).is_some_and(|other| *other != updated.id);
    if !group.has_a_target_for_each() || updated.instance().is_some_and(replaces) {
        return None;
    }
    let first = group.members.values().next().filter(|first| first.id < updated.id);
    let topics = group.topic_sizes(first.unwrap_or(updated), image);
    if topics.is_empty() {
        return None;
    }
    let shares = group.targets.shares();
    let mut free = shares.free(&topics)?;
    let total: usize = topics.values().filter_map(|count| usize::try_from(*count).ok()).sum();
    let newcomer = Some(&updated.id).filter(|id| !group.members.contains_key(*id));
    let members = group.members.len() + usize::from(newcomer.is_some());
    let goals = goals(shares, newcomer, total, members);
    let target = |id: &Text| group.targets.get(id).cloned().unwrap_or_default();
    let mut changes: Vec<(Text, Arc<Parts>)> = Vec::with_capacity(goals.len());
    for (id, goal) in &goals {
        let mut quota = *goal;
        changes.push(((*id).clone(), keep(&target(id), &topics, &mut quota, &mut free)));
    }
    let mut free = free.into_iter();
    for ((_, parts), goal) in changes.iter_mut().zip(goals.into_values()) {
        let lacks = goal - size(parts);
        if lacks > 0 {
            let parts = Arc::make_mut(parts);
            for (topic, partition) in free.by_ref().take(lacks) {
                parts.entry(topic).or_default().insert(partition);
            }
        }
    }
    Some(changes)
}

/// How many partitions those members are to own that are to own more or fewer than now, and how many the newcomer.
fn goals<'a>(
    shares: &'a Shares,
    newcomer: Option<&'a Text>,
    total: usize,
    members: usize,
) -> BTreeMap<&'a Text, usize> {
    let (least, extras) = (total / members, total % members);
    // Those that have one more than `least`, or as much, may have what they are to have.
    let over = shares.of_sizes(least + 2..);
    let mut under = shares.of_sizes(..least);
    under.extend(newcomer);
    let with_extra = shares.of_size(least + 1);
    let mut goals: BTreeMap<&Text, usize> = over.iter().map(|id| (*id, least + 1)).collect();
    goals.extend(under.iter().map(|id| (*id, least)));
    let large = over.len() + with_extra.map_or(0, BTreeSet::len);
    if large > extras {
        goals.extend(last(&over, with_extra, large - extras).map(|id| (id, least)));
    } else {
        let others = last(&under, shares.of_size(least), extras - large);
        goals.extend(others.map(|id| (id, least + 1)));
    }
    goals
}

/// The last by id of the members in both.
fn last<'a>(
    some: &BTreeSet<&'a Text>,
    others: Option<&'a BTreeSet<Text>>,
    count: usize,
) -> impl Iterator<Item = &'a Text> {
    let mut some = some.iter().copied().rev().peekable();
    let mut others = others.into_iter().flatten().rev().peekable();
    let next = move || {
        if some.peek() > others.peek() {
            some.next()
        } else {
            others.next()
        }
    };
    std::iter::from_fn(next).take(count)
}
