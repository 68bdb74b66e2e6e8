//! From the bytes of a fetch response to records, as Kafka's `CompletedFetch`.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_sim_core::batch::{Batch, BatchError, split_batches};

use super::types::{ReadError, ReadRecord};

/// No response says how large its batches are once decompressed. The Java consumer has no limit either; this one
/// keeps a hostile batch from taking all memory.
const DECOMPRESSED_AT_MOST: usize = 1 << 30;

/// For so many records of a batch there is memory before they are read, if the batch claims to have as many.
const RESERVED_AT_MOST: usize = 256;

/// What a response held for one partition.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    pub(super) records: Vec<ReadRecord>,
    /// Where to read on.
    pub(super) next_offset: i64,
    /// Leader epoch of the last batch passed, if it has one.
    pub(super) last_epoch: Option<i32>,
    /// What made it stop early. Records before it are good.
    pub(super) error: Option<ReadError>,
}

/// Reads the batches from `position` on. With `aborted` given, records of those transactions, each with producer id and
/// first offset, are left out.
pub(super) fn unpack(bytes: &Bytes, position: i64, check_crcs: bool, aborted: Option<&[(i64, i64)]>) -> Unpacked {
    let mut unpacked = Unpacked {
        next_offset: position,
        ..Unpacked::default()
    };
    let mut filter = aborted.map(Filter::new);
    let mut batches = split_batches(bytes);
    for batch in batches.by_ref() {
        let result = match batch {
            Ok(batch) => take_batch(&batch, check_crcs, filter.as_mut(), &mut unpacked),
            Err(error) => Err(corrupt(unpacked.next_offset, error)),
        };
        if let Err(error) = result {
            unpacked.error = Some(error);
            return unpacked;
        }
    }
    // A batch cut off at the end is normal, one cut off at the beginning means that nothing will ever come.
    if batches.consumed() == 0 && batches.rest() > 0 {
        unpacked.error = Some(corrupt(position, "the response holds only a part of a batch"));
    }
    unpacked
}

fn take_batch(
    batch: &Batch,
    check_crcs: bool,
    filter: Option<&mut Filter>,
    unpacked: &mut Unpacked,
) -> Result<(), ReadError> {
    let header = &batch.header;
    if header.next_offset() <= unpacked.next_offset {
        return Ok(());
    }
    if check_crcs && !batch.check_crc() {
        return Err(corrupt(header.base_offset, "checksum mismatch"));
    }
    let dropped = filter.is_some_and(|filter| filter.drops(batch)) || header.is_control();
    if !dropped {
        take_records(batch, unpacked).map_err(|error| corrupt(header.base_offset, error))?;
    }
    // Compaction may have removed the last records: the batch still covers their offsets.
    unpacked.next_offset = unpacked.next_offset.max(header.next_offset());
    unpacked.last_epoch = (header.leader_epoch >= 0).then_some(header.leader_epoch);
    Ok(())
}

fn take_records(batch: &Batch, unpacked: &mut Unpacked) -> Result<(), BatchError> {
    let header = &batch.header;
    let plain = batch.plain_records(DECOMPRESSED_AT_MOST)?;
    let share = |slice: &[u8]| plain.slice_ref(slice);
    if unpacked.records.capacity() == 0 {
        let count = usize::try_from(header.record_count).unwrap_or_default();
        unpacked.records = Vec::with_capacity(count.min(RESERVED_AT_MOST));
    }
    batch.walk_records(&plain, |record| {
        let offset = header.base_offset.wrapping_add(i64::from(record.offset_delta));
        // A read begins at the batch that contains the offset asked for.
        if offset >= unpacked.next_offset {
            unpacked.next_offset = offset + 1;
            unpacked.records.push(ReadRecord {
                offset,
                timestamp: record.timestamp,
                key: record.key.map(share),
                value: record.value.map(share),
                leader_epoch: header.leader_epoch,
            });
        }
    })
}

fn corrupt(offset: i64, reason: impl ToString) -> ReadError {
    ReadError::Corrupt {
        offset,
        reason: reason.to_string(),
    }
}

/// Leaves out records of aborted transactions.
struct Filter {
    /// Sorted by first offset, last first.
    ahead: Vec<(i64, i64)>,
    active: BTreeSet<i64>,
}

impl Filter {
    fn new(aborted: &[(i64, i64)]) -> Filter {
        let mut ahead: Vec<(i64, i64)> = aborted.iter().map(|&(producer, first)| (first, producer)).collect();
        ahead.sort_unstable_by(|left, right| right.cmp(left));
        Filter {
            ahead,
            active: BTreeSet::new(),
        }
    }

    fn drops(&mut self, batch: &Batch) -> bool {
        let header = &batch.header;
        if !header.has_producer_id() {
            return false;
        }
        while let Some((_, producer)) = self.ahead.pop_if(|(first, _)| *first <= header.last_offset()) {
            self.active.insert(producer);
        }
        if header.is_control() {
            if is_abort_marker(batch) {
                self.active.remove(&header.producer_id);
            }
            return true;
        }
        header.is_transactional() && self.active.contains(&header.producer_id)
    }
}

/// Whether a control batch ends a transaction by aborting it: its key is a version and then type 0.
fn is_abort_marker(batch: &Batch) -> bool {
    let mut records = batch.record_iter(DECOMPRESSED_AT_MOST).into_iter().flatten().flatten();
    let key = records.next().and_then(|record| record.key);
    key.is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}
