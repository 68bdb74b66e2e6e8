//! How full a segment's index files would be.

use super::LogConfig;

const OFFSET_ENTRY_BYTES: u64 = 8;
const TIME_ENTRY_BYTES: u64 = 12;

/// Counts the entries of a segment's offset and time index, without keeping them (OffsetIndex, TimeIndex).
#[derive(Clone, Debug)]
pub(super) struct IndexFill {
    bytes_since_entry: u64,
    offset_entries: u64,
    time_entries: u64,
    last_timestamp: i64,
}

impl IndexFill {
    pub(super) fn new() -> Self {
        IndexFill {
            bytes_since_entry: 0,
            offset_entries: 0,
            time_entries: 0,
            last_timestamp: -1,
        }
    }

    /// A batch of that size was appended, and the segment's greatest timestamp is now `max_timestamp`.
    pub(super) fn note(&mut self, size: u64, max_timestamp: i64, interval: u64) {
        if self.bytes_since_entry > interval {
            self.offset_entries += 1;
            if max_timestamp > self.last_timestamp {
                self.time_entries += 1;
                self.last_timestamp = max_timestamp;
            }
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += size;
    }

    /// Bytes of the offset index and of the time index.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (
            self.offset_entries * OFFSET_ENTRY_BYTES,
            self.time_entries * TIME_ENTRY_BYTES,
        )
    }

    /// Neither index takes another entry. The time index keeps one in reserve for the closing of the segment.
    pub(super) fn is_full(&self, config: &LogConfig) -> bool {
        let offsets = config.segment_index_bytes / OFFSET_ENTRY_BYTES;
        let times = (config.segment_index_bytes / TIME_ENTRY_BYTES).saturating_sub(1);
        self.offset_entries >= offsets || self.time_entries >= times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_more_than_the_interval_of_bytes() {
        let config = LogConfig {
            segment_index_bytes: 36,
            ..LogConfig::default()
        };
        let mut fill = IndexFill::new();
        fill.note(4096, 1, 4096);
        fill.note(1, 2, 4096);
        fill.note(4096, 3, 4096);
        assert_eq!((fill.offset_entries, fill.time_entries), (1, 1));
        assert!(!fill.is_full(&config));
        fill.note(4096, 4, 4096);
        assert!(!fill.is_full(&config) || fill.time_entries >= 2);
        fill.note(4096, 5, 4096);
        assert!(
            fill.is_full(&config),
            "two of three time entries are taken and the third is reserved"
        );
    }

    #[test]
    fn equal_timestamps_share_one_time_entry() {
        let mut fill = IndexFill::new();
        for _ in 0..5 {
            fill.note(100, 7, 50);
        }
        assert_eq!((fill.offset_entries, fill.time_entries), (4, 1));
    }
}
