//! ElectLeaders (ReplicationControlManager.electLeaders).

use std::sync::Arc;

use kafka_sim_core::ErrorCode;

use super::election::Election;
use super::publish::Changes;
use super::{Controller, refuse};
use crate::peer::{ElectionType, MetadataRecord, Refusal, Tp};

/// Topic, partition and outcome.
type Outcome = (Arc<str>, i32, Result<(), Refusal>);

impl Controller {
    /// Elects leaders of the given partitions. Without a list, of all, and the answer leaves out those that need none.
    pub(super) fn elect_leaders(
        &mut self,
        election: ElectionType,
        partitions: Option<Vec<(Arc<str>, i32)>>,
        changes: &mut Changes,
    ) -> Vec<Outcome> {
        let only_needed = partitions.is_none();
        let partitions = partitions.unwrap_or_else(|| self.all_partitions());
        let outcomes = partitions.into_iter().map(|(name, partition)| {
            let outcome = self.elect_leader(election, &name, partition, changes);
            (name, partition, outcome)
        });
        let not_needed =
            |outcome: &Outcome| matches!(&outcome.2, Err(refusal) if refusal.code == ErrorCode::ELECTION_NOT_NEEDED);
        outcomes
            .filter(|outcome| !only_needed || !not_needed(outcome))
            .collect()
    }

    fn all_partitions(&self) -> Vec<(Arc<str>, i32)> {
        let topics = self.image.names.values().filter_map(|id| self.image.topics.get(id));
        topics
            .flat_map(|topic| {
                (0..)
                    .zip(&topic.partitions)
                    .map(|(index, _)| (topic.name.clone(), index))
            })
            .collect()
    }

    fn elect_leader(
        &mut self,
        election: ElectionType,
        name: &str,
        partition: i32,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        let unknown = || {
            refuse(
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                format!("There is no partition {name}-{partition}."),
            )
        };
        let topic = self.image.topic_named(name).ok_or_else(unknown)?;
        let tp = Tp {
            topic: topic.id,
            partition,
        };
        let current = self.image.partition(tp).ok_or_else(unknown)?;
        let (needed, how, unavailable) = match election {
            ElectionType::Preferred => (
                current.leader != current.replicas.first().copied(),
                Election::Preferred,
                ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE,
            ),
            ElectionType::Unclean => (
                current.leader.is_none(),
                Election::Unclean,
                ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE,
            ),
        };
        if !needed {
            return Err(Refusal {
                code: ErrorCode::ELECTION_NOT_NEEDED,
                message: None,
            });
        }
        let mut change = self.change_of(topic, current);
        change.election = how;
        let next = change.build(|replica| self.is_active(replica));
        let next = next.ok_or(Refusal {
            code: unavailable,
            message: None,
        })?;
        self.write(MetadataRecord::Partition(tp, next), changes);
        Ok(())
    }
}
