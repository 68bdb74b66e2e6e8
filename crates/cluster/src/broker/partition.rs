//! One partition as this broker hosts it.

use std::collections::VecDeque;

use kafka_sim_core::{BrokerId, Offset, SimTime, SmallMap, TopicPartition};
use smallvec::SmallVec;

use super::Ctx;
use super::isr::IsrState;
use crate::event::Event;
use crate::log::Log;
use crate::peer::{PartitionState, Tp};

/// A hosted replica.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) tp: Tp,
    pub(crate) name: TopicPartition,
    pub(crate) log: Log,
    /// First offset not known to be on every in-sync replica.
    pub(crate) high_watermark: Offset,
    pub(crate) leader_epoch: i32,
    pub(crate) partition_epoch: i32,
    /// Assigned replicas, preferred leader first.
    pub(crate) replicas: Vec<BrokerId>,
    pub(crate) isr: IsrState,
    pub(crate) role: Role,
    /// `min.insync.replicas` of the topic, before it is capped by the number of replicas.
    pub(crate) min_insync_replicas: usize,
    /// Parked acks=all produces that wait for the high watermark, oldest first.
    pub(crate) waiting_produces: SmallVec<[u64; 2]>,
    /// Parked consumer fetches that include this partition.
    pub(crate) waiting_fetches: SmallVec<[u64; 2]>,
    /// High watermark as last written to the checkpoint file.
    pub(crate) checkpointed_hw: Offset,
    /// Where the part of the log ends that is compacted, as the checkpoint file has it.
    pub(crate) cleaned_to: Option<Offset>,
    /// A batch cannot be read, so the log is left alone by the cleaners.
    pub(crate) uncleanable: bool,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
    /// Its log was compared with the leader's since it began to follow.
    #[cfg(feature = "mutants")]
    pub(crate) compared: bool,
}

/// What this replica is to its partition.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Leader(Leading),
    Follower { leader: Option<BrokerId> },
}

/// What a leader knows.
#[derive(Clone, Debug)]
pub(crate) struct Leading {
    /// Log end when this leader's epoch began.
    pub(crate) epoch_start: Offset,
    pub(crate) remotes: SmallMap<BrokerId, Remote>,
    /// While fsyncs of the tail run, the leader's own log end counts only up to the first of these. Each is held back
    /// by its own fsync alone: were it by all that follow, steady load would never let anything be counted.
    pub(crate) unflushed: VecDeque<(SimTime, Offset)>,
    pub(crate) recovering: bool,
}

/// A follower as its leader sees it (Replica.scala).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    /// Offset of its last fetch; −1 before the first.
    pub(crate) log_end: Offset,
    pub(crate) log_start: Offset,
    pub(crate) last_fetch: SimTime,
    /// The leader's log end at its last fetch.
    pub(crate) leader_end_at_fetch: Offset,
    /// `None`: never.
    pub(crate) last_caught_up: Option<SimTime>,
    pub(crate) broker_epoch: i64,
}

impl Remote {
    /// Neither far behind nor silent (section "in-sync definition": log ends equal, or caught up recently).
    pub(crate) fn is_caught_up(&self, leader_end: Offset, now: SimTime, lag: std::time::Duration) -> bool {
        self.log_end == leader_end || self.last_caught_up.is_some_and(|at| now - at <= lag)
    }
}

impl Partition {
    pub(crate) fn new(tp: Tp, name: TopicPartition, log: Log, high_watermark: Offset) -> Self {
        let high_watermark = high_watermark.clamp(log.log_start_offset(), log.log_end_offset());
        Partition {
            tp,
            name,
            log,
            high_watermark,
            leader_epoch: -1,
            partition_epoch: -1,
            replicas: Vec::new(),
            isr: IsrState::default(),
            role: Role::Follower { leader: None },
            min_insync_replicas: 1,
            waiting_produces: SmallVec::new(),
            waiting_fetches: SmallVec::new(),
            checkpointed_hw: high_watermark,
            cleaned_to: None,
            uncleanable: false,
            #[cfg(feature = "mutants")]
            mutant: None,
            #[cfg(feature = "mutants")]
            compared: false,
        }
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn with_mutant(mut self, mutant: Option<crate::mutant::Mutant>) -> Self {
        self.mutant = mutant;
        self.log.mutant = mutant;
        self
    }

    /// A follower does not compare its log with the leader's, or not again.
    #[cfg(feature = "mutants")]
    pub(crate) fn compares_no_epochs(&self) -> bool {
        use crate::mutant::Mutant;
        match self.mutant {
            Some(Mutant::TruncateToHighWatermark) => true,
            Some(Mutant::SingleShotTruncation | Mutant::NoFetchEpochFencing | Mutant::SkippedTruncation) => {
                self.compared
            }
            _ => false,
        }
    }

    pub(crate) fn adopt(&mut self, state: &PartitionState) {
        self.partition_epoch = state.partition_epoch;
        self.leader_epoch = state.leader_epoch;
        self.replicas.clone_from(&state.replicas);
        self.isr.commit(&state.isr);
    }

    /// min(`min.insync.replicas`, assigned replicas)
    pub(crate) fn effective_min_isr(&self) -> usize {
        self.min_insync_replicas.min(self.replicas.len())
    }

    /// Puts the segments that were begun into the trace.
    pub(crate) fn tell_rolls(&mut self, ctx: &mut Ctx<'_>, broker: BrokerId) {
        for base in self.log.take_rolled() {
            ctx.event(Event::SegmentRolled {
                broker,
                tp: self.tp,
                base,
            });
        }
    }

    pub(crate) fn leading(&self) -> Option<&Leading> {
        match &self.role {
            Role::Leader(leading) => Some(leading),
            Role::Follower { .. } => None,
        }
    }

    pub(crate) fn leading_mut(&mut self) -> Option<&mut Leading> {
        match &mut self.role {
            Role::Leader(leading) => Some(leading),
            Role::Follower { .. } => None,
        }
    }

    pub(crate) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Last stable offset. Without transactions it is the high watermark.
    pub(crate) fn last_stable_offset(&self) -> Offset {
        self.high_watermark
    }
}
