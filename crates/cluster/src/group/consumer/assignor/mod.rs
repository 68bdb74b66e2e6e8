//! The assignors of the coordinator: who is to own what.

mod balancer;
mod heterogeneous;
mod range;
mod uniform;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{ConsumerGroup, ConsumerMember};
use crate::config::{BrokerConfig, list_items};
use crate::group::words::Parts;
use crate::peer::MetadataImage;

const ASSIGNORS: &str = "group.consumer.assignors";

/// A member as an assignor sees it.
pub(crate) struct Spec<'a> {
    pub(crate) member: &'a ConsumerMember,
    /// What it was to own so far, if that was ever worked out.
    pub(crate) target: Option<&'a Arc<Parts>>,
}

/// The members of a group as an assignor sees them, by id.
pub(crate) struct Specs<'a> {
    pub(crate) group: &'a ConsumerGroup,
    pub(crate) members: Vec<Spec<'a>>,
    /// All of them read the same topics.
    pub(crate) is_homogeneous: bool,
}

/// Names of the assignors that are on.
pub(crate) fn enabled(config: &BrokerConfig) -> impl Iterator<Item = &str> {
    list_items(config.value(ASSIGNORS).unwrap_or_default())
}

/// The assignor of groups whose members name none.
pub(crate) fn default(config: &BrokerConfig) -> &str {
    enabled(config).next().unwrap_or("uniform")
}

/// What each member is to own, in the order of their ids.
pub(crate) fn assign(assignor: &str, specs: &Specs<'_>, image: &MetadataImage) -> Vec<Arc<Parts>> {
    match (assignor, specs.is_homogeneous) {
        ("range", _) => range::assign(specs, image),
        (_, true) => uniform::assign(specs, image),
        (_, false) => heterogeneous::assign(specs, image),
    }
}

impl ConsumerGroup {
    /// All members by id, each with what it is to own so far.
    pub(crate) fn specs(&self) -> Vec<Spec<'_>> {
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
}

impl Specs<'_> {
    /// The topics that a member reads and that exist, with their number of partitions.
    fn topics_of(&self, member: &ConsumerMember, image: &MetadataImage) -> BTreeMap<Uuid, i32> {
        let names = self.group.topics_of(member).into_iter();
        let topics = names.filter_map(|name| image.topic_named(name));
        topics
            .map(|topic| (topic.id, i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)))
            .collect()
    }
}
