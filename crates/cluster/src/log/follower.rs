//! Appending as a follower: what the leader stored goes in as it is.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{ErrorCode, SimTime};

use super::append::producer_of;
use super::{AppendError, Appended, Log};
use crate::disk::Disk;

impl Log {
    /// Appends batches fetched from the leader, with the leader's offsets and epochs. Gaps are taken as they come, since the
    /// leader may have compacted them away; nothing is deduplicated or refused for its sequence numbers.
    ///
    /// Divergence: neither the CRC nor the size is checked again, because batches travel between simulated brokers as shared
    /// values that nothing can damage. And each batch is fitted into a segment on its own, where Kafka fits all batches of a
    /// fetch together.
    ///
    /// # Errors
    /// `UNKNOWN_SERVER_ERROR` for offsets that go backwards, and then nothing was written; storage errors.
    pub fn append_as_follower(
        &mut self,
        disk: &mut Disk,
        batches: &[Batch],
        now: SimTime,
        now_ms: i64,
    ) -> Result<Appended, AppendError> {
        self.check_healthy()?;
        self.flush.settle(now);
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
            return Ok(Appended::nothing(self.log_start));
        };
        check_ascending(batches)?;
        self.check_follows(disk, &first.header, now, now_ms)?;
        for batch in batches {
            if batch.header.leader_epoch >= 0 {
                self.assign_epoch(disk, batch.header.leader_epoch, batch.header.base_offset, now)?;
            }
            self.roll_if_needed(disk, batch, now, now_ms);
            self.write(disk, batch.clone(), now, now_ms)?;
        }
        Ok(Appended {
            first_offset: first.header.base_offset,
            last_offset: last.header.last_offset(),
            bytes: batches.iter().map(|batch| batch.size()).sum(),
            flushed: self.flush_if_many(disk, now)?,
            producer: producer_of(&first.header),
            ..Appended::nothing(self.log_start)
        })
    }

    /// A batch must not overlap the log, except that an empty log may have to begin inside one: its start is then moved to
    /// the beginning of the batch.
    fn check_follows(
        &mut self,
        disk: &mut Disk,
        first: &kafka_sim_core::batch::BatchHeader,
        now: SimTime,
        now_ms: i64,
    ) -> Result<(), AppendError> {
        if first.base_offset >= self.log_end {
            return Ok(());
        }
        let empty = self.log_start == self.log_end;
        if empty && first.last_offset() >= self.log_end {
            self.restart_at(disk, first.base_offset, now, now_ms)?;
            return Ok(());
        }
        let text = format!(
            "a batch at {} came where {} was expected",
            first.base_offset, self.log_end
        );
        Err(AppendError::new(ErrorCode::UNKNOWN_SERVER_ERROR, text))
    }
}

fn check_ascending(batches: &[Batch]) -> Result<(), AppendError> {
    if batches
        .windows(2)
        .all(|pair| pair[1].header.base_offset > pair[0].header.last_offset())
    {
        Ok(())
    } else {
        Err(AppendError::new(
            ErrorCode::UNKNOWN_SERVER_ERROR,
            "the offsets go backwards",
        ))
    }
}
