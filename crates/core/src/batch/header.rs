//! The 61 bytes in front of the records (`DefaultRecordBatch`).

use bytes::BufMut;

use super::{BatchError, Codec, NO_PRODUCER_ID, NO_SEQUENCE};
use crate::Offset;

/// Size of the header in bytes.
pub const HEADER_SIZE: usize = 61;

/// Bytes up to and including the length field, which the length does not count.
pub(super) const LENGTH_END: usize = 12;
/// Bytes up to and including the magic byte, which older formats have in the same place.
const MAGIC_END: usize = 17;
const MAGIC: i8 = 2;

const CODEC_MASK: i16 = 0b111;
pub(super) const LOG_APPEND_TIME_BIT: i16 = 1 << 3;
pub(super) const TRANSACTIONAL_BIT: i16 = 1 << 4;
pub(super) const CONTROL_BIT: i16 = 1 << 5;
pub(super) const DELETE_HORIZON_BIT: i16 = 1 << 6;

/// Who gave the records of a batch their timestamps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TimestampType {
    /// The producer.
    CreateTime,
    /// The leader when it appended the batch: every record has the batch's `max_timestamp`.
    LogAppendTime,
}

/// The header of a batch, field for field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct BatchHeader {
    /// Offset of the first record; 0 until a leader stamps it. Outside the CRC.
    pub base_offset: Offset,
    /// Bytes after this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch; -1 until it does. Outside the CRC.
    pub leader_epoch: i32,
    /// Format version, always 2.
    pub magic: i8,
    /// CRC-32C of everything after this field.
    pub crc: u32,
    /// Codec (bits 0-2), timestamp type (3), transactional (4), control (5), delete horizon (6).
    pub attributes: i16,
    /// Offset of the last record minus `base_offset`. Compaction keeps it.
    pub last_offset_delta: i32,
    /// Timestamp the records' timestamps are relative to, in milliseconds since the Unix epoch, or -1. Compaction may
    /// have put the delete horizon here.
    pub base_timestamp: i64,
    /// Greatest timestamp of the records, in milliseconds since the Unix epoch, or -1.
    pub max_timestamp: i64,
    /// Id of an idempotent producer, or -1.
    pub producer_id: i64,
    /// Epoch of an idempotent producer, or -1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or -1.
    pub base_sequence: i32,
    /// Number of records.
    pub record_count: i32,
}

/// The bytes of a field.
#[inline]
fn field<const N: usize, const SIZE: usize>(header: &[u8; SIZE], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&header[at..at + N]);
    field
}

#[cold]
fn truncated(bytes: &[u8], needed: usize) -> BatchError {
    let available = bytes.len();
    BatchError::Truncated { needed, available }
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`, which need not hold the whole batch.
    ///
    /// # Errors
    /// Too few bytes, another format version, or a length field below what the header itself needs.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let Some(start) = bytes.first_chunk::<MAGIC_END>() else {
            return Err(truncated(bytes, MAGIC_END));
        };
        let magic = start[MAGIC_END - 1].cast_signed();
        if magic != MAGIC {
            return Err(BatchError::UnsupportedMagic(magic));
        }
        let batch_length = i32::from_be_bytes(field(start, 8));
        if batch_length < (HEADER_SIZE - LENGTH_END) as i32 {
            return Err(BatchError::BadLength(batch_length));
        }
        let Some(header) = bytes.first_chunk::<HEADER_SIZE>() else {
            return Err(truncated(bytes, HEADER_SIZE));
        };
        Ok(BatchHeader {
            base_offset: i64::from_be_bytes(field(header, 0)),
            batch_length,
            leader_epoch: i32::from_be_bytes(field(header, 12)),
            magic,
            crc: u32::from_be_bytes(field(header, 17)),
            attributes: i16::from_be_bytes(field(header, 21)),
            last_offset_delta: i32::from_be_bytes(field(header, 23)),
            base_timestamp: i64::from_be_bytes(field(header, 27)),
            max_timestamp: i64::from_be_bytes(field(header, 35)),
            producer_id: i64::from_be_bytes(field(header, 43)),
            producer_epoch: i16::from_be_bytes(field(header, 51)),
            base_sequence: i32::from_be_bytes(field(header, 53)),
            record_count: i32::from_be_bytes(field(header, 57)),
        })
    }

    /// Writes all 61 bytes.
    pub(super) fn put(&self, buf: &mut impl BufMut) {
        buf.put_i64(self.base_offset);
        buf.put_i32(self.batch_length);
        buf.put_i32(self.leader_epoch);
        buf.put_i8(self.magic);
        buf.put_u32(self.crc);
        buf.put_i16(self.attributes);
        buf.put_i32(self.last_offset_delta);
        buf.put_i64(self.base_timestamp);
        buf.put_i64(self.max_timestamp);
        buf.put_i64(self.producer_id);
        buf.put_i16(self.producer_epoch);
        buf.put_i32(self.base_sequence);
        buf.put_i32(self.record_count);
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// [`BatchError::UnknownCodec`].
    pub fn codec(&self) -> Result<Codec, BatchError> {
        Codec::from_id((self.attributes & CODEC_MASK) as u8)
    }

    /// The attributes with another codec.
    pub(super) fn attributes_with(&self, codec: Codec) -> i16 {
        self.attributes & !CODEC_MASK | i16::from(codec.id())
    }

    /// Whether the batch is part of a transaction.
    pub const fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// Whether the batch is a marker written by a broker rather than data.
    pub const fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// Whether the producer is idempotent, so that sequence numbers apply.
    pub const fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// Who gave the records their timestamps.
    pub const fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_BIT != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// When compaction may drop the tombstones or the transaction marker of this batch (KIP-534), in milliseconds since
    /// the Unix epoch. `None` until compaction has met them for the first time.
    pub const fn delete_horizon(&self) -> Option<i64> {
        if self.attributes & DELETE_HORIZON_BIT != 0 {
            Some(self.base_timestamp)
        } else {
            None
        }
    }

    /// Offset of the last record. In a compacted batch, of the last record it once had.
    pub const fn last_offset(&self) -> Offset {
        self.base_offset.wrapping_add(self.last_offset_delta as i64)
    }

    /// Offset after the last record.
    pub const fn next_offset(&self) -> Offset {
        self.last_offset().wrapping_add(1)
    }

    /// Sequence number of the last record, or -1 without sequence numbers. They wrap from `i32::MAX` to 0.
    pub const fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }

    /// Size of the whole batch in bytes.
    pub const fn size_in_bytes(&self) -> usize {
        LENGTH_END + self.batch_length as usize
    }
}

/// `sequence + by`, skipping the negative numbers.
const fn increment_sequence(sequence: i32, by: i32) -> i32 {
    let sum = (sequence as i64 + by as i64) % (i32::MAX as i64 + 1);
    sum as i32
}
