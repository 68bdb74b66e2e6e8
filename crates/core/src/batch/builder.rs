//! Making batches, as a producer does (`MemoryRecordsBuilder`).

use bytes::Bytes;

use super::header::{BatchHeader, CONTROL_BIT, HEADER_SIZE, TRANSACTIONAL_BIT};
use super::shared::write_header;
use super::{
    Batch, BatchError, Codec, NO_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, compress,
    varint,
};

/// A header of a record: key and value. Kafka's keys are strings, but nothing enforces that on the wire.
pub type RecordHeader = (Bytes, Option<Bytes>);

/// The most bytes a record takes besides its key, value and headers: length, attributes, timestamp and offset.
const MAX_RECORD_OVERHEAD: usize = 21;

/// What a batch says about its producer and its codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchOptions {
    /// How to compress the records.
    pub codec: Codec,
    /// Id of an idempotent producer, or -1.
    pub producer_id: i64,
    /// Epoch of an idempotent producer, or -1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or -1.
    pub base_sequence: i32,
    /// Whether the batch is part of a transaction.
    pub transactional: bool,
    /// Whether the batch is a marker rather than data.
    pub control: bool,
}

impl Default for BatchOptions {
    /// An uncompressed batch of a producer that is not idempotent.
    fn default() -> Self {
        BatchOptions {
            codec: Codec::None,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            transactional: false,
            control: false,
        }
    }
}

/// Collects records and turns them into a batch.
///
/// ```
/// use bytes::Bytes;
/// use kafka_sim_core::batch::{Batch, BatchBuilder, BatchOptions};
///
/// let mut builder = BatchBuilder::new(BatchOptions::default());
/// builder.append(1_000, Some(b"key"), Some(b"value"), &[]);
/// let batch = Batch::parse_one(&builder.build()?, 0)?;
/// assert!(batch.check_crc());
/// assert_eq!(batch.records(1 << 20)?[0].value, Some(Bytes::from_static(b"value")));
/// # Ok::<(), kafka_sim_core::batch::BatchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    /// Room for the header, then the records without compression.
    buf: Vec<u8>,
    count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// A builder without records.
    pub fn new(options: BatchOptions) -> Self {
        BatchBuilder::with_capacity(options, 0)
    }

    /// A builder without records that reserves memory for `capacity` bytes of them.
    pub fn with_capacity(options: BatchOptions, capacity: usize) -> Self {
        BatchBuilder::in_memory(options, Vec::with_capacity(HEADER_SIZE + capacity))
    }

    /// A builder without records that writes in place of what is in `buf`.
    pub fn in_memory(options: BatchOptions, mut buf: Vec<u8>) -> Self {
        buf.clear();
        buf.extend_from_slice(&[0; HEADER_SIZE]);
        let (base_timestamp, max_timestamp) = (NO_TIMESTAMP, NO_TIMESTAMP);
        BatchBuilder {
            options,
            buf,
            count: 0,
            base_timestamp,
            max_timestamp,
        }
    }

    /// Adds a record with the next offset and returns what [`BatchBuilder::estimated_size`] has become. `timestamp` is in
    /// milliseconds since the Unix epoch, or -1.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> usize {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let body_size = self.body_size(timestamp, key, value, headers);
        self.buf.reserve(varint::size(body_size as i64) + body_size);
        varint::put_i64(body_size as i64, &mut self.buf);
        self.buf.push(0);
        varint::put_i64(timestamp.wrapping_sub(self.base_timestamp), &mut self.buf);
        varint::put_i32(self.count, &mut self.buf);
        put_nullable(key, &mut self.buf);
        put_nullable(value, &mut self.buf);
        varint::put_i64(headers.len() as i64, &mut self.buf);
        for (key, value) in headers {
            put_nullable(Some(key), &mut self.buf);
            put_nullable(value.as_deref(), &mut self.buf);
        }
        self.count += 1;
        self.estimated_size()
    }

    /// Size in bytes the batch would have with one more record, before compression.
    pub fn size_with(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader],
    ) -> usize {
        let body_size = self.body_size(timestamp, key, value, headers);
        self.buf.len() + varint::size(body_size as i64) + body_size
    }

    /// Size of the batch in bytes before compression.
    pub fn estimated_size(&self) -> usize {
        self.buf.len()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the batch says about its producer; can be changed until it is built, as a producer must when it learns its id
    /// after the first records have come.
    pub fn options_mut(&mut self) -> &mut BatchOptions {
        &mut self.options
    }

    /// Finishes the batch: base offset 0, leader epoch -1, CRC set.
    ///
    /// # Errors
    /// A codec this build leaves out.
    pub fn build(self) -> Result<Bytes, BatchError> {
        self.build_vec().map(Bytes::from)
    }

    /// Finishes the batch, see [`BatchBuilder::build`], in memory that nobody shares.
    ///
    /// # Errors
    /// A codec this build leaves out.
    pub fn build_vec(mut self) -> Result<Vec<u8>, BatchError> {
        if self.options.codec != Codec::None {
            return Ok(self.build_batch()?.to_bytes().into());
        }
        write_header(&mut self.header(), &mut self.buf);
        Ok(self.buf)
    }

    /// Finishes the batch, see [`BatchBuilder::build`], as a [`Batch`].
    ///
    /// # Errors
    /// A codec this build leaves out.
    pub fn build_batch(self) -> Result<Batch, BatchError> {
        let header = self.header();
        match self.options.codec {
            Codec::None => Ok(Batch::assemble_in_place(header, self.buf)),
            codec => Ok(Batch::assemble(header, &compress(codec, &self.buf[HEADER_SIZE..])?)),
        }
    }

    fn header(&self) -> BatchHeader {
        let options = &self.options;
        let mut attributes = i16::from(options.codec.id());
        if options.transactional {
            attributes |= TRANSACTIONAL_BIT;
        }
        if options.control {
            attributes |= CONTROL_BIT;
        }
        BatchHeader {
            base_offset: 0,
            batch_length: 0,
            leader_epoch: NO_LEADER_EPOCH,
            magic: 2,
            crc: 0,
            attributes,
            last_offset_delta: self.count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            record_count: self.count,
        }
    }

    /// Size of a record if it came next, without its length.
    fn body_size(&self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> usize {
        let base_timestamp = if self.count == 0 {
            timestamp
        } else {
            self.base_timestamp
        };
        1 + varint::size(timestamp.wrapping_sub(base_timestamp))
            + varint::size(i64::from(self.count))
            + payload_size(key, value, headers)
    }
}

/// The most bytes a record can take, whatever its place and timestamp (`DefaultRecord.recordSizeUpperBound`).
pub fn record_size_upper_bound(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> usize {
    MAX_RECORD_OVERHEAD + payload_size(key, value, headers)
}

/// The most bytes a batch of this record alone can take without compression
/// (`DefaultRecordBatch.estimateBatchSizeUpperBound`), which the Java producer compares with `max.request.size`.
pub fn batch_size_upper_bound(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> usize {
    HEADER_SIZE + record_size_upper_bound(key, value, headers)
}

fn payload_size(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader]) -> usize {
    let in_headers: usize = headers
        .iter()
        .map(|(key, value)| nullable_size(Some(key)) + nullable_size(value.as_deref()))
        .sum();
    nullable_size(key) + nullable_size(value) + varint::size(headers.len() as i64) + in_headers
}

fn nullable_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint::size(bytes.len() as i64) + bytes.len())
}

fn put_nullable(bytes: Option<&[u8]>, buf: &mut Vec<u8>) {
    match bytes {
        None => varint::put_i32(-1, buf),
        Some(bytes) => {
            varint::put_i64(bytes.len() as i64, buf);
            buf.extend_from_slice(bytes);
        }
    }
}
