//! New batches out of old ones: another codec, or fewer records.

use bytes::BytesMut;

use super::record::walk;
use super::{Batch, BatchError, Codec, RecordView, compress};

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
        let mut kept = BytesMut::with_capacity(plain.len());
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
}
