//! Appending as the leader: the order of checks is that of UnifiedLog.append.

use bytes::Bytes;
use kafka_sim_core::batch::{BatchHeader, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, TimestampType};
use kafka_sim_core::{ErrorCode, Offset, SimTime};

use super::producers::BatchMeta;
use super::validate::{self, Batches};
use super::{AppendError, Log};
use crate::disk::Disk;

/// Who wants to append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOrigin {
    /// A Produce request.
    Client,
    /// A coordinator on this broker, writing to an internal topic. What only clients can get wrong is not checked, and
    /// neither duplicates nor sequence numbers are.
    Coordinator,
}

/// A successful append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Offset of the first record, −1 if there were none.
    pub first_offset: Offset,
    /// Offset of the last record, −1 if there were none.
    pub last_offset: Offset,
    /// The batch was in the log already; the offsets are the old ones and nothing was written.
    pub duplicate: bool,
    /// What the Produce response says: the leader's time under LogAppendTime, otherwise −1; of a duplicate, the greatest
    /// timestamp of the original.
    pub log_append_time: i64,
    /// Log start at the time.
    pub log_start_offset: Offset,
    /// Bytes written.
    pub bytes: usize,
    /// Set if `flush.messages` caused an fsync: when it is complete. The append is not before.
    pub flushed: Option<SimTime>,
    /// Producer id, producer epoch and base sequence of the first batch, −1 each without.
    pub producer: (i64, i16, i32),
}

impl Appended {
    pub(super) fn nothing(log_start_offset: Offset) -> Self {
        Appended {
            first_offset: -1,
            last_offset: -1,
            duplicate: false,
            log_append_time: -1,
            log_start_offset,
            bytes: 0,
            flushed: None,
            producer: (NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE),
        }
    }

    fn duplicate_of(original: &BatchMeta, log_start_offset: Offset, producer: (i64, i16, i32)) -> Self {
        Appended {
            first_offset: original.first_offset(),
            last_offset: original.last_offset,
            duplicate: true,
            log_append_time: original.timestamp,
            producer,
            ..Appended::nothing(log_start_offset)
        }
    }
}

pub(super) fn producer_of(header: &BatchHeader) -> (i64, i16, i32) {
    (header.producer_id, header.producer_epoch, header.base_sequence)
}

impl Log {
    /// Appends what a client or a coordinator sent: checks it, gives it offsets and the leader's epoch, and writes it.
    /// `now_ms` is the broker's clock.
    ///
    /// A refused or duplicate batch may still have begun an epoch or closed a segment, as in Kafka.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub fn append_as_leader(
        &mut self,
        disk: &mut Disk,
        records: Bytes,
        leader_epoch: i32,
        now: SimTime,
        now_ms: i64,
        origin: AppendOrigin,
    ) -> Result<Appended, AppendError> {
        self.check_healthy()?;
        self.flush.settle(now);
        let mut batches = validate::split(&records, origin, &self.config)?;
        if batches.is_empty() {
            return Ok(Appended::nothing(self.log_start));
        }
        self.prepare(&mut batches, leader_epoch, origin, now_ms)?;
        let (first, last) = (&batches[0].header, &batches[batches.len() - 1].header);
        let (first_offset, last_offset, producer) = (first.base_offset, last.last_offset(), producer_of(first));
        self.assign_epoch(disk, leader_epoch, first_offset, now)?;
        let bytes = batches.iter().map(|batch| batch.size()).sum();
        if bytes as u64 > self.config.segment_bytes {
            let text = format!(
                "{bytes} bytes do not fit into a segment of {}",
                self.config.segment_bytes
            );
            return Err(AppendError::new(ErrorCode::RECORD_LIST_TOO_LARGE, text));
        }
        self.roll_if_needed(disk, &batches[0], now, now_ms);
        if let Some(original) = self.check_producers(&batches, origin)? {
            return Ok(Appended::duplicate_of(&original, self.log_start, producer));
        }
        for batch in batches {
            self.write(disk, batch, now, now_ms)?;
        }
        let by_leader = self.config.timestamp_type == TimestampType::LogAppendTime;
        Ok(Appended {
            first_offset,
            last_offset,
            log_append_time: if by_leader { now_ms } else { -1 },
            bytes,
            flushed: self.flush_if_many(disk, now)?,
            producer,
            ..Appended::nothing(self.log_start)
        })
    }

    /// Validates the batches and stamps them with their offsets.
    fn prepare(
        &self,
        batches: &mut Batches,
        leader_epoch: i32,
        origin: AppendOrigin,
        now_ms: i64,
    ) -> Result<(), AppendError> {
        let mut next = self.log_end;
        for batch in batches {
            validate::validate(batch, origin, &self.config, now_ms)?;
            batch.stamp(next, leader_epoch);
            next = batch.header.next_offset();
        }
        Ok(())
    }

    /// The original if a client's batch is a duplicate.
    fn check_producers(&self, batches: &Batches, origin: AppendOrigin) -> Result<Option<BatchMeta>, AppendError> {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::mutant::Mutant::NoDuplicateCheck) {
            return Ok(None);
        }
        let from_client = origin == AppendOrigin::Client;
        for batch in batches.iter().filter(|batch| batch.header.has_producer_id()) {
            let original = self.producers.duplicate_of(&batch.header).filter(|_| from_client);
            if original.is_some() {
                return Ok(original);
            }
            self.producers.check(&batch.header, from_client)?;
        }
        Ok(None)
    }

    pub(super) fn check_healthy(&self) -> Result<(), AppendError> {
        self.failure.map_or(Ok(()), |failure| Err(failure.into()))
    }
}
