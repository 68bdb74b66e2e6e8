//! Which batches belong to aborted transactions, and which markers are still needed (CleanedTransactionMetadata).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Buf;
use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, BatchError};

use super::swap::batches_of;
use crate::disk::Disk;
use crate::log::{DECOMPRESSION_LIMIT, Log};

const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// A transaction that was aborted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct AbortedTransaction {
    producer_id: i64,
    first: Offset,
    /// Offset of the abort marker.
    pub(super) marker: Offset,
}

/// The transactions open at the batch a walk over the log is at.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    /// By first offset, descending; those the walk has reached are taken off.
    ahead: Vec<AbortedTransaction>,
    /// Producers in the middle of an aborted transaction, and whether a batch of it was met.
    aborted: BTreeMap<i64, bool>,
    /// Producers with batches of a transaction that was not aborted.
    committed: BTreeSet<i64>,
}

impl Transactions {
    pub(super) fn of(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|transaction| std::cmp::Reverse(transaction.first));
        Transactions {
            ahead: aborted,
            aborted: BTreeMap::new(),
            committed: BTreeSet::new(),
        }
    }

    /// The walk is at this batch. Returns whether transactions have no more use for its records: they were aborted, or it
    /// is a marker and no batch of its transaction is left.
    pub(super) fn note(&mut self, batch: &Batch) -> Result<bool, BatchError> {
        let header = &batch.header;
        while let Some(begun) = self.ahead.pop_if(|begun| begun.first <= header.last_offset()) {
            self.aborted.entry(begun.producer_id).or_insert(false);
        }
        if header.is_control() {
            return Ok(match marker_type(batch)? {
                None => true,
                Some(ABORT) => !self.aborted.remove(&header.producer_id).unwrap_or(false),
                Some(COMMIT) => !self.committed.remove(&header.producer_id),
                Some(_) => false,
            });
        }
        if !header.is_transactional() {
            return Ok(false);
        }
        if let Some(met) = self.aborted.get_mut(&header.producer_id) {
            *met = true;
            return Ok(true);
        }
        self.committed.insert(header.producer_id);
        Ok(false)
    }
}

/// What a control batch marks; `None` if an earlier cleaning has taken its record.
fn marker_type(batch: &Batch) -> Result<Option<i16>, BatchError> {
    let first = batch.record_iter(DECOMPRESSION_LIMIT)?.next().transpose()?;
    Ok(first.and_then(|record| {
        let mut key = record.key?;
        let _version = key.try_get_i16().ok()?;
        key.try_get_i16().ok()
    }))
}

impl Log {
    /// The transactions with records below `end` that were aborted. Their markers may lie further on.
    pub(super) fn aborted_transactions(&self, disk: &Disk, end: Offset) -> Result<Vec<AbortedTransaction>, BatchError> {
        let mut open: BTreeMap<i64, Offset> = BTreeMap::new();
        let mut aborted = Vec::new();
        for segment in &self.segments {
            if !segment
                .entries
                .iter()
                .any(|entry| entry.batch.header.is_transactional())
            {
                continue;
            }
            for batch in batches_of(disk, segment)? {
                let header = &batch.header;
                if !header.is_control() && header.is_transactional() {
                    open.entry(header.producer_id).or_insert(header.base_offset);
                } else if header.is_control() {
                    let first = open.remove(&header.producer_id);
                    let was_aborted = marker_type(&batch)? == Some(ABORT);
                    aborted.extend(
                        first
                            .filter(|first| was_aborted && *first < end)
                            .map(|first| AbortedTransaction {
                                producer_id: header.producer_id,
                                first,
                                marker: header.last_offset(),
                            }),
                    );
                }
            }
        }
        Ok(aborted)
    }
}
