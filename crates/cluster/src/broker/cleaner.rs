//! Which log is compacted when (LogCleaner): the dirtiest of those that are dirty enough, one per cleaner thread.
//!
//! Divergence: `log.cleaner.threads` counts from the next start of the broker on.

use kafka_sim_core::{Offset, SimTime};

use super::{Broker, Ctx, Partition, Timer};
use crate::config::millionths;
use crate::event::Event;
use crate::log::{Cleanable, Cleaned, Cleaning, CleaningError, checkpoint};
use crate::peer::Tp;

/// What a key takes in Kafka's deduplication buffer: a hash of 16 bytes and an offset.
const BYTES_PER_KEY: i64 = 24;

impl Broker {
    pub(crate) fn arm_cleaners(&mut self, ctx: &Ctx<'_>) {
        if !self.config.log_cleaner_enable {
            return;
        }
        for thread in 0..self.config.log_cleaner_threads {
            self.rest(ctx, thread);
        }
    }

    fn rest(&mut self, ctx: &Ctx<'_>, thread: i32) {
        let backoff = self.config.log_cleaner_backoff;
        self.timers.set_after(ctx.now, backoff, Timer::LogCleaner(thread));
    }

    /// A cleaner thread goes on with what it cleans, or looks for something to clean.
    pub(crate) fn run_cleaner(&mut self, ctx: &mut Ctx<'_>, thread: i32) {
        if self.log_dir_offline {
            return;
        }
        if let Some(tp) = self.cleaners.remove(&thread)
            && let Some(partition) = self.partitions.get_mut(&tp).filter(|p| p.log.is_being_cleaned())
        {
            if partition.log.config().cleanup_compact {
                let step = partition.log.continue_cleaning(ctx.disk, ctx.now);
                return self.cleaned_step(ctx, thread, tp, step);
            }
            partition.log.abort_cleaning(ctx.disk, ctx.now);
        }
        match self.dirtiest(ctx) {
            Some((tp, range)) => self.clean(ctx, thread, tp, &range),
            None => {
                self.sweep_retention_of(ctx, Partition::is_compacted);
                self.rest(ctx, thread);
            }
        }
    }

    /// The log with the largest dirty part among those that are due.
    fn dirtiest(&mut self, ctx: &mut Ctx<'_>) -> Option<(Tp, Cleanable)> {
        let mut dirtiest: Option<(Tp, Cleanable)> = None;
        let mut reset = false;
        for partition in self.partitions.values_mut().filter(|p| p.is_compacted()) {
            let stable = partition.last_stable_offset();
            let range = partition.log.cleanable(partition.cleaned_to, stable, ctx.now_ms);
            if range.reset {
                partition.cleaned_to = Some(range.first_dirty);
                reset = true;
            }
            let dirtier = dirtiest.as_ref().is_none_or(|(_, other)| range.is_dirtier_than(other));
            if range.is_due(partition.log.config()) && dirtier {
                dirtiest = Some((partition.tp, range));
            }
        }
        if reset {
            self.write_cleaner_checkpoint(ctx);
        }
        dirtiest
    }

    fn clean(&mut self, ctx: &mut Ctx<'_>, thread: i32, tp: Tp, range: &Cleanable) {
        let (broker, max_keys) = (self.id(), self.cleaner_keys());
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        ctx.event(Event::CleaningBegan {
            broker,
            tp,
            from: range.first_dirty,
            to: range.end,
        });
        let step = partition
            .log
            .begin_cleaning(ctx.disk, range, max_keys, ctx.now, ctx.now_ms);
        self.cleaned_step(ctx, thread, tp, step);
    }

    fn cleaned_step(&mut self, ctx: &mut Ctx<'_>, thread: i32, tp: Tp, step: Result<Cleaning, CleaningError>) {
        match step {
            Ok(Cleaning::Waits(until)) => {
                self.cleaners.insert(thread, tp);
                self.timers.set(until, Timer::LogCleaner(thread));
            }
            Ok(Cleaning::Done(cleaned)) => self.cleaned(ctx, thread, tp, cleaned),
            Err(CleaningError::Damaged(error)) => {
                tracing::warn!(broker = self.id().0, %error, "a log cannot be cleaned any more");
                if let Some(partition) = self.partitions.get_mut(&tp) {
                    partition.uncleanable = true;
                }
                ctx.event(Event::Uncleanable { broker: self.id(), tp });
                self.rest(ctx, thread);
            }
            Err(CleaningError::Disk(_)) => self.fail_log_dir(ctx),
        }
    }

    fn cleaned(&mut self, ctx: &mut Ctx<'_>, thread: i32, tp: Tp, cleaned: Cleaned) {
        ctx.event(Event::LogCleaned {
            broker: self.id(),
            tp,
            from: cleaned.from,
            to: cleaned.to,
            bytes_before: cleaned.bytes_before,
            bytes_after: cleaned.bytes_after,
        });
        if let Some(partition) = self.partitions.get_mut(&tp) {
            partition.cleaned_to = Some(cleaned.to);
        }
        if let Some(durable) = self.write_cleaner_checkpoint(ctx) {
            self.sweep_retention_of(ctx, Partition::is_compacted);
            self.timers.set(durable, Timer::LogCleaner(thread));
        }
    }

    /// How many keys the deduplication buffer of a thread takes.
    fn cleaner_keys(&self) -> usize {
        let buffer = self.config.number("log.cleaner.dedupe.buffer.size").unwrap_or(0);
        let threads = i64::from(self.config.log_cleaner_threads.max(1));
        let slots = (buffer / threads).min(i64::from(i32::MAX)) / BYTES_PER_KEY;
        let load_factor = self
            .config
            .value("log.cleaner.io.buffer.load.factor")
            .map_or(0, millionths);
        let keys = u64::try_from(slots).unwrap_or(0).saturating_mul(load_factor) / 1_000_000;
        usize::try_from(keys).unwrap_or(usize::MAX)
    }

    /// Writes where the cleaned part of each log ends. Returns when that is durable, `None` if the disk failed.
    pub(crate) fn write_cleaner_checkpoint(&mut self, ctx: &mut Ctx<'_>) -> Option<SimTime> {
        let ends = self
            .partitions
            .values()
            .filter_map(|p| Some((&p.name, p.cleaned_to.as_ref()?)));
        let written = checkpoint::write_cleaned(ctx.disk, ends, ctx.now);
        if written.is_err() {
            self.fail_log_dir(ctx);
        }
        written.ok()
    }

    /// The end of a log was cut off: what comes in its place from the active segment on is dirty.
    pub(crate) fn dirty_again(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        let active: Offset = partition.log.active_base_offset();
        if partition.log.config().cleanup_compact && partition.cleaned_to.is_some_and(|to| to > active) {
            partition.cleaned_to = Some(active);
            self.write_cleaner_checkpoint(ctx);
        }
    }
}

impl Partition {
    /// A cleaner looks after this log, and is not at work on it right now.
    pub(crate) fn is_compacted(&self) -> bool {
        self.log.config().cleanup_compact && !self.uncleanable && !self.log.is_being_cleaned()
    }
}
