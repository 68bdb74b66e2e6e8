//! Finding offsets by time (ListOffsets).

use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, NO_TIMESTAMP, RecordView, validate_records};

use super::{DECOMPRESSION_LIMIT, Log};

impl Log {
    /// The first record at or after the log start whose timestamp is at least `timestamp`: its offset, its timestamp and
    /// the leader epoch of its batch.
    ///
    /// Divergence: Kafka looks only into the first segment with such a timestamp, even if that lies below the log start
    /// and waits for deletion; here the search goes on.
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Option<(Offset, i64, i32)> {
        let candidates = self
            .segments
            .iter()
            .filter(|segment| segment.max_timestamp() >= timestamp);
        let mut batches = candidates.flat_map(|segment| {
            let first = segment
                .entries
                .partition_point(|entry| entry.running_max_timestamp < timestamp);
            segment.entries[first..].iter().map(|entry| &entry.batch)
        });
        batches.find_map(|batch| {
            if batch.header.max_timestamp < timestamp || batch.header.last_offset() < self.log_start {
                return None;
            }
            let wanted = |offset, record: &RecordView<'_>| record.timestamp >= timestamp && offset >= self.log_start;
            let (offset, found) = first_record(batch, wanted)?;
            Some((offset, found, batch.header.leader_epoch))
        })
    }

    /// The earliest record with the greatest timestamp in the log: its offset and its timestamp. `None` if the log is empty.
    pub fn max_timestamp_offset(&self) -> Option<(Offset, i64)> {
        let greatest = self.segments.iter().map(|segment| segment.max_timestamp()).max()?;
        if greatest == NO_TIMESTAMP {
            return None;
        }
        let segment = self
            .segments
            .iter()
            .find(|segment| segment.max_timestamp() == greatest)?;
        let at = segment
            .entries
            .partition_point(|entry| entry.running_max_timestamp < greatest);
        let batch = &segment.entries.get(at)?.batch;
        first_record(batch, |_, record| record.timestamp == greatest)
    }
}

/// Offset and timestamp of the first record that is wanted.
fn first_record(batch: &Batch, wanted: impl Fn(Offset, &RecordView<'_>) -> bool) -> Option<(Offset, i64)> {
    let mut found = None;
    let walked = validate_records(batch, DECOMPRESSION_LIMIT, |record| {
        let offset = batch.header.base_offset + i64::from(record.offset_delta);
        if found.is_none() && wanted(offset, record) {
            found = Some((offset, record.timestamp));
        }
    });
    found.filter(|_| walked.is_ok())
}
