//! The assignors of the coordinator: who is to own what.

mod balancer;
mod few;
mod heterogeneous;
mod range;
mod uniform;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{ConsumerGroup, ConsumerMember};
use crate::config::{BrokerConfig, list_items};
use crate::group::words::{Parts, Text};
use crate::peer::MetadataImage;

const ASSIGNORS: &str = "group.consumer.assignors";
const RANGE: &str = "range";

/// A member as an assignor sees it.
struct Spec<'a> {
    member: &'a ConsumerMember,
    /// What it was to own so far, if that was ever worked out.
    target: Option<&'a Arc<Parts>>,
}

/// The members of a group as an assignor sees them, by id.
struct Specs<'a> {
    group: &'a ConsumerGroup,
    members: Vec<Spec<'a>>,
    /// All of them read the same topics.
    is_homogeneous: bool,
}

/// Names of the assignors that are on.
pub(crate) fn enabled(config: &BrokerConfig) -> impl Iterator<Item = &str> {
    list_items(config.value(ASSIGNORS).unwrap_or_default())
}

/// The assignor of groups whose members name none.
pub(crate) fn default(config: &BrokerConfig) -> &str {
    enabled(config).next().unwrap_or("uniform")
}

/// What is to change, by member id, if that can be told without going through all members.
pub(crate) fn changes(
    assignor: &str,
    group: &ConsumerGroup,
    updated: &ConsumerMember,
    is_homogeneous: bool,
    image: &MetadataImage,
) -> Option<Vec<(Text, Arc<Parts>)>> {
    let applies = assignor != RANGE && is_homogeneous;
    applies.then(|| few::changes(group, updated, image)).flatten()
}

/// What is to change, by member id, with `updated` as a member in place of another one with its instance id: all members
/// are gone through.
pub(crate) fn all_changes(
    assignor: &str,
    group: &ConsumerGroup,
    updated: &ConsumerMember,
    is_homogeneous: bool,
    image: &MetadataImage,
) -> Vec<(Text, Arc<Parts>)> {
    let written = |member: &ConsumerMember| group.targets.get(&member.id);
    let specs = Specs {
        group,
        members: group.specs_with(updated),
        is_homogeneous,
    };
    let targets = assign(assignor, &specs, image);
    let members = specs.members.iter().map(|spec| {
        let written = if spec.member.id == updated.id {
            written(updated)
        } else {
            spec.target
        };
        (&spec.member.id, written)
    });
    let changed = members.zip(targets).filter(|((_, written), target)| {
        !written.is_some_and(|written| Arc::ptr_eq(written, target) || written == target)
    });
    changed.map(|((id, _), target)| (id.clone(), target)).collect()
}

/// What each member is to own, in the order of their ids.
fn assign(assignor: &str, specs: &Specs<'_>, image: &MetadataImage) -> Vec<Arc<Parts>> {
    match (assignor, specs.is_homogeneous) {
        (RANGE, _) => range::assign(specs, image),
        (_, true) => uniform::assign(specs, image),
        (_, false) => heterogeneous::assign(specs, image),
    }
}

impl ConsumerGroup {
    /// All members by id, each with what it is to own so far.
    fn specs(&self) -> Vec<Spec<'_>> {
        let mut targets = self.targets.iter().peekable();
        let spec = |member| {
            let member: &ConsumerMember = member;
            while targets.next_if(|(id, _)| **id < member.id).is_some() {}
            let target = targets.next_if(|(id, _)| **id == member.id);
            Spec {
                member,
                target: target.map(|(_, parts)| parts),
            }
        };
        self.members.values().map(spec).collect()
    }

    /// The members with `updated` as one of them, in place of another one with its instance id.
    fn specs_with<'a>(&'a self, updated: &'a ConsumerMember) -> Vec<Spec<'a>> {
        let replaced = updated.instance().and_then(|id| self.statics.get(id));
        let replaced = replaced.filter(|id| **id != updated.id);
        let mut members = self.specs();
        let place = |members: &[Spec<'_>], id: &Text| members.binary_search_by(|spec| spec.member.id.cmp(id));
        let former = replaced.and_then(|id| place(&members, id).ok());
        let target = match former {
            Some(at) => members.remove(at).target,
            None => self.targets.get(&updated.id),
        };
        let place = place(&members, &updated.id);
        let (Ok(at) | Err(at)) = place;
        let updated = Spec {
            member: updated,
            target,
        };
        members.splice(at..at + usize::from(place.is_ok()), [updated]);
        members
    }

    /// The topics that a member reads and that exist, with their number of partitions.
    fn topic_sizes(&self, member: &ConsumerMember, image: &MetadataImage) -> BTreeMap<Uuid, i32> {
        let names = self.topics_of(member).into_iter();
        let topics = names.filter_map(|name| image.topic_named(name));
        topics
            .map(|topic| (topic.id, i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)))
            .collect()
    }
}
