//! CreateTopics (ReplicationControlManager.createTopics).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_core::{BrokerId, ErrorCode};
use uuid::Uuid;

use super::assignment::MAX_PARTITIONS_PER_REQUEST;
use super::publish::Changes;
use super::topic_names::{check_topic_name, collide};
use super::{Controller, refuse};
use crate::peer::{ConfigResource, CreatedTopic, MetadataRecord, NewTopic, PartitionState, Refusal, TopicState};

/// The metadata log of Kafka's controllers; nobody may create a topic of that name.
const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

impl Controller {
    /// Creates topics, each on its own. A name that is listed twice is answered once, with a refusal.
    pub(super) fn create_topics(
        &mut self,
        topics: Vec<NewTopic>,
        validate_only: bool,
        changes: &mut Changes,
    ) -> Vec<(Arc<str>, Result<CreatedTopic, Refusal>)> {
        let too_many = self.total_partitions(&topics) > MAX_PARTITIONS_PER_REQUEST;
        let mut seen: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        topics
            .iter()
            .for_each(|topic| *seen.entry(topic.name.clone()).or_default() += 1);
        let mut answers: Vec<(Arc<str>, Result<CreatedTopic, Refusal>)> = Vec::new();
        for topic in topics {
            let name = topic.name.clone();
            let times = std::mem::take(seen.entry(name.clone()).or_default());
            let outcome = match times {
                0 => continue,
                1 if too_many => Err(refuse(
                    ErrorCode::POLICY_VIOLATION,
                    format!("A request may create at most {MAX_PARTITIONS_PER_REQUEST} partitions."),
                )),
                1 => self
                    .check_new_name(&name, &answers)
                    .and_then(|()| self.create_topic(topic, validate_only, changes)),
                _ => Err(refuse(
                    ErrorCode::INVALID_REQUEST,
                    "The topic is listed more than once.",
                )),
            };
            answers.push((name, outcome));
        }
        answers
    }

    fn total_partitions(&self, topics: &[NewTopic]) -> usize {
        let partitions = |topic: &NewTopic| match topic.partitions {
            _ if !topic.assignment.is_empty() => topic.assignment.len(),
            -1 => usize::try_from(self.defaults.num_partitions).unwrap_or(0),
            count => usize::try_from(count).unwrap_or(0),
        };
        topics.iter().map(partitions).fold(0, usize::saturating_add)
    }

    fn check_new_name(&self, name: &str, earlier: &[(Arc<str>, Result<CreatedTopic, Refusal>)]) -> Result<(), Refusal> {
        if name == CLUSTER_METADATA_TOPIC {
            let message = format!("Topic {name} belongs to the controllers and cannot be created.");
            return Err(refuse(ErrorCode::INVALID_REQUEST, message));
        }
        check_topic_name(name).map_err(|reason| {
            refuse(
                ErrorCode::INVALID_TOPIC_EXCEPTION,
                format!("Topic name is invalid: {reason}"),
            )
        })?;
        if self.image.names.contains_key(name) {
            return Err(refuse(
                ErrorCode::TOPIC_ALREADY_EXISTS,
                format!("There is a topic '{name}' already."),
            ));
        }
        let created = earlier
            .iter()
            .filter(|(_, outcome)| outcome.is_ok())
            .map(|(earlier, _)| earlier);
        match self
            .image
            .names
            .keys()
            .chain(created)
            .find(|other| collide(name, other))
        {
            Some(other) => {
                let message = format!("Topic '{name}' differs from topic '{other}' only in '.' and '_'.");
                Err(refuse(ErrorCode::INVALID_TOPIC_EXCEPTION, message))
            }
            None => Ok(()),
        }
    }

    fn create_topic(
        &mut self,
        topic: NewTopic,
        validate_only: bool,
        changes: &mut Changes,
    ) -> Result<CreatedTopic, Refusal> {
        self.check_new_topic_configs(&topic.configs)?;
        let partitions = if topic.assignment.is_empty() {
            self.automatic_partitions(&topic)?
        } else {
            self.manual_partitions(&topic)?
        };
        let created = CreatedTopic {
            id: if validate_only {
                Uuid::nil()
            } else {
                self.new_topic_id()
            },
            partitions: i32::try_from(partitions.len()).expect("a request creates 10,000 partitions at most"),
            replication_factor: i16::try_from(partitions[0].replicas.len()).unwrap_or(i16::MAX),
        };
        if !validate_only {
            let name = topic.name.clone();
            let state = TopicState {
                id: created.id,
                name: name.clone(),
                partitions,
            };
            self.write(MetadataRecord::Topic(state), changes);
            let configs: BTreeMap<Arc<str>, Option<Arc<str>>> = topic.configs.into_iter().collect();
            for (key, value) in configs {
                let resource = ConfigResource::Topic(name.clone());
                self.write(MetadataRecord::Config(resource, key, value), changes);
            }
        }
        Ok(created)
    }

    fn automatic_partitions(&mut self, topic: &NewTopic) -> Result<Vec<PartitionState>, Refusal> {
        let factor = match topic.replication_factor {
            -1 => self.defaults.default_replication_factor,
            factor => factor,
        };
        let partitions = match topic.partitions {
            -1 => self.defaults.num_partitions,
            partitions => partitions,
        };
        if factor <= 0 {
            let message = "The replication factor must be at least 1, or -1 for the default.";
            return Err(refuse(ErrorCode::INVALID_REPLICATION_FACTOR, message));
        }
        if partitions <= 0 {
            let message = "The number of partitions must be at least 1, or -1 for the default.";
            return Err(refuse(ErrorCode::INVALID_PARTITIONS, message));
        }
        self.place_partitions(
            usize::try_from(partitions).unwrap_or(0),
            usize::try_from(factor).unwrap_or(0),
        )
    }

    fn manual_partitions(&self, topic: &NewTopic) -> Result<Vec<PartitionState>, Refusal> {
        if topic.replication_factor != -1 || topic.partitions != -1 {
            let message = "With assigned replicas, partitions and replication factor must be -1.";
            return Err(refuse(ErrorCode::INVALID_REQUEST, message));
        }
        let mut by_index: BTreeMap<i32, &[BrokerId]> = BTreeMap::new();
        for (partition, replicas) in &topic.assignment {
            if by_index.insert(*partition, replicas).is_some() {
                let message = format!("Partition {partition} is assigned more than once.");
                return Err(refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
            }
        }
        if !by_index.keys().copied().eq((0..).take(by_index.len())) {
            let message = "Assigned partitions must be numbered from 0 without gaps.";
            return Err(refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        let factor = by_index[&0].len();
        by_index
            .into_values()
            .enumerate()
            .map(|(partition, replicas)| self.partition_by_hand(partition, replicas, Some(factor)))
            .collect()
    }

    /// A random id whose base64 form does not begin with a dash, which command lines would take for an option.
    fn new_topic_id(&mut self) -> Uuid {
        const DASH: u8 = 62;
        loop {
            let id = self.rng.uuid();
            if id.as_bytes()[0] >> 2 != DASH && !self.image.topics.contains_key(&id) {
                return id;
            }
        }
    }
}
