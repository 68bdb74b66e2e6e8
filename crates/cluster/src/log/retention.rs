//! Deleting old segments (UnifiedLog.deleteOldSegments).

use kafka_sim_core::{Offset, SimTime};

use super::Log;
use super::segment::Segment;
use crate::disk::Disk;

/// Why a segment went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetentionReason {
    /// All of it lies below the log start.
    LogStart,
    /// The log is larger than `retention.bytes`.
    Size,
    /// All of it is older than `retention.ms`.
    Time,
}

/// A segment that went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retired {
    /// Its first offset.
    pub base_offset: Offset,
    /// The offset after it, which is now at most the log start.
    pub next_offset: Offset,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    pub reason: RetentionReason,
}

impl Log {
    /// One retention sweep: whole segments from the oldest on, never one that reaches past the high watermark. Also frees
    /// the space of segments that were deleted `file.delete.delay.ms` ago. `now_ms` is the broker's clock.
    ///
    /// A log that is being cleaned keeps its segments until the next sweep.
    ///
    /// Divergence: Kafka frees that space when the delay has passed, here it happens at the next sweep.
    pub fn apply_retention(
        &mut self,
        disk: &mut Disk,
        now: SimTime,
        now_ms: i64,
        high_watermark: Offset,
    ) -> Vec<Retired> {
        self.flush.settle(now);
        self.unlink_deleted(disk, now);
        if self.is_being_cleaned() {
            return Vec::new();
        }
        let mut retired = Vec::new();
        let mut sweep = |log: &mut Log, reason, count| log.retire(disk, now, now_ms, reason, count, &mut retired);
        let below_start = self.deletable(high_watermark, |_, next, log| next <= log.log_start);
        sweep(self, RetentionReason::LogStart, below_start);
        if self.config.cleanup_delete {
            let oversized = self.oversized(high_watermark);
            sweep(self, RetentionReason::Size, oversized);
            let retention_ms = self.config.retention_ms;
            let expired = self.deletable(high_watermark, |segment, _, _| {
                retention_ms >= 0 && now_ms.saturating_sub(segment.largest_timestamp()) > retention_ms
            });
            sweep(self, RetentionReason::Time, expired);
        }
        if !retired.is_empty() {
            self.drop_old_snapshots(disk);
        }
        retired
    }

    fn oversized(&self, high_watermark: Offset) -> usize {
        let Ok(limit) = u64::try_from(self.config.retention_bytes) else {
            return 0;
        };
        let Some(mut excess) = self.size_bytes().checked_sub(limit) else {
            return 0;
        };
        self.deletable(high_watermark, |segment, _, _| {
            match excess.checked_sub(segment.size()) {
                Some(rest) => {
                    excess = rest;
                    true
                }
                None => false,
            }
        })
    }

    /// How many segments from the oldest on qualify. `qualifies` gets a segment and the offset after it.
    fn deletable(&self, high_watermark: Offset, mut qualifies: impl FnMut(&Segment, Offset, &Log) -> bool) -> usize {
        let next = |at: usize| self.segments.get(at + 1).map(|segment| segment.base_offset);
        let unqualified = self.segments.iter().enumerate().position(|(at, segment)| {
            let upper = next(at).unwrap_or(self.log_end);
            let unused = next(at).is_none() && segment.is_empty();
            unused || upper > high_watermark || !qualifies(segment, upper, self)
        });
        unqualified.unwrap_or(self.segments.len())
    }

    fn retire(
        &mut self,
        disk: &mut Disk,
        now: SimTime,
        now_ms: i64,
        reason: RetentionReason,
        count: usize,
        retired: &mut Vec<Retired>,
    ) {
        if count == 0 {
            return;
        }
        if count == self.segments.len() {
            self.roll(disk, self.log_end, now, now_ms);
        }
        let gone: Vec<Segment> = self.segments.drain(..count).collect();
        let next = gone
            .iter()
            .skip(1)
            .chain(self.segments.first())
            .map(|segment| segment.base_offset);
        let bases: Vec<Offset> = next.collect();
        for (segment, next_offset) in gone.iter().zip(bases) {
            self.delete_segment(disk, segment, now);
            let (base_offset, bytes) = (segment.base_offset, segment.size());
            retired.push(Retired {
                base_offset,
                next_offset,
                bytes,
                reason,
            });
        }
        self.raise_log_start(self.segments[0].base_offset);
    }
}
