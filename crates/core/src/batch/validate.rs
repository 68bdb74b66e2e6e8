//! What a leader checks about the records before it appends them (`LogValidator`).

use super::record::walk;
use super::{Batch, BatchError, NO_TIMESTAMP, RecordView};

/// What a walk over the records of a batch has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordSummary {
    /// Number of records, which is the one the header gives.
    pub count: i32,
    /// Least timestamp, in milliseconds since the Unix epoch, or -1 without records.
    pub min_timestamp: i64,
    /// Greatest timestamp, in milliseconds since the Unix epoch, or -1 without records.
    pub max_timestamp: i64,
    /// Offset delta of the first record that has the greatest timestamp; 0 without records.
    pub max_timestamp_delta: i32,
    /// Index of the first record whose offset delta is not its index.
    pub first_gap: Option<i32>,
    /// Index of the first record without a key.
    pub first_null_key: Option<i32>,
}

/// Parses every record of a batch and sums them up. `visit` sees each of them. Uncompressed records are walked in place,
/// without allocating; compressed ones are decompressed to at most `limit` bytes.
///
/// Gaps between offsets are reported rather than refused: Kafka refuses them in compressed batches only, and compacted
/// batches have them by design.
///
/// # Errors
/// Records that do not decompress or parse, or that are not as many as the header says.
pub fn validate_records(
    batch: &Batch,
    limit: usize,
    mut visit: impl FnMut(&RecordView<'_>),
) -> Result<RecordSummary, BatchError> {
    let mut summary = RecordSummary {
        count: batch.header.record_count,
        min_timestamp: NO_TIMESTAMP,
        max_timestamp: NO_TIMESTAMP,
        max_timestamp_delta: 0,
        first_gap: None,
        first_null_key: None,
    };
    let plain = batch.plain_slice(limit)?;
    walk(&batch.header, &plain, |record| {
        summary.note(record);
        visit(record);
    })?;
    Ok(summary)
}

impl RecordSummary {
    #[inline]
    fn note(&mut self, record: &RecordView<'_>) {
        if record.index == 0 || record.timestamp > self.max_timestamp {
            self.max_timestamp = record.timestamp;
            self.max_timestamp_delta = record.offset_delta;
        }
        if record.index == 0 || record.timestamp < self.min_timestamp {
            self.min_timestamp = record.timestamp;
        }
        if self.first_gap.is_none() && record.offset_delta != record.index {
            self.first_gap = Some(record.index);
        }
        if self.first_null_key.is_none() && record.key.is_none() {
            self.first_null_key = Some(record.index);
        }
    }
}
