//! The last offset of every key in the dirty range (OffsetMap, Cleaner.buildOffsetMap).

use std::collections::BTreeMap;

use kafka_sim_core::Offset;
use kafka_sim_core::batch::{Batch, BatchError, validate_records};

use super::range::Cleanable;
use super::swap::batches_of;
use super::transactions::{AbortedTransaction, Transactions};
use crate::disk::Disk;
use crate::log::{DECOMPRESSION_LIMIT, Log};

/// Keys and the last offset of each.
#[derive(Clone, Debug)]
pub(super) struct KeyMap {
    offsets: BTreeMap<Box<[u8]>, Offset>,
    /// The last offset that was looked at. Records past it are not judged.
    latest: Offset,
    max_keys: usize,
}

impl KeyMap {
    fn new(max_keys: usize) -> Self {
        KeyMap {
            offsets: BTreeMap::new(),
            latest: -1,
            max_keys: max_keys.max(1),
        }
    }

    /// The offset after the last one that was looked at.
    pub(super) fn end(&self) -> Offset {
        self.latest + 1
    }

    /// Whether a later record has taken the place of this one.
    pub(super) fn replaces(&self, key: &[u8], offset: Offset) -> bool {
        self.offsets.get(key).is_some_and(|last| *last > offset)
    }

    /// Whether the map does not reach as far as this offset.
    pub(super) fn ends_before(&self, offset: Offset) -> bool {
        offset > self.latest
    }

    /// Returns whether there was room.
    fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        if self.offsets.len() >= self.max_keys {
            return false;
        }
        match self.offsets.get_mut(key) {
            Some(last) => *last = offset,
            None => {
                self.offsets.insert(key.into(), offset);
            }
        }
        self.latest = offset;
        true
    }

    fn put_all(&mut self, batch: &Batch, from: Offset) -> Result<bool, BatchError> {
        let mut fits = true;
        validate_records(batch, DECOMPRESSION_LIMIT, |record| {
            let offset = batch.header.base_offset + i64::from(record.offset_delta);
            if let Some(key) = record.key.filter(|_| offset >= from) {
                fits = fits && self.put(key, offset);
            }
        })?;
        Ok(fits)
    }

    fn looked_at(&mut self, offset: Offset) {
        self.latest = self.latest.max(offset);
    }
}

impl Log {
    /// Reads the dirty range, or as much of it as there is room for.
    pub(super) fn map_keys(
        &self,
        disk: &Disk,
        range: &Cleanable,
        aborted: &[AbortedTransaction],
        max_keys: usize,
    ) -> Result<KeyMap, BatchError> {
        let from = range.first_dirty;
        let mut keys = KeyMap::new(max_keys);
        let overlapping = aborted.iter().filter(|transaction| transaction.marker >= from);
        let mut transactions = Transactions::of(overlapping.copied().collect());
        let dirty = self.segments_between(from, range.end);
        for (at, segment) in dirty.iter().enumerate() {
            for batch in batches_of(disk, segment)? {
                if batch.header.last_offset() < from {
                    continue;
                }
                let aborted = transactions.note(&batch)?;
                if !batch.header.is_control() && !aborted && !keys.put_all(&batch, from)? {
                    return Ok(keys);
                }
                keys.looked_at(batch.header.last_offset());
            }
            let next = dirty.get(at + 1).map_or(range.end, |next| next.base_offset);
            keys.looked_at(next - 1);
        }
        Ok(keys)
    }
}
