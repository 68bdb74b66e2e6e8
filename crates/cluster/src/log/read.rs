//! Reading batches by offset.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{ErrorCode, Offset};

use super::Log;

/// Whole batches, sharing their bytes with the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadOutcome {
    /// In order; the first contains the offset asked for, or is the first after it.
    pub batches: Vec<Batch>,
    /// Their size.
    pub bytes: usize,
}

impl Log {
    /// Reads from the batch that contains `offset`, up to `max_bytes` and to the end of the segment. `upper_bound` is
    /// exclusive: no batch that starts there or later is returned. With `at_least_one`, the first batch is returned even
    /// if it is larger than `max_bytes`.
    ///
    /// Divergence: Kafka may cut the last batch in the middle, which clients discard; here only whole batches are returned.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` below the log start or past the log end.
    pub fn read(
        &self,
        offset: Offset,
        max_bytes: usize,
        upper_bound: Offset,
        at_least_one: bool,
    ) -> Result<ReadOutcome, ErrorCode> {
        if offset < self.log_start || offset > self.log_end {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        let first = self
            .segments
            .partition_point(|segment| segment.base_offset <= offset)
            .saturating_sub(1);
        // A segment can hold nothing at or after the offset; then the next one is meant.
        let found = self.segments[first..].iter().find_map(|segment| {
            let rest = &segment.entries[segment.at_or_after(offset)..];
            (!rest.is_empty()).then_some(rest)
        });
        let found = found.unwrap_or_default();
        let mut bytes = 0;
        let taken = found.iter().take_while(|entry| {
            let fits = bytes + entry.batch.size() <= max_bytes || (at_least_one && bytes == 0);
            let taken = fits && entry.batch.header.base_offset < upper_bound;
            bytes += if taken { entry.batch.size() } else { 0 };
            taken
        });
        let count = taken.count();
        Ok(ReadOutcome {
            batches: found[..count].iter().map(|entry| entry.batch.clone()).collect(),
            bytes,
        })
    }
}
