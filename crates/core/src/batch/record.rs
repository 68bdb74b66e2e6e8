//! Records inside a batch (`DefaultRecord`).

use bytes::Bytes;

use super::builder::RecordHeader;
use super::header::{BatchHeader, TimestampType};
use super::{BatchError, varint};
use crate::Offset;

/// The least bytes a record takes: one for each of its seven numbers.
const MIN_RECORD_SIZE: usize = 7;
/// The least bytes a header of a record takes.
const MIN_HEADER_SIZE: usize = 2;

/// One record. Key, value and headers share memory with its batch.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Record {
    /// Position in the log.
    pub offset: Offset,
    /// Milliseconds since the Unix epoch, or -1.
    pub timestamp: i64,
    /// Key; compaction keeps the last record of each.
    pub key: Option<Bytes>,
    /// Value; `None` marks the key as deleted.
    pub value: Option<Bytes>,
    /// Headers in the order the producer gave them.
    pub headers: Vec<RecordHeader>,
}

/// One record while its batch is walked. Nothing in it is allocated.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Index within the batch, from 0.
    pub index: i32,
    /// Offset minus the batch's base offset, as the producer wrote it.
    pub offset_delta: i32,
    /// Milliseconds since the Unix epoch, or -1. The batch's greatest one if the leader gave the timestamps.
    pub timestamp: i64,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value.
    pub value: Option<&'a [u8]>,
    /// Number of headers.
    pub header_count: usize,
    /// All bytes of the record, its length included.
    pub bytes: &'a [u8],
    headers: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Takes the record at the front of `buf`.
    #[inline]
    pub(super) fn take(batch: &BatchHeader, index: i32, buf: &mut &'a [u8]) -> Result<Self, BatchError> {
        parse(batch, index, buf).map_err(|reason| BatchError::BadRecord { index, reason })
    }

    /// The attributes of the record, which mean nothing yet.
    pub(super) fn attributes(&self) -> u8 {
        let mut rest = self.bytes;
        let _ = varint::take_i32(&mut rest);
        rest.first().copied().unwrap_or(0)
    }

    /// The bytes from the offset on. They have been parsed, so nothing is missing.
    pub(super) fn after_timestamp(&self) -> &'a [u8] {
        let mut rest = self.bytes;
        let _ = varint::take_i32(&mut rest);
        rest = rest.get(1..).unwrap_or_default();
        let _ = varint::take_i64(&mut rest);
        rest
    }

    /// The headers. They have been checked, so none is missing.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.headers;
        (0..self.header_count).map_while(move |_| take_header(&mut rest).ok())
    }
}

/// Parses one record, the reason on failure.
#[inline]
fn parse<'a>(batch: &BatchHeader, index: i32, buf: &mut &'a [u8]) -> Result<RecordView<'a>, &'static str> {
    let start = *buf;
    let size = varint::take_i32(buf).ok_or("its length is cut off")?;
    let size = usize::try_from(size).map_err(|_| "its length is negative")?;
    let (mut body, after) = buf
        .split_at_checked(size)
        .ok_or("it is longer than what is left of the batch")?;
    *buf = after;
    let (_attributes, rest) = body.split_first().ok_or("it has no attributes")?;
    body = rest;
    let timestamp_delta = varint::take_i64(&mut body).ok_or("its timestamp is cut off")?;
    let offset_delta = varint::take_i32(&mut body).ok_or("its offset is cut off")?;
    let key = take_nullable(&mut body)?;
    let value = take_nullable(&mut body)?;
    let count = varint::take_i32(&mut body).ok_or("its header count is cut off")?;
    let header_count = usize::try_from(count).map_err(|_| "its header count is negative")?;
    if header_count > body.len() / MIN_HEADER_SIZE {
        return Err("it counts more headers than fit");
    }
    let headers = body;
    for _ in 0..header_count {
        take_header(&mut body)?;
    }
    if !body.is_empty() {
        return Err("bytes are left over inside it");
    }
    let timestamp = match batch.timestamp_type() {
        TimestampType::LogAppendTime => batch.max_timestamp,
        TimestampType::CreateTime => batch.base_timestamp.wrapping_add(timestamp_delta),
    };
    let bytes = &start[..start.len() - after.len()];
    Ok(RecordView {
        index,
        offset_delta,
        timestamp,
        key,
        value,
        header_count,
        bytes,
        headers,
    })
}

#[inline]
fn take_nullable<'a>(buf: &mut &'a [u8]) -> Result<Option<&'a [u8]>, &'static str> {
    let size = varint::take_i32(buf).ok_or("a length inside it is cut off")?;
    if size == -1 {
        return Ok(None);
    }
    take_slice(buf, size).map(Some)
}

#[inline]
fn take_slice<'a>(buf: &mut &'a [u8], size: i32) -> Result<&'a [u8], &'static str> {
    let size = usize::try_from(size).map_err(|_| "a length inside it is negative")?;
    let (slice, rest) = buf.split_at_checked(size).ok_or("a length inside it exceeds it")?;
    *buf = rest;
    Ok(slice)
}

fn take_header<'a>(buf: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), &'static str> {
    let key_size = varint::take_i32(buf).ok_or("the key of a header is cut off")?;
    let key = take_slice(buf, key_size)?;
    Ok((key, take_nullable(buf)?))
}

/// Walks all records of a batch without allocating. Fails if their number is not the one the header gives.
pub(super) fn walk<'a>(
    batch: &BatchHeader,
    mut plain: &'a [u8],
    mut visit: impl FnMut(&RecordView<'a>),
) -> Result<(), BatchError> {
    check_count(batch, plain)?;
    for index in 0..batch.record_count {
        let record = RecordView::take(batch, index, &mut plain)?;
        visit(&record);
    }
    if plain.is_empty() {
        Ok(())
    } else {
        Err(BatchError::CountMismatch {
            declared: batch.record_count,
        })
    }
}

/// Refuses a count that cannot be true for this many bytes.
fn check_count(batch: &BatchHeader, plain: &[u8]) -> Result<(), BatchError> {
    let declared = batch.record_count;
    match usize::try_from(declared) {
        Ok(count) if count <= plain.len() / MIN_RECORD_SIZE => Ok(()),
        _ => Err(BatchError::CountMismatch { declared }),
    }
}

/// Iterator over the records of a batch. Ends after the first error.
#[derive(Clone, Debug)]
pub struct RecordIter {
    batch: BatchHeader,
    plain: Bytes,
    at: usize,
    index: i32,
    ended: bool,
}

impl RecordIter {
    pub(super) fn new(batch: BatchHeader, plain: Bytes) -> Self {
        RecordIter {
            batch,
            plain,
            at: 0,
            index: 0,
            ended: false,
        }
    }

    fn step(&mut self) -> Result<Option<Record>, BatchError> {
        if self.index == 0 {
            check_count(&self.batch, &self.plain)?;
        }
        let mut rest = &self.plain[self.at..];
        if self.index == self.batch.record_count {
            let declared = self.batch.record_count;
            return if rest.is_empty() {
                Ok(None)
            } else {
                Err(BatchError::CountMismatch { declared })
            };
        }
        let view = RecordView::take(&self.batch, self.index, &mut rest)?;
        let share = |slice: &[u8]| self.plain.slice_ref(slice);
        let record = Record {
            offset: self.batch.base_offset.wrapping_add(i64::from(view.offset_delta)),
            timestamp: view.timestamp,
            key: view.key.map(share),
            value: view.value.map(share),
            headers: view
                .headers()
                .map(|(key, value)| (share(key), value.map(share)))
                .collect(),
        };
        self.at += view.bytes.len();
        self.index += 1;
        Ok(Some(record))
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.step();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let fits = (self.plain.len() - self.at) / MIN_RECORD_SIZE;
        let declared = usize::try_from(self.batch.record_count - self.index).unwrap_or(0);
        (0, Some(fits.min(declared)))
    }
}
