//! CreatePartitions (ReplicationControlManager.createPartitions).

use std::sync::Arc;

use kafka_sim_core::{BrokerId, ErrorCode};

use super::assignment::MAX_PARTITIONS_PER_REQUEST;
use super::publish::Changes;
use super::{Controller, refuse};
use crate::peer::{MetadataRecord, PartitionState, Refusal, Tp};

/// Topic, its new total of partitions, and the replicas of the added ones if given by hand.
type Growth = (Arc<str>, i32, Option<Vec<Vec<BrokerId>>>);

impl Controller {
    /// Adds partitions to topics, each on its own. A topic that is listed twice is answered once, with a refusal.
    pub(super) fn create_partitions(
        &mut self,
        topics: Vec<Growth>,
        validate_only: bool,
        changes: &mut Changes,
    ) -> Vec<(Arc<str>, Result<(), Refusal>)> {
        let mut answers: Vec<(Arc<str>, Result<(), Refusal>)> = Vec::new();
        let mut room = MAX_PARTITIONS_PER_REQUEST;
        for (name, total, assignment) in &topics {
            if answers.iter().any(|(answered, _)| answered == name) {
                continue;
            }
            let outcome = if topics.iter().filter(|(other, ..)| other == name).count() > 1 {
                Err(refuse(
                    ErrorCode::INVALID_REQUEST,
                    "The topic is listed more than once.",
                ))
            } else {
                self.added_partitions(name, *total, assignment.as_deref(), &mut room)
            };
            let outcome = outcome.map(|records| {
                if !validate_only {
                    records.into_iter().for_each(|record| self.write(record, changes));
                }
            });
            answers.push((name.clone(), outcome));
        }
        answers
    }

    fn added_partitions(
        &mut self,
        name: &str,
        total: i32,
        assignment: Option<&[Vec<BrokerId>]>,
        room: &mut usize,
    ) -> Result<Vec<MetadataRecord>, Refusal> {
        let topic = self.image.topic_named(name).ok_or_else(|| {
            refuse(
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                format!("There is no topic {name}."),
            )
        })?;
        let (id, present, factor) = (topic.id, topic.partitions.len(), topic.partitions[0].replicas.len());
        let added = usize::try_from(total)
            .ok()
            .and_then(|total| total.checked_sub(present))
            .filter(|&added| added > 0);
        let Some(added) = added else {
            let message = format!("Topic {name} has {present} partition(s), and {total} is not more.");
            return Err(refuse(ErrorCode::INVALID_PARTITIONS, message));
        };
        if assignment.is_some_and(|assignment| assignment.len() != added) {
            let message = format!("There must be one assignment for each of {added} new partition(s).");
            return Err(refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        }
        *room = room.checked_sub(added).ok_or_else(|| {
            refuse(
                ErrorCode::POLICY_VIOLATION,
                format!("A request may add at most {MAX_PARTITIONS_PER_REQUEST} partitions."),
            )
        })?;
        let states: Vec<PartitionState> = match assignment {
            Some(assignment) => (present..)
                .zip(assignment)
                .map(|(partition, replicas)| self.partition_by_hand(partition, replicas, Some(factor)))
                .collect::<Result<_, _>>()?,
            None => self.place_partitions(added, factor)?,
        };
        let first = i32::try_from(present).expect("partition indexes are 32-bit");
        Ok((first..)
            .zip(states)
            .map(|(partition, state)| MetadataRecord::Partition(Tp { topic: id, partition }, state))
            .collect())
    }
}
