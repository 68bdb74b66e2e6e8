//! When the high watermark of a leader moves (Partition.maybeIncrementLeaderHW).

use std::time::Duration;

use kafka_sim_core::{BrokerId, Offset, SimTime};

use super::{Broker, Ctx, Partition, Role};
use crate::event::Event;
use crate::peer::{MetadataImage, Tp};

/// The offset up to which every replica that counts has the log, or `None` while the rule forbids any move.
fn replicated_up_to(partition: &Partition, image: &MetadataImage, lag: Duration, now: SimTime) -> Option<Offset> {
    let Role::Leader(leading) = &partition.role else {
        return None;
    };
    let too_few = partition.isr.committed().len() < partition.effective_min_isr();
    #[cfg(feature = "mutants")]
    let too_few = too_few && partition.mutant != Some(crate::mutant::Mutant::HighWatermarkBelowMinIsr);
    if too_few {
        return None;
    }
    let leader_end = partition.log.log_end_offset();
    let unflushed = leading.unflushed.iter().find(|(until, _)| now < *until);
    let own = unflushed.map_or(leader_end, |(_, end)| *end);
    let counted = |id: BrokerId, remote: &super::Remote| {
        let in_sync = partition.isr.maximal_contains(id);
        #[cfg(feature = "mutants")]
        let in_sync = match partition.mutant {
            Some(crate::mutant::Mutant::NonMaximalIsr) => partition.isr.proposed_contains(id),
            _ => in_sync,
        };
        in_sync
            || (remote.is_caught_up(leader_end, now, lag) && super::isr::is_eligible(image, id, remote.broker_epoch))
    };
    let mut least = own;
    for (id, remote) in leading.remotes.iter() {
        if remote.log_end < least && counted(*id, remote) {
            least = remote.log_end;
        }
    }
    Some(least)
}

/// Where the high watermark moves to, if the in-sync replicas allow any move.
#[inline]
pub(super) fn risen_high_watermark(
    partition: &Partition,
    image: &MetadataImage,
    lag: Duration,
    now: SimTime,
) -> Option<Offset> {
    if partition.high_watermark >= partition.log.log_end_offset() {
        // It is as high as it may be.
        return None;
    }
    replicated_up_to(partition, image, lag, now).filter(|new| *new > partition.high_watermark)
}

impl Broker {
    /// Moves the high watermark if the in-sync replicas allow it, and wakes whoever waited for that.
    pub(crate) fn advance_high_watermark(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let lag = self.config.replica_lag_time_max;
        let partition = self.partitions.get(&tp);
        let risen = partition.and_then(|partition| risen_high_watermark(partition, &self.image, lag, ctx.now));
        if let Some(new) = risen {
            self.raise_high_watermark(ctx, tp, new);
        }
    }

    pub(super) fn raise_high_watermark(&mut self, ctx: &mut Ctx<'_>, tp: Tp, new: Offset) {
        let id = self.id();
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        partition.high_watermark = new;
        ctx.event(Event::HighWatermark {
            broker: id,
            tp,
            hw: new,
        });
        for follower in self.followers.values_mut() {
            follower.mark_changed(tp);
        }
        self.complete_produces(ctx, tp);
        self.complete_fetches(ctx, tp);
        self.coordinator_replicated(ctx, tp);
    }
}
