//! AlterPartition: a leader proposes a new ISR (ReplicationControlManager.alterPartition).

use kafka_sim_core::{BrokerId, ErrorCode};

use super::Controller;
use super::publish::Changes;
use crate::peer::{IsrProposal, MetadataRecord, PartitionState, Tp};

/// A partition, and its state now or why the proposal was refused.
type Answer = (Tp, Result<PartitionState, ErrorCode>);

impl Controller {
    /// Judges each proposal on its own; the accepted ones become one batch.
    pub(super) fn alter_partition(
        &mut self,
        from: BrokerId,
        broker_epoch: i64,
        proposals: &[IsrProposal],
        changes: &mut Changes,
    ) -> Result<Vec<Answer>, ErrorCode> {
        self.check_broker_epoch(from, broker_epoch)?;
        let mut answers = Vec::with_capacity(proposals.len());
        for proposal in proposals {
            answers.push((proposal.tp, self.propose_isr(from, proposal, changes)));
        }
        Ok(answers)
    }

    fn propose_isr(
        &mut self,
        from: BrokerId,
        proposal: &IsrProposal,
        changes: &mut Changes,
    ) -> Result<PartitionState, ErrorCode> {
        let topic = self
            .image
            .topics
            .get(&proposal.tp.topic)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
        let current = self
            .image
            .partition(proposal.tp)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        check_epochs(from, proposal, current)?;
        check_members(proposal, current)?;
        if !proposal
            .isr
            .iter()
            .all(|&(replica, epoch)| self.may_join_isr(replica, epoch))
        {
            return Err(ErrorCode::INELIGIBLE_REPLICA);
        }
        let mut change = self.change_of(topic, current);
        change.isr = proposal.isr.iter().map(|(replica, _)| *replica).collect();
        change.recovering = proposal.recovering;
        let Some(next) = change.build(|replica| self.is_active(replica)) else {
            return Ok(current.clone());
        };
        self.write(MetadataRecord::Partition(proposal.tp, next.clone()), changes);
        if next.leader == Some(from) {
            Ok(next)
        } else {
            Err(ErrorCode::NEW_LEADER_ELECTED)
        }
    }

    /// A member must be in service, in the very incarnation that the leader has seen.
    fn may_join_isr(&self, replica: BrokerId, epoch: i64) -> bool {
        #[cfg(feature = "mutants")]
        let epoch = match self.mutant {
            Some(crate::mutant::Mutant::NoBrokerEpochCheck) => -1,
            _ => epoch,
        };
        self.image.brokers.get(&replica).is_some_and(|state| {
            !state.fenced && !state.in_controlled_shutdown && (epoch == -1 || epoch == state.epoch)
        })
    }
}

fn check_epochs(from: BrokerId, proposal: &IsrProposal, current: &PartitionState) -> Result<(), ErrorCode> {
    if proposal.leader_epoch > current.leader_epoch || proposal.partition_epoch > current.partition_epoch {
        return Err(ErrorCode::NOT_CONTROLLER);
    }
    if proposal.leader_epoch < current.leader_epoch {
        return Err(ErrorCode::FENCED_LEADER_EPOCH);
    }
    if current.leader != Some(from) {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    if proposal.partition_epoch < current.partition_epoch {
        return Err(ErrorCode::INVALID_UPDATE_VERSION);
    }
    Ok(())
}

fn check_members(proposal: &IsrProposal, current: &PartitionState) -> Result<(), ErrorCode> {
    let members: Vec<BrokerId> = proposal.isr.iter().map(|(replica, _)| *replica).collect();
    let assigned = members.iter().all(|member| current.replicas.contains(member));
    let repeated = members
        .iter()
        .enumerate()
        .any(|(at, member)| members[..at].contains(member));
    let has_leader = current.leader.is_some_and(|leader| members.contains(&leader));
    let grows_while_recovering = proposal.recovering && members.len() > 1;
    let falls_back_into_recovery = proposal.recovering && !current.recovering;
    if !assigned || repeated || !has_leader || grows_while_recovering || falls_back_into_recovery {
        return Err(ErrorCode::INVALID_REQUEST);
    }
    Ok(())
}
