//! A batch that shares its bytes.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{HEADER_SIZE, LENGTH_END, LOG_APPEND_TIME_BIT};
use super::record::walk;
use super::{BatchError, BatchHeader, Codec, Record, RecordIter, RecordView, decompress};
use crate::Offset;

/// Size of the head: base offset, length and leader epoch. A leader stamps it, and the CRC does not cover it.
pub const HEAD_SIZE: usize = 16;
/// Where in the tail the attributes start, and with them what the CRC covers.
pub(super) const CRC_COVERS_FROM: usize = 5;
/// Where in the tail the CRC itself is.
const CRC_AT: usize = 1;
/// Where in the tail the attributes are.
const ATTRIBUTES_AT: usize = 5;
/// Where in the tail the greatest timestamp is.
const MAX_TIMESTAMP_AT: usize = 35 - HEAD_SIZE;
/// Size of the header fields in the tail.
const TAIL_HEADER_SIZE: usize = HEADER_SIZE - HEAD_SIZE;

/// One record batch.
///
/// It consists of a head of 16 bytes, which a leader stamps, and a tail, which stays as the producer sent it and is shared
/// between all clones. So a batch can be appended, replicated and served without being copied or checksummed again.
#[derive(Clone)]
pub struct Batch {
    /// The header. Its `base_offset` and `leader_epoch` are the batch's; the other fields repeat what the tail says, and
    /// changing them changes nothing else.
    pub header: BatchHeader,
    tail: Bytes,
}

impl Batch {
    /// Takes the batch that starts at `at`, without copying it and without looking at its records or its CRC.
    ///
    /// # Errors
    /// [`BatchError::Truncated`] if the batch does not end within `bytes`; anything [`BatchHeader::parse`] refuses.
    pub fn parse_one(bytes: &Bytes, at: usize) -> Result<Batch, BatchError> {
        let rest = bytes.get(at..).unwrap_or_default();
        let header = BatchHeader::parse(rest)?;
        let needed = header.size_in_bytes();
        if rest.len() < needed {
            return Err(BatchError::Truncated {
                needed,
                available: rest.len(),
            });
        }
        Ok(Batch {
            header,
            tail: bytes.slice(at + HEAD_SIZE..at + needed),
        })
    }

    /// Puts a batch together from what [`Batch::stamped_head`] and [`Batch::tail`] gave.
    ///
    /// # Errors
    /// [`BatchError::Truncated`] if head and tail do not belong together; anything [`BatchHeader::parse`] refuses.
    pub fn from_parts(head: [u8; HEAD_SIZE], tail: Bytes) -> Result<Batch, BatchError> {
        let mut start = [0u8; HEADER_SIZE];
        let in_tail = tail.len().min(TAIL_HEADER_SIZE);
        start[..HEAD_SIZE].copy_from_slice(&head);
        start[HEAD_SIZE..HEAD_SIZE + in_tail].copy_from_slice(&tail[..in_tail]);
        let header = BatchHeader::parse(&start[..HEAD_SIZE + in_tail])?;
        let (needed, available) = (header.size_in_bytes(), HEAD_SIZE + tail.len());
        if needed != available {
            return Err(BatchError::Truncated { needed, available });
        }
        Ok(Batch { header, tail })
    }

    /// Puts a batch together from a header and the records as they are stored, and computes length and CRC.
    pub(super) fn assemble(header: BatchHeader, records: &[u8]) -> Batch {
        let mut buf = Vec::with_capacity(HEADER_SIZE + records.len());
        buf.put_bytes(0, HEADER_SIZE);
        buf.extend_from_slice(records);
        Batch::assemble_in_place(header, buf)
    }

    /// Like [`Batch::assemble`], for records that already stand in `buf` behind room for the header.
    pub(super) fn assemble_in_place(mut header: BatchHeader, mut buf: Vec<u8>) -> Batch {
        write_header(&mut header, &mut buf);
        Batch {
            header,
            tail: Bytes::from(buf).slice(HEAD_SIZE..),
        }
    }

    /// Whether the CRC matches.
    pub fn check_crc(&self) -> bool {
        crc32c::crc32c(&self.tail[CRC_COVERS_FROM..]) == self.header.crc
    }

    /// Gives the batch its place in the log. The tail, and with it the CRC, stays as it is.
    pub fn stamp(&mut self, base_offset: Offset, leader_epoch: i32) {
        self.header.base_offset = base_offset;
        self.header.leader_epoch = leader_epoch;
    }

    /// A copy that says it was appended at `now_ms` (milliseconds since the Unix epoch), with its CRC computed again. As
    /// in Kafka, the records' own timestamps stay in place: readers ignore them.
    pub fn with_log_append_time(&self, now_ms: i64) -> Batch {
        let mut tail = BytesMut::from(self.tail.as_ref());
        let mut header = self.header;
        header.attributes |= LOG_APPEND_TIME_BIT;
        header.max_timestamp = now_ms;
        tail[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&header.attributes.to_be_bytes());
        tail[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&now_ms.to_be_bytes());
        header.crc = write_crc(&mut tail);
        Batch {
            header,
            tail: tail.freeze(),
        }
    }

    /// Size of the whole batch in bytes.
    pub fn size(&self) -> usize {
        HEAD_SIZE + self.tail.len()
    }

    /// The first 16 bytes, with base offset and leader epoch as stamped.
    pub fn stamped_head(&self) -> [u8; HEAD_SIZE] {
        let mut head = [0u8; HEAD_SIZE];
        head[..8].copy_from_slice(&self.header.base_offset.to_be_bytes());
        head[8..12].copy_from_slice(&self.header.batch_length.to_be_bytes());
        head[12..].copy_from_slice(&self.header.leader_epoch.to_be_bytes());
        head
    }

    /// Everything after the first 16 bytes, shared with all clones of this batch.
    pub fn tail(&self) -> Bytes {
        self.tail.clone()
    }

    /// Appends the whole batch to `buf`.
    pub fn write_to(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.stamped_head());
        buf.put_slice(&self.tail);
    }

    /// The whole batch in one piece, copied together.
    pub fn to_bytes(&self) -> Bytes {
        let mut buf = BytesMut::with_capacity(self.size());
        self.write_to(&mut buf);
        buf.freeze()
    }

    /// The records as they are stored, compressed or not.
    pub fn stored_records(&self) -> Bytes {
        self.tail.slice(TAIL_HEADER_SIZE..)
    }

    /// The records without compression: a slice of the batch if it has none.
    ///
    /// # Errors
    /// Records that do not decompress, or that decompress to more than `limit` bytes. Uncompressed records have no limit.
    pub fn plain_records(&self, limit: usize) -> Result<Bytes, BatchError> {
        match self.header.codec()? {
            Codec::None => Ok(self.stored_records()),
            codec => decompress(codec, &self.tail[TAIL_HEADER_SIZE..], limit),
        }
    }

    /// The records without compression, borrowed if possible.
    pub(super) fn plain_slice(&self, limit: usize) -> Result<Cow<'_, [u8]>, BatchError> {
        let stored = &self.tail[TAIL_HEADER_SIZE..];
        match self.header.codec()? {
            Codec::None => Ok(Cow::Borrowed(stored)),
            codec => decompress(codec, stored, limit).map(|plain| Cow::Owned(plain.into())),
        }
    }

    /// Walks the records, which share memory with the batch or with what it decompresses to.
    ///
    /// # Errors
    /// See [`Batch::plain_records`]. Records that do not parse come out of the iterator as errors.
    pub fn record_iter(&self, limit: usize) -> Result<RecordIter, BatchError> {
        Ok(RecordIter::new(self.header, self.plain_records(limit)?))
    }

    /// Walks the records, which `plain` holds without compression, and allocates nothing. Records before an error are
    /// visited.
    ///
    /// # Errors
    /// A record that does not parse; a count that is not that of the records.
    pub fn walk_records<'a>(&self, plain: &'a [u8], visit: impl FnMut(&RecordView<'a>)) -> Result<(), BatchError> {
        walk(&self.header, plain, visit)
    }

    /// All records.
    ///
    /// # Errors
    /// See [`Batch::plain_records`]; a record that does not parse; a count that is not that of the records.
    pub fn records(&self, limit: usize) -> Result<Vec<Record>, BatchError> {
        let records = self.record_iter(limit)?;
        let mut all = Vec::with_capacity(records.size_hint().1.unwrap_or(0));
        for record in records {
            all.push(record?);
        }
        Ok(all)
    }
}

/// Writes a header before the records that stand behind room for it in `buf`, and computes length and CRC.
pub(super) fn write_header(header: &mut BatchHeader, buf: &mut [u8]) {
    header.batch_length = (buf.len() - LENGTH_END) as i32;
    header.put(&mut &mut buf[..HEADER_SIZE]);
    header.crc = write_crc(&mut buf[HEAD_SIZE..]);
}

/// Computes the CRC of a tail and writes it where it belongs.
fn write_crc(tail: &mut [u8]) -> u32 {
    let crc = crc32c::crc32c(&tail[CRC_COVERS_FROM..]);
    (&mut tail[CRC_AT..]).put_u32(crc);
    crc
}

impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        self.stamped_head() == other.stamped_head() && self.tail == other.tail
    }
}

impl Eq for Batch {}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("header", &self.header)
            .field("size", &self.size())
            .finish()
    }
}
