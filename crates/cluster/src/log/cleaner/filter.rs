//! What stays of a batch (Cleaner.cleanInto, MemoryRecords.filterTo).

use std::collections::BTreeMap;

use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, BatchError, BatchHeader, RecordView, validate_records};

use super::{Job, KeyMap, Transactions};
use crate::log::producers::ProducerStates;
use crate::log::{DECOMPRESSION_LIMIT, LogConfig};

/// The last thing the log has of a producer.
#[derive(Clone, Copy, Debug)]
enum LastRecord {
    /// The offset of its last record, whose batch says which sequence number comes next.
    Data(Offset),
    /// Nothing but markers of this epoch.
    Marker(i16),
}

/// Decides batch by batch.
pub(super) struct Filter<'a> {
    keys: &'a KeyMap,
    transactions: &'a mut Transactions,
    end: Offset,
    now_ms: i64,
    delete_retention_ms: i64,
    last_of_producers: BTreeMap<i64, LastRecord>,
}

/// What a look at the records of a batch has found.
#[derive(Default)]
struct Kept {
    records: i32,
    tombstones: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn new(job: &'a mut Job, config: &LogConfig, producers: &ProducerStates) -> Self {
        let last = |(id, state): (i64, &crate::log::producers::ProducerState)| {
            let data = state.batches.last().map(|batch| LastRecord::Data(batch.last_offset));
            (id, data.unwrap_or(LastRecord::Marker(state.epoch)))
        };
        Filter {
            keys: &job.keys,
            transactions: &mut job.transactions,
            end: job.end,
            now_ms: job.now_ms,
            delete_retention_ms: config.delete_retention_ms,
            last_of_producers: producers.iter().map(last).collect(),
        }
    }

    /// The batch as it is to be written; `None` if nothing of it stays. Batches from which nothing goes are shared.
    pub(super) fn clean(&mut self, batch: &Batch) -> Result<Option<Batch>, BatchError> {
        let header = &batch.header;
        let unneeded = self.transactions.note(batch)?;
        let horizon_passed = header.delete_horizon().is_some_and(|at| at <= self.now_ms);
        let drop_records = unneeded && (!header.is_control() || horizon_passed);
        let keep_header = self.is_last_of_producer(header) || header.next_offset() == self.end;
        if drop_records && !keep_header {
            return Ok(None);
        }
        let keep = |record: &RecordView<'_>| !drop_records && (header.is_control() || self.keeps(header, record));
        let kept = look(batch, keep)?;
        if kept.records == 0 {
            return Ok(keep_header.then(|| batch.emptied()));
        }
        let expires = kept.tombstones || (unneeded && header.is_control());
        if expires && header.delete_horizon().is_none() {
            let horizon = self.now_ms.saturating_add(self.delete_retention_ms);
            return batch.retaining_until(horizon, DECOMPRESSION_LIMIT, keep).map(Some);
        }
        if kept.records == header.record_count {
            return Ok(Some(batch.clone()));
        }
        batch.retaining(DECOMPRESSION_LIMIT, keep).map(Some)
    }

    /// Without it a producer that is still active would be told that its next batch is out of order, or an old epoch of
    /// it would be let in again.
    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        match self.last_of_producers.get(&header.producer_id) {
            Some(LastRecord::Data(offset)) => header.has_producer_id() && header.last_offset() == *offset,
            Some(LastRecord::Marker(epoch)) => header.is_control() && header.producer_epoch == *epoch,
            None => false,
        }
    }

    fn keeps(&self, header: &BatchHeader, record: &RecordView<'_>) -> bool {
        let offset = header.base_offset + i64::from(record.offset_delta);
        if self.keys.ends_before(offset) {
            return true;
        }
        let may_go = header.delete_horizon().is_some_and(|at| at <= self.now_ms);
        let Some(key) = record.key else { return false };
        !self.keys.replaces(key, offset) && (record.value.is_some() || !may_go)
    }
}

fn look(batch: &Batch, keep: impl Fn(&RecordView<'_>) -> bool) -> Result<Kept, BatchError> {
    let mut kept = Kept::default();
    validate_records(batch, DECOMPRESSION_LIMIT, |record| {
        if keep(record) {
            kept.records += 1;
            kept.tombstones |= record.value.is_none();
        }
    })?;
    Ok(kept)
}
