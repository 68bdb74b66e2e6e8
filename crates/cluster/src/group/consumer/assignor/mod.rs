//! The assignors of the coordinator: who is to own what.

mod balancer;
mod heterogeneous;
mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::ConsumerMember;
use crate::config::{BrokerConfig, list_items};
use crate::group::words::{Parts, Text};
use crate::peer::MetadataImage;

const ASSIGNORS: &str = "group.consumer.assignors";

/// A member as an assignor sees it.
pub(crate) struct Spec<'a> {
    pub(crate) member: &'a ConsumerMember,
    /// Names of the topics it reads.
    pub(crate) topics: BTreeSet<&'a Text>,
    /// What it was to own so far.
    pub(crate) target: Arc<Parts>,
}

/// Names of the assignors that are on.
pub(crate) fn enabled(config: &BrokerConfig) -> impl Iterator<Item = &str> {
    list_items(config.value(ASSIGNORS).unwrap_or_default())
}

/// The assignor of groups whose members name none.
pub(crate) fn default(config: &BrokerConfig) -> &str {
    enabled(config).next().unwrap_or("uniform")
}

/// What each member is to own, in the order of `specs`, which are sorted by member id. `targets` is what everybody was
/// to own so far, those who leave included.
pub(crate) fn assign(
    assignor: &str,
    specs: &[Spec<'_>],
    targets: &BTreeMap<Text, Arc<Parts>>,
    is_homogeneous: bool,
    image: &MetadataImage,
) -> Vec<Arc<Parts>> {
    match (assignor, is_homogeneous) {
        ("range", _) => range::assign(specs, image),
        (_, true) => uniform::assign(specs, targets, image),
        (_, false) => heterogeneous::assign(specs, image),
    }
}

/// Those topics that exist, with their number of partitions.
fn existing(topics: &BTreeSet<&Text>, image: &MetadataImage) -> BTreeMap<Uuid, i32> {
    let topics = topics.iter().filter_map(|name| image.topic_named(name));
    topics
        .map(|topic| (topic.id, i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)))
        .collect()
}
