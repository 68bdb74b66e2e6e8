//! Groups as the view of a cluster shows them.

use kafka_sim_core::TopicPartition;

use super::classic::Group;
use super::consumer::ConsumerGroup;
use super::records::{NamedParts, assignment};
use crate::broker::Broker;
use crate::peer::MetadataImage;
use crate::view::{GroupKind, GroupMemberView, GroupView};

impl Broker {
    /// Every group of the loaded shards.
    pub(crate) fn view_groups(&self) -> Vec<GroupView> {
        let mut groups = Vec::new();
        for shard in self.groups.shards.values().filter_map(|hosted| hosted.shard.as_deref()) {
            groups.extend(shard.groups.values().map(|group| self.view_classic(group)));
            groups.extend(shard.consumer_groups.values().map(|group| self.view_consumer(group)));
        }
        groups
    }

    fn view_classic(&self, group: &Group) -> GroupView {
        let members = group.members.values().map(|member| {
            let bytes = if group.is_of_consumers() {
                member.assignment.clone()
            } else {
                bytes::Bytes::new()
            };
            GroupMemberView {
                id: member.id.clone(),
                instance: member.instance.clone(),
                host: member.client_host.clone(),
                epoch: group.generation,
                assignment: listed(assignment(bytes).unwrap_or_default()),
            }
        });
        GroupView {
            group: group.id.clone(),
            coordinator: self.id(),
            kind: GroupKind::Classic,
            state: group.state.name(),
            epoch: group.generation,
            members: members.collect(),
        }
    }

    fn view_consumer(&self, group: &ConsumerGroup) -> GroupView {
        let members = group.members.values().map(|member| GroupMemberView {
            id: member.id.clone(),
            instance: member.instance().cloned(),
            host: member.metadata.client_host.clone(),
            epoch: member.epoch,
            assignment: listed(named(&member.assigned, &self.image)),
        });
        GroupView {
            group: group.id.clone(),
            coordinator: self.id(),
            kind: GroupKind::Consumer,
            state: group.state(),
            epoch: group.epoch,
            members: members.collect(),
        }
    }
}

/// Partitions by name of the topic, without topics that are gone.
pub(super) fn named(parts: &super::words::Parts, image: &MetadataImage) -> NamedParts {
    let named = parts.iter().filter_map(|(id, indexes)| {
        let topic = image.topics.get(id)?;
        Some((topic.name.clone(), indexes.clone()))
    });
    named.collect()
}

fn listed(parts: NamedParts) -> Vec<TopicPartition> {
    let mut listed: Vec<TopicPartition> = parts
        .into_iter()
        .flat_map(|(topic, indexes)| {
            indexes.into_iter().map(move |partition| TopicPartition {
                topic: topic.clone(),
                partition,
            })
        })
        .collect();
    listed.sort();
    listed
}
