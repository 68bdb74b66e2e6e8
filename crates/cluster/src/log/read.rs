//! Reading batches by offset.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{ErrorCode, Offset};

use super::Log;
use super::segment::Entry;

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
        let mut batches = Vec::new();
        let bytes = self.read_into(&mut batches, offset, max_bytes, upper_bound, at_least_one)?;
        Ok(ReadOutcome { batches, bytes })
    }

    /// As [`Log::read`], behind what `batches` holds already. Returns the bytes that were read.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn read_into(
        &self,
        batches: &mut Vec<Batch>,
        offset: Offset,
        max_bytes: usize,
        upper_bound: Offset,
        at_least_one: bool,
    ) -> Result<usize, ErrorCode> {
        if offset < self.log_start || offset > self.log_end {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        let mut bytes = 0;
        for entry in self.entries_from(offset) {
            let size = entry.batch.size();
            let fits = bytes + size <= max_bytes || (at_least_one && bytes == 0);
            if !fits || entry.batch.header.base_offset >= upper_bound {
                break;
            }
            bytes += size;
            batches.push(entry.batch.clone());
        }
        Ok(bytes)
    }

    /// What one segment holds at or after the offset. A segment can hold nothing there; then the next one is meant.
    fn entries_from(&self, offset: Offset) -> &[Entry] {
        let first = match self.segments.last() {
            Some(active) if active.base_offset <= offset => self.segments.len() - 1,
            _ => self
                .segments
                .partition_point(|segment| segment.base_offset <= offset)
                .saturating_sub(1),
        };
        let found = self.segments[first..].iter().find_map(|segment| {
            let rest = &segment.entries[segment.at_or_after(offset)..];
            (!rest.is_empty()).then_some(rest)
        });
        found.unwrap_or_default()
    }
}
