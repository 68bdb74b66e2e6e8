//! Becoming leader or follower of a partition (Partition.makeLeader, Partition.makeFollower).

use std::collections::VecDeque;

use kafka_sim_core::BrokerId;

use super::follower_fetch::fresh_remote;
use super::{Broker, Ctx, Fetcher, Leading, Role};
use crate::event::Event;
use crate::peer::{PartitionState, Tp};

impl Broker {
    /// Adopts a newer state of a hosted partition. Older partition epochs are ignored.
    pub(crate) fn take_role(&mut self, ctx: &mut Ctx<'_>, tp: Tp, state: &PartitionState) {
        let id = self.id();
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        if state.partition_epoch < partition.partition_epoch || state.leader_epoch < partition.leader_epoch {
            return;
        }
        let new_epoch = state.leader_epoch > partition.leader_epoch;
        #[cfg(feature = "mutants")]
        let new_epoch = new_epoch && !skips_truncation(self.spec.mutant, id, &partition.role, state);
        if state.leader == Some(id) {
            if new_epoch || !partition.is_leader() {
                self.become_leader(ctx, tp, state);
            } else {
                self.refresh_leader(ctx, tp, state);
            }
        } else if new_epoch || partition.is_leader() || state.leader != followed(&partition.role) {
            self.become_follower(ctx, tp, state);
        } else if let Some(partition) = self.partitions.get_mut(&tp) {
            #[cfg(feature = "mutants")]
            if state.leader_epoch > partition.leader_epoch
                && let Some(leader) = state.leader
            {
                self.fetchers.get_or_insert_with(leader, Fetcher::default).add(tp);
            }
            partition.adopt(state);
        }
    }

    fn become_leader(&mut self, ctx: &mut Ctx<'_>, tp: Tp, state: &PartitionState) {
        let (id, now) = (self.id(), ctx.now);
        self.leave_fetcher(tp);
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        partition.adopt(state);
        let epoch_start = partition.log.log_end_offset();
        if partition
            .log
            .assign_epoch(ctx.disk, state.leader_epoch, epoch_start, now)
            .is_err()
        {
            return self.fail_log_dir(ctx);
        }
        let remotes = state
            .replicas
            .iter()
            .filter(|r| **r != id)
            .map(|r| (*r, fresh_remote(now, state.isr.contains(r))))
            .collect();
        partition.role = Role::Leader(Leading {
            epoch_start,
            remotes,
            unflushed: VecDeque::new(),
            recovering: state.recovering,
        });
        let hw = partition.high_watermark;
        ctx.event(Event::BecameLeader {
            broker: id,
            tp,
            leader_epoch: state.leader_epoch,
            log_end: epoch_start,
            hw,
        });
        for follower in self.followers.values_mut() {
            follower.mark_changed(tp);
        }
        self.advance_high_watermark(ctx, tp);
        self.complete_produces(ctx, tp);
        self.complete_fetches(ctx, tp);
        self.coordinator_elected(ctx, tp);
        if state.recovering {
            self.report_recovered(ctx, tp);
        }
    }

    /// Same leader epoch, newer partition epoch: the ISR or the replicas changed.
    fn refresh_leader(&mut self, ctx: &mut Ctx<'_>, tp: Tp, state: &PartitionState) {
        let id = self.id();
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        if state.partition_epoch == partition.partition_epoch {
            return;
        }
        partition.adopt(state);
        if let Some(leading) = partition.leading_mut() {
            leading.remotes.retain(|r, _| state.replicas.contains(r));
            for replica in state.replicas.iter().filter(|r| **r != id) {
                let fresh = || fresh_remote(ctx.now, state.isr.contains(replica));
                leading.remotes.get_or_insert_with(*replica, fresh);
            }
        }
        self.advance_high_watermark(ctx, tp);
        self.complete_produces(ctx, tp);
    }

    fn become_follower(&mut self, ctx: &mut Ctx<'_>, tp: Tp, state: &PartitionState) {
        let id = self.id();
        self.leave_fetcher(tp);
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        partition.adopt(state);
        partition.role = Role::Follower { leader: state.leader };
        #[cfg(feature = "mutants")]
        {
            partition.compared = false;
        }
        // Without any epoch the log says nothing about which leader wrote it: only the high watermark is safe.
        let tells_nothing = partition.log.latest_epoch().is_none();
        #[cfg(feature = "mutants")]
        let tells_nothing = tells_nothing || self.spec.mutant == Some(crate::mutant::Mutant::TruncateToHighWatermark);
        if tells_nothing && partition.log.log_end_offset() > partition.high_watermark {
            let (from, target) = (partition.log.log_end_offset(), partition.high_watermark);
            ctx.event(Event::Truncated {
                broker: id,
                tp,
                from,
                to: target,
            });
            if partition.log.truncate_to(ctx.disk, target, ctx.now).is_err() {
                return self.fail_log_dir(ctx);
            }
        }
        ctx.event(Event::BecameFollower {
            broker: id,
            tp,
            leader: state.leader,
            leader_epoch: state.leader_epoch,
        });
        self.coordinator_resigned(ctx, tp);
        self.complete_produces(ctx, tp);
        self.complete_fetches(ctx, tp);
        for follower in self.followers.values_mut() {
            follower.mark_changed(tp);
        }
        self.wake_followers(ctx, tp);
        if let Some(leader) = state.leader {
            self.fetchers.get_or_insert_with(leader, Fetcher::default).add(tp);
        }
    }

    fn leave_fetcher(&mut self, tp: Tp) {
        let Some(Role::Follower { leader: Some(leader) }) = self.partitions.get(&tp).map(|p| &p.role) else {
            return;
        };
        if let Some(fetcher) = self.fetchers.get_mut(leader) {
            fetcher.remove(tp);
        }
    }

    /// Starts the fetchers that have something to fetch and nothing in flight.
    pub(crate) fn kick_fetchers(&mut self, ctx: &mut Ctx<'_>) {
        let leaders: Vec<BrokerId> = self.fetchers.keys().copied().collect();
        for leader in leaders {
            self.fetch_from(ctx, leader);
        }
    }

    /// The topics are gone, or this broker is no longer one of the partitions' replicas. The checkpoints are written
    /// anew at once (LogManager.asyncDelete): a topic of the same name must not begin with the offsets of this one.
    pub(crate) fn remove_partitions(&mut self, ctx: &mut Ctx<'_>, tps: Vec<Tp>) {
        if tps.is_empty() {
            return;
        }
        let cleaned = |tp: &Tp| {
            self.partitions
                .get(tp)
                .is_some_and(|partition| partition.cleaned_to.is_some())
        };
        let any_cleaned = tps.iter().any(cleaned);
        for tp in tps {
            self.remove_partition(ctx, tp);
        }
        self.write_recovery_point_checkpoint(ctx);
        self.write_log_start_checkpoint(ctx);
        if any_cleaned && !self.log_dir_offline {
            self.write_cleaner_checkpoint(ctx);
        }
    }

    fn remove_partition(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        self.leave_fetcher(tp);
        let Some(partition) = self.partitions.remove(&tp) else {
            return;
        };
        self.coordinator_resigned(ctx, tp);
        for id in partition.waiting_produces {
            self.recheck_produce(ctx, id, None);
        }
        for id in partition.waiting_fetches {
            self.recheck_fetch(ctx, id);
        }
        for path in ctx.disk.list(&format!("{}/", partition.name)) {
            if let Some(file) = ctx.disk.lookup(&path) {
                ctx.disk.remove(file);
            }
        }
        self.wake_followers(ctx, tp);
    }
}

fn followed(role: &Role) -> Option<BrokerId> {
    match role {
        Role::Follower { leader } => *leader,
        Role::Leader(_) => None,
    }
}

/// A follower that takes a newer epoch of the leader it follows for nothing new.
#[cfg(feature = "mutants")]
fn skips_truncation(mutant: Option<crate::mutant::Mutant>, id: BrokerId, role: &Role, state: &PartitionState) -> bool {
    mutant == Some(crate::mutant::Mutant::SkippedTruncation)
        && state.leader.is_some_and(|leader| leader != id)
        && state.leader == followed(role)
}
