//! Replicas of new partitions, given by hand or placed (ReplicationControlManager.validateManualPartitionAssignment).

use kafka_sim_core::{BrokerId, ErrorCode};

use super::placement::Placer;
use super::{Controller, refuse};
use crate::peer::{PartitionState, Refusal};

/// Partitions that one request may add, over all its topics.
pub(super) const MAX_PARTITIONS_PER_REQUEST: usize = 10_000;

impl Controller {
    /// Checks replicas given by hand and makes a partition of them.
    pub(super) fn partition_by_hand(
        &self,
        partition: usize,
        replicas: &[BrokerId],
        replication_factor: Option<usize>,
    ) -> Result<PartitionState, Refusal> {
        let invalid = |message: String| Err(refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message));
        if replicas.is_empty() {
            return invalid("A partition is assigned to no broker.".to_owned());
        }
        if let Some(unknown) = replicas
            .iter()
            .find(|replica| !self.image.brokers.contains_key(replica))
        {
            return invalid(format!(
                "A partition is assigned to broker {unknown}, which is not registered."
            ));
        }
        if let Some((_, twice)) = replicas
            .iter()
            .enumerate()
            .find(|(at, replica)| replicas[..*at].contains(replica))
        {
            return invalid(format!("A partition is assigned to broker {twice} more than once."));
        }
        if replication_factor.is_some_and(|factor| factor != replicas.len()) {
            return invalid(format!(
                "Partition {partition} is assigned {} replica(s), unlike other partitions.",
                replicas.len()
            ));
        }
        self.new_partition(replicas.to_vec()).ok_or_else(|| {
            let message = format!("No broker that partition {partition} is assigned to is active.");
            refuse(ErrorCode::INVALID_REPLICA_ASSIGNMENT, message)
        })
    }

    /// Places replicas on the registered brokers.
    pub(super) fn place_partitions(
        &mut self,
        partitions: usize,
        replication_factor: usize,
    ) -> Result<Vec<PartitionState>, Refusal> {
        let brokers = self
            .image
            .brokers
            .values()
            .filter(|state| !state.in_controlled_shutdown);
        let unable = |reason: &str| {
            let message = format!("No place for {replication_factor} replica(s): {reason}");
            refuse(ErrorCode::INVALID_REPLICATION_FACTOR, message)
        };
        let mut placer = Placer::new(brokers, &mut self.rng);
        placer.check(replication_factor).map_err(|reason| unable(&reason))?;
        let placed: Vec<_> = (0..partitions)
            .map(|_| placer.place(replication_factor, &mut self.rng))
            .collect();
        let states = placed
            .into_iter()
            .map(|replicas| self.new_partition(replicas))
            .collect::<Option<_>>();
        states.ok_or_else(|| unable("No assigned broker is active."))
    }

    /// A partition at its beginning: in sync are the active replicas, the first of them leads.
    fn new_partition(&self, replicas: Vec<BrokerId>) -> Option<PartitionState> {
        let isr: Vec<BrokerId> = replicas
            .iter()
            .copied()
            .filter(|&replica| self.is_active(replica))
            .collect();
        Some(PartitionState {
            leader: Some(*isr.first()?),
            replicas,
            isr,
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader_epoch: 0,
            partition_epoch: 0,
            recovering: false,
        })
    }
}
