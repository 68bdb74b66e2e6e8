//! New batches out of old ones: another codec, or fewer records.

use super::header::{BatchHeader, DELETE_HORIZON_BIT};
use super::record::walk;
use super::{Batch, BatchError, Codec, NO_TIMESTAMP, RecordView, compress, varint};

impl Batch {
    /// The same records under another codec (a topic whose `compression.type` is not the producer's). Offsets, timestamps
    /// and producer fields stay.
    ///
    /// # Errors
    /// Records that do not decompress, or decompress to more than `limit` bytes; a codec this build leaves out.
    pub fn recompressed(&self, codec: Codec, limit: usize) -> Result<Batch, BatchError> {
        let plain = self.plain_slice(limit)?;
        let mut header = self.header;
        header.attributes = header.attributes_with(codec);
        match codec {
            Codec::None => Ok(Batch::assemble(header, &plain)),
            codec => Ok(Batch::assemble(header, &compress(codec, &plain)?)),
        }
    }

    /// The batch with only those records for which `keep` returns true, as compaction leaves it. Offsets, sequence numbers
    /// and the header's `last_offset_delta` stay, so an idempotent producer can still be recognised by an empty batch.
    ///
    /// # Errors
    /// Records that do not decompress or parse.
    pub fn retaining(&self, limit: usize, mut keep: impl FnMut(&RecordView<'_>) -> bool) -> Result<Batch, BatchError> {
        let plain = self.plain_slice(limit)?;
        let mut kept = Vec::with_capacity(plain.len());
        let mut header = self.header;
        header.record_count = 0;
        let mut max_timestamp = None;
        walk(&self.header, &plain, |record| {
            if keep(record) {
                kept.extend_from_slice(record.bytes);
                header.record_count += 1;
                max_timestamp = max_timestamp.max(Some(record.timestamp));
            }
        })?;
        header.max_timestamp = max_timestamp.unwrap_or(header.max_timestamp);
        match header.codec()? {
            Codec::None => Ok(Batch::assemble(header, &kept)),
            codec => Ok(Batch::assemble(header, &compress(codec, &kept)?)),
        }
    }
    /// The batch with only those records for which `keep` returns true, and with `horizon` as its delete horizon (KIP-534):
    /// it takes the place of the base timestamp, and the timestamps of the records are written anew relative to it.
    ///
    /// # Errors
    /// Records that do not decompress, decompress to more than `limit` bytes, or do not parse.
    pub fn retaining_until(
        &self,
        horizon: i64,
        limit: usize,
        mut keep: impl FnMut(&RecordView<'_>) -> bool,
    ) -> Result<Batch, BatchError> {
        let plain = self.plain_slice(limit)?;
        let mut kept = Vec::with_capacity(plain.len());
        let mut header = BatchHeader {
            attributes: self.header.attributes | DELETE_HORIZON_BIT,
            base_timestamp: horizon,
            record_count: 0,
            ..self.header
        };
        let mut max_timestamp = None;
        walk(&self.header, &plain, |record| {
            if keep(record) {
                put_relative(record, horizon, &mut kept);
                header.record_count += 1;
                max_timestamp = max_timestamp.max(Some(record.timestamp));
            }
        })?;
        header.max_timestamp = max_timestamp.unwrap_or(header.max_timestamp);
        match header.codec()? {
            Codec::None => Ok(Batch::assemble(header, &kept)),
            codec => Ok(Batch::assemble(header, &compress(codec, &kept)?)),
        }
    }

    /// The header alone: what compaction leaves of a batch whose records are all gone and whose offsets or sequence numbers
    /// are still needed (`DefaultRecordBatch.writeEmptyHeader`).
    pub fn emptied(&self) -> Batch {
        let header = BatchHeader {
            attributes: self.header.attributes_with(Codec::None) & !DELETE_HORIZON_BIT,
            base_timestamp: NO_TIMESTAMP,
            record_count: 0,
            ..self.header
        };
        Batch::assemble(header, &[])
    }
}

/// Writes the record with its timestamp relative to `base`.
fn put_relative(record: &RecordView<'_>, base: i64, out: &mut Vec<u8>) {
    let delta = record.timestamp.wrapping_sub(base);
    let rest = record.after_timestamp();
    let size = 1 + varint::size(delta) + rest.len();
    varint::put_i64(size as i64, out);
    out.push(record.attributes());
    varint::put_i64(delta, out);
    out.extend_from_slice(rest);
}
