//! Cutting a follower's log back to what its leader has: only as the leader directs, never eagerly to the high watermark
//! (KIP-101, KIP-279, AbstractFetcherThread.truncateOnFetchResponse).

use kafka_sim_core::{BrokerId, ErrorCode, Offset};

use super::{Broker, Ctx};
use crate::event::Event;
use crate::peer::Tp;

impl Broker {
    /// The leader has epoch `epoch` ending at `end`, and the follower's log departs from it somewhere before its own end.
    pub(crate) fn truncate_to_divergence(&mut self, ctx: &mut Ctx<'_>, tp: Tp, epoch: i32, end: Offset) {
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        let own_end = partition.log.log_end_offset();
        let target = match partition.log.end_offset_for(epoch) {
            _ if end < 0 => partition.high_watermark,
            Some((own_epoch, own_epoch_end)) if own_epoch == epoch => end.min(own_epoch_end),
            Some((_, own_epoch_end)) => own_epoch_end,
            None => end,
        };
        #[cfg(feature = "mutants")]
        let target = if partition.mutant == Some(crate::mutant::Mutant::SingleShotTruncation) {
            end
        } else {
            target
        };
        self.truncate(ctx, tp, target.min(own_end));
    }

    /// Out of the leader's range: an unclean election shortened its log, or retention passed this replica by.
    pub(crate) fn on_log_range(
        &mut self,
        ctx: &mut Ctx<'_>,
        leader: BrokerId,
        tp: Tp,
        leader_epoch: i32,
        range: Result<(Offset, Offset), ErrorCode>,
    ) {
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        if partition.leader_epoch != leader_epoch || !self.awaits_range(leader, tp) {
            return;
        }
        let own_end = partition.log.log_end_offset();
        match range {
            Ok((_, leader_end)) if leader_end < own_end => self.truncate(ctx, tp, leader_end),
            Ok((leader_start, _)) if leader_start > own_end => self.restart_log_at(ctx, tp, leader_start),
            Ok(_) | Err(_) => {}
        }
        self.resume_fetching(ctx, leader, tp);
    }

    fn truncate(&mut self, ctx: &mut Ctx<'_>, tp: Tp, target: Offset) {
        let id = self.id();
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let from = partition.log.log_end_offset();
        let below_recovery_point = target < partition.log.recovery_point();
        let below_active_segment = target < partition.log.active_base_offset();
        if partition.log.truncate_to(ctx.disk, target, ctx.now).is_err() {
            return self.fail_log_dir(ctx);
        }
        let to = partition.log.log_end_offset();
        if to == from {
            return;
        }
        partition.high_watermark = partition.high_watermark.min(to);
        ctx.event(Event::Truncated {
            broker: id,
            tp,
            from,
            to,
        });
        if below_recovery_point {
            self.write_recovery_point_checkpoint(ctx);
        }
        if below_active_segment {
            self.dirty_again(ctx, tp);
        }
    }

    fn restart_log_at(&mut self, ctx: &mut Ctx<'_>, tp: Tp, start: Offset) {
        let id = self.id();
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let from = partition.log.log_end_offset();
        if partition
            .log
            .truncate_fully_and_start_at(ctx.disk, start, ctx.now)
            .is_err()
        {
            return self.fail_log_dir(ctx);
        }
        partition.high_watermark = start;
        ctx.event(Event::Truncated {
            broker: id,
            tp,
            from,
            to: start,
        });
        self.dirty_again(ctx, tp);
    }
}
