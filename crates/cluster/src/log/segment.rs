//! One segment: the batches of one `.log` file (LogSegment).

use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, NO_TIMESTAMP};

use super::LogConfig;
use super::index::IndexFill;
use crate::disk::FileId;

/// Batches that there is room for once the first has come.
const FIRST_ENTRIES: usize = 32;

/// A batch and where it is.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) batch: Batch,
    /// Byte position in the file.
    pub(super) position: u64,
    /// Greatest timestamp of the segment up to and including this batch.
    pub(super) running_max_timestamp: i64,
}

impl Entry {
    pub(super) fn end(&self) -> u64 {
        self.position + self.batch.size() as u64
    }
}

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) file: FileId,
    pub(super) base_offset: Offset,
    pub(super) entries: Vec<Entry>,
    /// Wall clock when the segment was created, for rolling if its batches have no timestamps.
    created_ms: i64,
    /// Wall clock of the last write, for retention if its batches have no timestamps.
    pub(super) last_modified_ms: i64,
    index: IndexFill,
}

impl Segment {
    pub(super) fn new(file: FileId, base_offset: Offset, now_ms: i64) -> Self {
        Segment {
            file,
            base_offset,
            entries: Vec::new(),
            created_ms: now_ms,
            last_modified_ms: now_ms,
            index: IndexFill::new(),
        }
    }

    /// Bytes of the offset index and of the time index.
    pub(super) fn index_bytes(&self) -> (u64, u64) {
        self.index.bytes()
    }

    /// Bytes of all batches.
    pub(super) fn size(&self) -> u64 {
        self.entries.last().map_or(0, Entry::end)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Greatest timestamp of any batch, −1 without any.
    pub(super) fn max_timestamp(&self) -> i64 {
        self.entries
            .last()
            .map_or(NO_TIMESTAMP, |entry| entry.running_max_timestamp)
    }

    /// What retention by time goes by.
    pub(super) fn largest_timestamp(&self) -> i64 {
        match self.max_timestamp() {
            timestamp if timestamp >= 0 => timestamp,
            _ => self.last_modified_ms,
        }
    }

    pub(super) fn push(&mut self, batch: Batch, now_ms: i64, index_interval: u64) {
        let position = self.size();
        let running_max_timestamp = self.max_timestamp().max(batch.header.max_timestamp);
        self.index
            .note(batch.size() as u64, running_max_timestamp, index_interval);
        self.last_modified_ms = now_ms;
        if self.entries.capacity() == 0 {
            self.entries.reserve(FIRST_ENTRIES);
        }
        self.entries.push(Entry {
            batch,
            position,
            running_max_timestamp,
        });
    }

    /// Place of the first batch that ends at `offset` or later.
    pub(super) fn at_or_after(&self, offset: Offset) -> usize {
        let ends_before = |entry: &Entry| entry.batch.header.last_offset() < offset;
        // Nearly always it is the last one.
        if let [.., before, last] = self.entries.as_slice()
            && ends_before(before)
        {
            return self.entries.len() - usize::from(!ends_before(last));
        }
        self.entries.partition_point(ends_before)
    }

    /// Drops the batches from `place` on and returns the size that is left.
    pub(super) fn cut(&mut self, place: usize, index_interval: u64) -> u64 {
        self.entries.truncate(place);
        self.index = IndexFill::new();
        for entry in &self.entries {
            self.index
                .note(entry.batch.size() as u64, entry.running_max_timestamp, index_interval);
        }
        self.size()
    }

    /// Whether this batch has to go to a new segment.
    pub(super) fn must_roll(&self, batch: &Batch, now_ms: i64, config: &LogConfig) -> bool {
        let header = &batch.header;
        if header.last_offset() - self.base_offset > i64::from(i32::MAX) {
            return true;
        }
        if self.is_empty() {
            return false;
        }
        let size = batch.size() as u64;
        self.size() + size > config.segment_bytes
            || self.waited_ms(header.max_timestamp, now_ms) > config.max_segment_ms()
            || self.index.is_full(config)
    }

    /// How long the segment has been open, in message time if it has any.
    fn waited_ms(&self, timestamp: i64, now_ms: i64) -> i64 {
        let first = self
            .entries
            .first()
            .map_or(NO_TIMESTAMP, |entry| entry.batch.header.max_timestamp);
        if first >= 0 {
            timestamp.saturating_sub(first)
        } else {
            now_ms.saturating_sub(self.created_ms)
        }
    }
}
