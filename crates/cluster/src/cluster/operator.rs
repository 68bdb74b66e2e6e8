//! What an operator asks of the controller, by the same way as the requests of admin clients.

use std::sync::Arc;

use super::Cluster;
use crate::peer::{AdminRequest, ElectionType, MetadataImage, NewTopic, TopicRef};

impl Cluster {
    pub(super) fn elect(&mut self, election: ElectionType, topic: &str, partition: i32) {
        self.administer(AdminRequest::ElectLeaders {
            election,
            partitions: Some(vec![(topic.into(), partition)]),
        });
    }

    pub(super) fn add_partitions(&mut self, topic: &str, total: i32) {
        self.administer(AdminRequest::CreatePartitions {
            topics: vec![(topic.into(), total, None)],
            validate_only: false,
        });
    }

    /// Deletes a topic. Returns what it would take to have it again, unless it is still there or never was.
    pub(super) fn delete_topic(&mut self, name: &str) -> Option<NewTopic> {
        let (id, again) = like(self.controller.image(), name)?;
        self.administer(AdminRequest::DeleteTopics(vec![TopicRef::Id(id)]));
        let gone = !self.controller.image().topics.contains_key(&id);
        gone.then_some(again)
    }

    /// Creates a topic anew, unless somebody else has done so.
    pub(super) fn create_topic(&mut self, topic: NewTopic) {
        self.administer(AdminRequest::CreateTopics {
            topics: vec![topic],
            validate_only: false,
        });
    }
}

/// A topic's id, and a new one of the same name, partitions, replicas and overrides.
fn like(image: &MetadataImage, name: &str) -> Option<(uuid::Uuid, NewTopic)> {
    let topic = image.topic_named(name)?;
    let overrides = image.overrides(&topic.name);
    let configs = overrides.into_iter().flatten();
    let configs = configs.map(|(key, value)| (key.clone(), Some(Arc::clone(value))));
    let again = NewTopic {
        name: topic.name.clone(),
        partitions: i32::try_from(topic.partitions.len()).expect("partition indexes are 32-bit"),
        replication_factor: i16::try_from(topic.partitions[0].replicas.len()).expect("it was an int16 when created"),
        assignment: Vec::new(),
        configs: configs.collect(),
    };
    Some((topic.id, again))
}
