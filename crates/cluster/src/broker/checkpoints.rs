//! Background work of a broker: checkpoint files, flushes, retention, expiry.

use std::time::Duration;

use super::{Broker, Ctx, Partition, Timer};
use crate::event::Event;
use crate::log::checkpoint;
use crate::peer::Tp;

/// A hundred years: what Kafka's Long.MAX_VALUE milliseconds amount to here.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Broker {
    pub(crate) fn arm_background_timers(&mut self, ctx: &Ctx<'_>) {
        let first = ctx.now + self.config.log_initial_task_delay;
        self.timers.set(first, Timer::Retention);
        self.timers.set(first, Timer::RecoveryPointCheckpoint);
        self.timers.set(
            ctx.now + self.config.replica_high_watermark_checkpoint_interval,
            Timer::HighWatermarkCheckpoint,
        );
        self.timers.set(
            ctx.now + self.config.producer_id_expiration_check_interval,
            Timer::ProducerExpiry,
        );
        self.timers
            .set(ctx.now + self.config.replica_lag_time_max / 2, Timer::IsrShrink);
        self.timers
            .set(ctx.now + self.config.connections_max_idle, Timer::IdleConnections);
        self.arm_flush_scheduler(ctx);
        self.arm_cleaners(ctx);
    }

    pub(crate) fn on_timer(&mut self, ctx: &mut Ctx<'_>, timer: Timer) {
        match timer {
            Timer::Purgatory(id) => self.expire_parked(ctx, id),
            Timer::FollowerWait(follower) => self.answer_parked(ctx, follower, true),
            Timer::LeaderFlushed(tp) => self.on_leader_flushed(ctx, tp),
            Timer::Heartbeat => self.heartbeat(ctx),
            Timer::ControllerTimeout(id) => self.on_controller_timeout(ctx, id),
            Timer::Register => self.register(ctx),
            Timer::StopAnyway => self.stop_anyway(ctx),
            Timer::IsrShrink => self.shrink_isrs(ctx),
            Timer::AlterPartition => self.send_isr_proposals(ctx),
            Timer::Fetch(leader) => self.fetch_from(ctx, leader),
            Timer::FetchTimeout(leader) => self.on_fetch_timeout(ctx, leader),
            Timer::HighWatermarkCheckpoint => {
                self.timers.set_after(
                    ctx.now,
                    self.config.replica_high_watermark_checkpoint_interval,
                    Timer::HighWatermarkCheckpoint,
                );
                self.write_high_watermark_checkpoint(ctx);
            }
            Timer::RecoveryPointCheckpoint => {
                self.timers.set_after(
                    ctx.now,
                    self.config.log_flush_offset_checkpoint_interval,
                    Timer::RecoveryPointCheckpoint,
                );
                self.write_recovery_point_checkpoint(ctx);
                self.write_log_start_checkpoint(ctx);
            }
            Timer::FlushScheduler => self.flush_due_logs(ctx),
            Timer::Retention => self.sweep_retention(ctx),
            Timer::LogCleaner(thread) => self.run_cleaner(ctx, thread),
            Timer::ProducerExpiry => self.expire_producers(ctx),
            Timer::IdleConnections => self.close_idle_connections(ctx),
            Timer::GroupShard(index) => self.on_shard_timer(ctx, index),
        }
    }

    fn on_leader_flushed(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        if let Some(leading) = self.partitions.get_mut(&tp).and_then(|p| p.leading_mut()) {
            leading.unflushed.retain(|(until, _)| *until > ctx.now);
        }
        self.advance_high_watermark(ctx, tp);
    }

    pub(crate) fn write_high_watermark_checkpoint(&mut self, ctx: &mut Ctx<'_>) {
        if self.log_dir_offline || self.partitions.values().all(|p| p.checkpointed_hw == p.high_watermark) {
            return;
        }
        let entries = self.partitions.values().map(|p| (&p.name, &p.high_watermark));
        if checkpoint::write_high_watermarks(ctx.disk, entries, ctx.now).is_err() {
            return self.fail_log_dir(ctx);
        }
        for partition in self.partitions.values_mut() {
            partition.checkpointed_hw = partition.high_watermark;
        }
    }

    pub(crate) fn write_recovery_point_checkpoint(&mut self, ctx: &mut Ctx<'_>) {
        if self.log_dir_offline {
            return;
        }
        for partition in self.partitions.values_mut() {
            partition.log.settle(ctx.now);
        }
        if self
            .partitions
            .values()
            .any(|partition| partition.log.failure().is_some())
        {
            return self.fail_log_dir(ctx);
        }
        let entries: checkpoint::Offsets = self
            .partitions
            .values()
            .map(|p| (p.name.clone(), p.log.recovery_point()))
            .collect();
        if checkpoint::write_recovery_points(ctx.disk, &entries, ctx.now).is_err() {
            self.fail_log_dir(ctx);
        }
    }

    pub(crate) fn write_log_start_checkpoint(&mut self, ctx: &mut Ctx<'_>) {
        if self.log_dir_offline {
            return;
        }
        let entries: checkpoint::Offsets = self
            .partitions
            .values()
            .map(|p| (p.name.clone(), p.log.log_start_offset()))
            .collect();
        if checkpoint::write_log_starts(ctx.disk, &entries, ctx.now).is_err() {
            self.fail_log_dir(ctx);
        }
    }

    /// By default `log.flush.scheduler.interval.ms` is longer than any run: no timer then.
    fn arm_flush_scheduler(&mut self, ctx: &Ctx<'_>) {
        let interval = self.config.log_flush_scheduler_interval.max(Duration::from_millis(1));
        if interval < NEVER {
            self.timers.set(ctx.now + interval, Timer::FlushScheduler);
        }
    }

    fn flush_due_logs(&mut self, ctx: &mut Ctx<'_>) {
        self.arm_flush_scheduler(ctx);
        let id = self.id();
        let mut failed = false;
        for partition in self.partitions.values_mut() {
            match partition.log.flush_if_due(ctx.disk, ctx.now) {
                Ok(Some(_)) => ctx.effects.push(super::Effect::Event(Event::Flushed {
                    broker: id,
                    tp: partition.tp,
                    up_to: partition.log.log_end_offset(),
                })),
                Ok(None) => {}
                Err(_) => failed = true,
            }
        }
        if failed {
            self.fail_log_dir(ctx);
        }
    }

    fn sweep_retention(&mut self, ctx: &mut Ctx<'_>) {
        self.timers
            .set(ctx.now + self.config.log_retention_check_interval, Timer::Retention);
        // Compacted logs are the cleaners' business.
        self.sweep_retention_of(ctx, |partition| !partition.log.config().cleanup_compact);
    }

    /// Applies retention to the logs that `chosen` picks.
    pub(super) fn sweep_retention_of(&mut self, ctx: &mut Ctx<'_>, chosen: impl Fn(&Partition) -> bool) {
        let id = self.id();
        let mut raised = Vec::new();
        for partition in self.partitions.values_mut().filter(|partition| chosen(partition)) {
            let (high_watermark, log_start) = (partition.high_watermark, partition.log.log_start_offset());
            #[cfg(feature = "mutants")]
            let high_watermark = match partition.mutant {
                Some(crate::mutant::Mutant::RetentionDeletesUnreplicated) => partition.log.log_end_offset(),
                _ => high_watermark,
            };
            partition
                .log
                .apply_retention(ctx.disk, ctx.now, ctx.now_ms, high_watermark);
            partition.tell_rolls(ctx, id);
            partition.high_watermark = partition.high_watermark.max(partition.log.log_start_offset());
            if partition.log.log_start_offset() > log_start {
                raised.push(partition.tp);
            }
        }
        for tp in raised {
            for follower in self.followers.values_mut() {
                follower.mark_changed(tp);
            }
            self.complete_fetches(ctx, tp);
        }
    }

    fn expire_producers(&mut self, ctx: &mut Ctx<'_>) {
        self.timers.set(
            ctx.now + self.config.producer_id_expiration_check_interval,
            Timer::ProducerExpiry,
        );
        for partition in self.partitions.values_mut() {
            partition.log.expire_producers(ctx.now_ms);
        }
    }
}
