//! The in-sync replicas as a leader manages them: who leaves, who joins, and what gates the high watermark meanwhile.

use kafka_sim_core::{BrokerId, ErrorCode, SimTime};

use super::{Broker, Ctx, Partition, Role, Timer};
use crate::peer::{IsrAnswer, IsrProposal, MetadataImage, PartitionState, ToController, Tp};

/// Committed by the controller, with at most one change on its way there.
#[derive(Clone, Default, Debug)]
pub(crate) struct IsrState {
    committed: Vec<BrokerId>,
    pending: Option<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    proposed: Vec<(BrokerId, i64)>,
    /// The answer that comes next is about this one, and not about one that a metadata update has overtaken.
    sent: bool,
    /// Given up on, but still conservative until a metadata update arrives.
    abandoned: bool,
}

impl IsrState {
    pub(crate) fn committed(&self) -> &[BrokerId] {
        &self.committed
    }

    pub(crate) fn commit(&mut self, isr: &[BrokerId]) {
        self.committed.clear();
        self.committed.extend_from_slice(isr);
        self.pending = None;
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The committed set and what is about to join it: removals count only once confirmed, additions at once.
    pub(crate) fn maximal_contains(&self, id: BrokerId) -> bool {
        self.committed.contains(&id)
            || self
                .pending
                .as_ref()
                .is_some_and(|p| p.proposed.iter().any(|(b, _)| *b == id))
    }

    /// The set that the leader has proposed last.
    #[cfg(feature = "mutants")]
    pub(crate) fn proposed_contains(&self, id: BrokerId) -> bool {
        match &self.pending {
            Some(pending) => pending.proposed.iter().any(|(member, _)| *member == id),
            None => self.committed.contains(&id),
        }
    }

    /// Those that the leader waits for.
    pub(crate) fn maximal(&self) -> impl Iterator<Item = BrokerId> {
        let proposed = self.pending.iter().flat_map(|p| &p.proposed).map(|(id, _)| *id);
        let joining = proposed.filter(|id| !self.committed.contains(id));
        self.committed.iter().copied().chain(joining)
    }

    pub(crate) fn maximal_len(&self) -> usize {
        self.maximal().count()
    }
}

/// Known, unfenced, not shutting down, and fetching in its current registration (KIP-903).
pub(crate) fn is_eligible(image: &MetadataImage, id: BrokerId, fetched_with_epoch: i64) -> bool {
    image.brokers.get(&id).is_some_and(|b| {
        !b.fenced && !b.in_controlled_shutdown && (fetched_with_epoch == -1 || fetched_with_epoch == b.epoch)
    })
}

impl Broker {
    /// Asks to add a follower that has just fetched, if it has earned its place.
    pub(crate) fn maybe_expand_isr(&mut self, ctx: &mut Ctx<'_>, tp: Tp, follower: BrokerId) {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let Role::Leader(leading) = &partition.role else { return };
        let Some(remote) = leading.remotes.get(&follower) else {
            return;
        };
        if partition.isr.is_pending() || partition.isr.committed.contains(&follower) {
            return;
        }
        let caught_up = remote.log_end >= partition.high_watermark && remote.log_end >= leading.epoch_start;
        let fetched_with = remote.broker_epoch;
        #[cfg(feature = "mutants")]
        let fetched_with = match self.spec.mutant {
            Some(crate::mutant::Mutant::NoBrokerEpochCheck) => -1,
            _ => fetched_with,
        };
        if !caught_up || !is_eligible(&self.image, follower, fetched_with) {
            return;
        }
        let mut isr = partition.isr.committed.clone();
        isr.push(follower);
        self.propose_isr(ctx, tp, isr);
    }

    /// Looks for followers that neither caught up nor fetched within `replica.lag.time.max.ms`.
    pub(crate) fn shrink_isrs(&mut self, ctx: &mut Ctx<'_>) {
        let lag = self.config.replica_lag_time_max;
        self.timers.set_after(ctx.now, lag / 2, Timer::IsrShrink);
        let id = self.id();
        let shrunk: Vec<(Tp, Vec<BrokerId>)> = self
            .partitions
            .values()
            .filter_map(|partition| Some((partition.tp, without_laggards(partition, id, ctx.now, lag)?)))
            .collect();
        for (tp, isr) in shrunk {
            self.propose_isr(ctx, tp, isr);
        }
    }

    fn propose_isr(&mut self, ctx: &mut Ctx<'_>, tp: Tp, isr: Vec<BrokerId>) {
        let (own_id, own_epoch) = (self.id(), self.broker_epoch);
        let image = &self.image;
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let Role::Leader(leading) = &partition.role else { return };
        let epoch_of = |id: BrokerId| match leading.remotes.get(&id) {
            _ if id == own_id => own_epoch,
            Some(remote) if remote.broker_epoch != -1 => remote.broker_epoch,
            _ => image.brokers.get(&id).map_or(-1, |b| b.epoch),
        };
        let proposed = isr.into_iter().map(|id| (id, epoch_of(id))).collect();
        partition.isr.pending = Some(Pending {
            proposed,
            sent: false,
            abandoned: false,
        });
        self.controller.queue_isr(tp);
        self.send_isr_proposals(ctx);
    }

    /// Reports that a partition that was elected uncleanly has recovered (leader recovery state RECOVERED).
    pub(crate) fn report_recovered(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        let isr = partition.isr.committed.clone();
        self.propose_isr(ctx, tp, isr);
    }

    /// Sends every queued proposal in one AlterPartition, unless one is in flight.
    pub(crate) fn send_isr_proposals(&mut self, ctx: &mut Ctx<'_>) {
        if self.broker_epoch < 0 || !self.controller.may_send_isr() {
            return;
        }
        let queued = self.controller.take_queued_isr();
        let proposals: Vec<IsrProposal> = queued
            .into_iter()
            .filter_map(|tp| self.partitions.get_mut(&tp).and_then(take_proposal))
            .collect();
        if proposals.is_empty() {
            return;
        }
        let tps = proposals.iter().map(|p| p.tp).collect();
        let message = ToController::AlterPartition {
            broker_epoch: self.broker_epoch,
            proposals,
        };
        self.send_alter_partition(ctx, message, tps);
    }

    /// The controller's answer to one AlterPartition, or `None` when there was none.
    pub(crate) fn on_isr_answer(&mut self, ctx: &mut Ctx<'_>, sent: &[Tp], answer: Option<IsrAnswer>) {
        let Some(Ok(results)) = answer else {
            for tp in sent {
                self.controller.queue_isr(*tp);
            }
            self.timers
                .set(ctx.now + std::time::Duration::from_millis(50), Timer::AlterPartition);
            return;
        };
        for (tp, result) in results {
            self.on_isr_result(ctx, tp, result);
        }
        self.send_isr_proposals(ctx);
    }

    fn on_isr_result(&mut self, ctx: &mut Ctx<'_>, tp: Tp, result: Result<PartitionState, ErrorCode>) {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let answered = |pending: &Pending| pending.sent && !pending.abandoned;
        if !partition.isr.pending.as_ref().is_some_and(answered) {
            return;
        }
        match result {
            Ok(state) => {
                // An equal partition epoch means that there was nothing to change, which settles the proposal as well.
                if state.leader_epoch != partition.leader_epoch || state.partition_epoch < partition.partition_epoch {
                    return;
                }
                partition.partition_epoch = state.partition_epoch;
                partition.isr.commit(&state.isr);
                if let Some(leading) = partition.leading_mut() {
                    leading.recovering = state.recovering;
                }
                self.advance_high_watermark(ctx, tp);
                self.complete_produces(ctx, tp);
            }
            Err(ErrorCode::OPERATION_NOT_ATTEMPTED | ErrorCode::INELIGIBLE_REPLICA) => partition.isr.pending = None,
            Err(
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                | ErrorCode::UNKNOWN_TOPIC_ID
                | ErrorCode::FENCED_LEADER_EPOCH
                | ErrorCode::INVALID_UPDATE_VERSION
                | ErrorCode::INVALID_REQUEST
                | ErrorCode::NEW_LEADER_ELECTED,
            ) => {
                if let Some(pending) = &mut partition.isr.pending {
                    pending.abandoned = true;
                }
            }
            Err(_) => self.controller.queue_isr(tp),
        }
    }
}

fn take_proposal(partition: &mut Partition) -> Option<IsrProposal> {
    let Role::Leader(leading) = &partition.role else {
        return None;
    };
    let pending = partition.isr.pending.as_mut().filter(|p| !p.abandoned)?;
    pending.sent = true;
    Some(IsrProposal {
        tp: partition.tp,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        isr: pending.proposed.clone(),
        recovering: leading.recovering && pending.proposed.len() == 1 && partition.high_watermark < leading.epoch_start,
    })
}

fn without_laggards(
    partition: &Partition,
    own: BrokerId,
    now: SimTime,
    lag: std::time::Duration,
) -> Option<Vec<BrokerId>> {
    let Role::Leader(leading) = &partition.role else {
        return None;
    };
    if partition.isr.is_pending() {
        return None;
    }
    let leader_end = partition.log.log_end_offset();
    let in_sync = |id: &BrokerId| {
        *id == own
            || leading
                .remotes
                .get(id)
                .is_some_and(|remote| remote.is_caught_up(leader_end, now, lag))
    };
    let left: Vec<BrokerId> = partition.isr.committed.iter().copied().filter(in_sync).collect();
    (left.len() < partition.isr.committed.len()).then_some(left)
}

#[cfg(test)]
mod tests;
