//! How much of a log is dirty, and what of it may be cleaned (LogCleanerManager.cleanableOffsets, LogToClean).

use std::collections::VecDeque;

use kafka_sim_core::Offset;

use crate::log::segment::Segment;
use crate::log::{Log, LogConfig};

/// The dirty part of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleanable {
    /// First offset that no cleaning has seen.
    pub first_dirty: Offset,
    /// End of the segments that may be cleaned.
    pub end: Offset,
    /// Bytes below `first_dirty`, in whole segments.
    pub clean_bytes: u64,
    /// Bytes from there to `end`, in whole segments.
    pub cleanable_bytes: u64,
    /// A record has been dirty for longer than `max.compaction.lag.ms`.
    pub overdue: bool,
    /// The checkpointed offset lay outside of the log and is to be replaced by `first_dirty`.
    pub reset: bool,
}

impl Cleanable {
    /// Whether a cleaning is due: a record is overdue, or more than `min.cleanable.dirty.ratio` is dirty.
    pub fn is_due(&self, config: &LogConfig) -> bool {
        let dirty = u128::from(self.cleanable_bytes) * 1_000_000;
        let threshold = u128::from(self.total_bytes()) * u128::from(config.min_cleanable_dirty_millionths);
        self.total_bytes() > 0 && ((self.overdue && self.cleanable_bytes > 0) || dirty > threshold)
    }

    /// Whether a larger part of this log is dirty than of the other one.
    pub fn is_dirtier_than(&self, other: &Cleanable) -> bool {
        let share = |dirty: u64, total: u64| u128::from(dirty) * u128::from(total);
        share(self.cleanable_bytes, other.total_bytes()) > share(other.cleanable_bytes, self.total_bytes())
    }

    fn total_bytes(&self) -> u64 {
        self.clean_bytes + self.cleanable_bytes
    }
}

impl Log {
    /// What there is to clean. `checkpoint` is the end of the last cleaning, `last_stable` the last stable offset, `now_ms`
    /// the broker's clock.
    pub fn cleanable(&self, checkpoint: Option<Offset>, last_stable: Offset, now_ms: i64) -> Cleanable {
        let checkpoint = checkpoint.unwrap_or(self.log_start);
        let reset = checkpoint < self.log_start || checkpoint > self.log_end;
        let first_dirty = if reset { self.log_start } else { checkpoint };
        let active = self.active_base_offset();
        let limit = last_stable.min(active).min(self.young_from(first_dirty, now_ms));
        let end = self.segment_start(limit.max(first_dirty));
        let size = |segments: &[Segment]| segments.iter().map(Segment::size).sum();
        Cleanable {
            first_dirty,
            end,
            clean_bytes: size(self.segments_between(Offset::MIN, first_dirty)),
            cleanable_bytes: size(self.segments_between(first_dirty.min(end), end)),
            overdue: self.is_overdue(first_dirty, now_ms),
            reset,
        }
    }

    /// Where the first dirty segment starts that has a record younger than `min.compaction.lag.ms`.
    fn young_from(&self, first_dirty: Offset, now_ms: i64) -> Offset {
        let lag = self.config.min_compaction_lag_ms;
        let dirty = self.segments_between(first_dirty, self.active_base_offset());
        let young = |segment: &&Segment| lag > 0 && segment.largest_timestamp() > now_ms.saturating_sub(lag);
        dirty
            .iter()
            .find(young)
            .map_or(Offset::MAX, |segment| segment.base_offset)
    }

    /// Whether a closed dirty segment began more than `max.compaction.lag.ms` ago.
    fn is_overdue(&self, first_dirty: Offset, now_ms: i64) -> bool {
        let dirty = self.segments_between(first_dirty, self.active_base_offset());
        let first_timestamps = dirty.iter().filter_map(|segment| segment.entries.first());
        let began = first_timestamps
            .map(|entry| entry.batch.header.max_timestamp)
            .filter(|timestamp| *timestamp > 0)
            .min();
        began.is_some_and(|began| began < now_ms.saturating_sub(self.config.max_compaction_lag_ms))
    }

    /// The segments from the one with `from` on that begin below `to`.
    pub(super) fn segments_between(&self, from: Offset, to: Offset) -> &[Segment] {
        let floor = self.segments.partition_point(|segment| segment.base_offset <= from);
        let end = self.segments.partition_point(|segment| segment.base_offset < to);
        let range = floor.saturating_sub(1)..end;
        if from >= to {
            &[]
        } else {
            self.segments.get(range).unwrap_or_default()
        }
    }

    /// First offset of the segment that holds `offset`.
    fn segment_start(&self, offset: Offset) -> Offset {
        let floor = self.segments.partition_point(|segment| segment.base_offset <= offset);
        self.segments[floor.saturating_sub(1)].base_offset
    }

    /// The segments that begin below `end`, in runs that fit into one segment each (Cleaner.groupSegmentsBySize). `limit` is
    /// the end of all that may be cleaned.
    pub(super) fn groups_below(&self, end: Offset, limit: Offset) -> VecDeque<Vec<Offset>> {
        let segments = self.segments_between(Offset::MIN, end);
        let mut groups: VecDeque<Vec<Offset>> = VecDeque::new();
        let mut room = Room::default();
        for (at, segment) in segments.iter().enumerate() {
            let next = segments.get(at + 1).map_or(limit, |next| next.base_offset);
            let fits = |group: &&mut Vec<Offset>| {
                let reach = (next - 1).saturating_sub(group[0]);
                room.takes(segment, &self.config) && (segment.is_empty() || reach <= i64::from(i32::MAX))
            };
            match groups.back_mut().filter(fits) {
                Some(group) => group.push(segment.base_offset),
                None => {
                    room = Room::default();
                    groups.push_back(vec![segment.base_offset]);
                }
            }
            room.add(segment);
        }
        groups
    }
}

/// How full the segment is that a group becomes.
#[derive(Default)]
struct Room {
    log: u64,
    offset_index: u64,
    time_index: u64,
}

impl Room {
    fn takes(&self, segment: &Segment, config: &LogConfig) -> bool {
        let (offsets, times) = segment.index_bytes();
        self.log + segment.size() <= config.segment_bytes
            && self.offset_index + offsets <= config.segment_index_bytes
            && self.time_index + times <= config.segment_index_bytes
    }

    fn add(&mut self, segment: &Segment) {
        let (offsets, times) = segment.index_bytes();
        self.log += segment.size();
        self.offset_index += offsets;
        self.time_index += times;
    }
}
