//! A batch on its way through the producer, as Kafka's `ProducerBatch`.

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::{
    SimTime, TopicPartition,
    batch::{BatchBuilder, BatchError, BatchOptions, Codec, HEADER_SIZE},
};

use super::{ratio::Ratio, record::Header};

/// Bytes of records for which a batch has memory from the beginning.
const ROOM: usize = 256;

/// Identifies a batch for as long as the producer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchId(pub(crate) u64);

/// A record that has a place in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) token: u64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<Header>,
}

/// Producer id, epoch and first sequence number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequenced {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) base_sequence: i32,
}

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In its partition's queue.
    Queued,
    /// In a request without an answer.
    InFlight,
    /// In a request without an answer, though its records were reported already.
    Abandoned,
}

/// Records for one partition that travel together.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) partition: TopicPartition,
    pub(crate) entries: Vec<Entry>,
    pub(crate) place: Place,
    pub(crate) created: SimTime,
    /// Creation or last attempt: lingering and back-off count from here.
    pub(crate) waiting_since: SimTime,
    pub(crate) attempts: u32,
    /// Pause before the next attempt, drawn when the last one failed.
    pub(crate) pause: Duration,
    /// Whether an attempt failed and was retried.
    pub(crate) in_retry: bool,
    leader_epoch: Option<i32>,
    attempts_at_leader_change: Option<u32>,
    pub(crate) sequenced: Option<Sequenced>,
    /// Whether the sequence numbers were replaced after a first assignment.
    pub(crate) sequence_reset: bool,
    /// Whether some attempt may have reached the log.
    pub(crate) maybe_written: bool,
    /// No more records: it was full, or it was drained.
    pub(crate) closed: bool,
    /// Encoded form, once drained, for as long as its sequence numbers hold.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Bytes of buffer memory it holds; split batches hold none.
    pub(crate) pool_bytes: u64,
    pub(crate) is_split: bool,
    /// Its records so far, until they are encoded.
    builder: Option<BatchBuilder>,
    record_bytes: usize,
    record_count: i32,
    largest_record: usize,
    write_limit: usize,
    estimated: usize,
}

impl Batch {
    pub(crate) fn new(id: BatchId, partition: TopicPartition, write_limit: usize, created: SimTime) -> Batch {
        let builder = BatchBuilder::with_capacity(BatchOptions::default(), ROOM);
        Batch::empty(id, partition, write_limit, created, Vec::with_capacity(2), builder)
    }

    /// Becomes a batch without records in the same memory.
    pub(crate) fn begin_again(&mut self, id: BatchId, partition: TopicPartition, write_limit: usize, created: SimTime) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        let memory = self.bytes.take().unwrap_or_default();
        let builder = BatchBuilder::in_memory(BatchOptions::default(), memory);
        *self = Batch::empty(id, partition, write_limit, created, entries, builder);
    }

    fn empty(
        id: BatchId,
        partition: TopicPartition,
        write_limit: usize,
        created: SimTime,
        entries: Vec<Entry>,
        builder: BatchBuilder,
    ) -> Batch {
        Batch {
            id,
            partition,
            entries,
            place: Place::Queued,
            created,
            waiting_since: created,
            attempts: 0,
            pause: Duration::ZERO,
            in_retry: false,
            leader_epoch: None,
            attempts_at_leader_change: None,
            sequenced: None,
            sequence_reset: false,
            maybe_written: false,
            closed: false,
            bytes: None,
            pool_bytes: 0,
            is_split: false,
            builder: Some(builder),
            record_bytes: 0,
            record_count: 0,
            largest_record: 0,
            write_limit,
            estimated: HEADER_SIZE,
        }
    }

    /// Appends the entry if there is room; the first one always has. `ratio` is given for compressed batches.
    ///
    /// # Errors
    /// Hands the entry back when it does not fit, and takes no more from then on.
    pub(crate) fn try_append(&mut self, entry: Entry, ratio: Option<Ratio>) -> Result<(), Entry> {
        let Some(builder) = self.builder.as_mut().filter(|_| !self.closed) else {
            return Err(entry);
        };
        let (key, value) = (entry.key.as_deref(), entry.value.as_deref());
        let before = builder.estimated_size();
        if !self.entries.is_empty() {
            let size = builder.size_with(entry.timestamp, key, value, &entry.headers) - before;
            if estimate(self.record_bytes, ratio) + size > self.write_limit {
                self.closed = true;
                return Err(entry);
            }
        }
        let size = builder.append(entry.timestamp, key, value, &entry.headers) - before;
        self.record_bytes += size;
        self.largest_record = self.largest_record.max(HEADER_SIZE + size);
        self.record_count += 1;
        self.entries.push(entry);
        self.estimated = estimate(self.record_bytes, ratio);
        Ok(())
    }

    /// Encodes the batch, unless that was done and its sequence numbers still hold. Returns its size in bytes.
    ///
    /// # Errors
    /// A codec this build leaves out.
    pub(crate) fn encode(&mut self, codec: Codec) -> Result<usize, BatchError> {
        self.closed = true;
        if let Some(bytes) = &self.bytes {
            return Ok(bytes.len());
        }
        let mut builder = self.builder.take().unwrap_or_else(|| self.refill());
        let options = builder.options_mut();
        options.codec = codec;
        if let Some(sequenced) = self.sequenced {
            options.producer_id = sequenced.producer_id;
            options.producer_epoch = sequenced.epoch;
            options.base_sequence = sequenced.base_sequence;
        }
        let bytes = builder.build_vec()?;
        Ok(self.bytes.insert(bytes).len())
    }

    fn refill(&self) -> BatchBuilder {
        let mut builder = BatchBuilder::with_capacity(BatchOptions::default(), self.record_bytes);
        for entry in &self.entries {
            builder.append(
                entry.timestamp,
                entry.key.as_deref(),
                entry.value.as_deref(),
                &entry.headers,
            );
        }
        builder
    }

    /// Whether no more records go in.
    pub(crate) fn is_full(&self) -> bool {
        self.closed || (!self.entries.is_empty() && self.estimated >= self.write_limit)
    }

    /// Size in bytes: exact once encoded, estimated before.
    pub(crate) fn size(&self) -> usize {
        self.bytes.as_ref().map_or(self.estimated, Vec::len)
    }

    /// Bytes of its records before compression.
    pub(crate) fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Largest size a batch with one of its records alone could have.
    pub(crate) fn largest_record(&self) -> usize {
        self.largest_record
    }

    /// Number of records it was made of, also after they have been reported.
    pub(crate) fn record_count(&self) -> i32 {
        self.record_count
    }

    pub(crate) fn base_sequence(&self) -> Option<i32> {
        self.sequenced.map(|sequenced| sequenced.base_sequence)
    }

    pub(crate) fn last_sequence(&self) -> Option<i32> {
        self.base_sequence()
            .map(|base| increment_sequence(base, self.record_count - 1))
    }

    /// Replaces the sequence numbers, so that the batch is encoded anew.
    pub(crate) fn reset_sequence(&mut self, sequenced: Sequenced) {
        self.sequenced = Some(sequenced);
        self.sequence_reset = true;
        self.bytes = None;
    }

    /// Notes which leader epoch metadata shows. A new one makes the next retry immediate (KIP-951).
    pub(crate) fn note_leader_epoch(&mut self, epoch: Option<i32>) {
        if let Some(epoch) = epoch
            && self.leader_epoch.is_none_or(|known| known < epoch)
        {
            self.leader_epoch = Some(epoch);
            self.attempts_at_leader_change = Some(self.attempts);
        }
    }

    /// When the pause after a failed attempt ends, if one is running at `now`.
    pub(crate) fn backing_off_until(&self, now: SimTime) -> Option<SimTime> {
        let leader_changed = self.attempts_at_leader_change == Some(self.attempts);
        let until = self.waiting_since + self.pause;
        (self.attempts > 0 && !leader_changed && now < until).then_some(until)
    }

    /// Counts a failed attempt that will be retried.
    pub(crate) fn reenqueued(&mut self, now: SimTime, pause: Duration) {
        self.attempts = self.attempts.saturating_add(1);
        self.waiting_since = now;
        self.pause = pause;
        self.in_retry = true;
        self.place = Place::Queued;
    }
}

/// Expected size of a batch with so many bytes of records.
fn estimate(record_bytes: usize, ratio: Option<Ratio>) -> usize {
    match ratio {
        Some(ratio) => ratio.estimate(record_bytes),
        None => HEADER_SIZE + record_bytes,
    }
}

/// Adds to a sequence number, which wraps to 0 after the largest 32-bit number.
pub(crate) fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    sequence.checked_add(increment).unwrap_or_else(|| {
        let beyond = i64::from(sequence) + i64::from(increment) - (i64::from(i32::MAX) + 1);
        i32::try_from(beyond).expect("the sum of two 32-bit numbers wraps once")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: usize) -> Entry {
        Entry {
            token: 0,
            timestamp: 0,
            key: None,
            value: Some(Bytes::from(vec![0; value])),
            headers: Vec::new(),
        }
    }

    fn batch(limit: usize) -> Batch {
        Batch::new(BatchId(0), TopicPartition::new("t", 0), limit, SimTime::ZERO)
    }

    #[test]
    fn a_batch_counts_bytes_not_records() {
        // Each record: 7 bytes around a value of 10, whose length takes one of the 7.
        let mut batch = batch(61 + 2 * 17);
        assert!(batch.try_append(entry(10), None).is_ok());
        assert!(!batch.is_full());
        assert!(batch.try_append(entry(10), None).is_ok());
        assert!(batch.is_full(), "exactly at the limit");
        assert!(batch.try_append(entry(0), None).is_err());
    }

    #[test]
    fn the_first_record_fits_even_if_it_is_larger_than_a_batch() {
        let mut batch = batch(16);
        assert!(batch.try_append(entry(1000), None).is_ok());
        assert!(batch.is_full());
    }

    #[test]
    fn sequence_numbers_wrap_to_zero() {
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 1, 4), 2);
        assert_eq!(increment_sequence(5, 4), 9);
    }

    #[test]
    fn a_new_leader_ends_the_pause_of_a_retry() {
        let mut batch = batch(100);
        batch.note_leader_epoch(Some(3));
        batch.reenqueued(SimTime::ZERO, Duration::from_millis(100));
        batch.note_leader_epoch(Some(3));
        assert_eq!(batch.backing_off_until(SimTime::ZERO), Some(SimTime::from_millis(100)));
        batch.note_leader_epoch(Some(4));
        assert_eq!(batch.backing_off_until(SimTime::ZERO), None);
    }
}
