//! What an application hands to the producer, and what it gets back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_sim_core::{ErrorCode, batch::RecordHeader};

/// A record header: its key in UTF-8 and its value.
pub type Header = RecordHeader;

/// A record to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition, or `None` to let the key or the sticky partitioner decide.
    pub partition: Option<i32>,
    /// Key; records with equal keys go to the same partition as long as the partition count stays the same.
    pub key: Option<Bytes>,
    /// Value.
    pub value: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<Header>,
    /// Milliseconds since the epoch, or `None` for the time of the send.
    pub timestamp: Option<i64>,
    /// The caller's name for this record: comes back in its [`SendOutcome`].
    pub token: u64,
}

impl ProducerRecord {
    /// A record for a topic with neither key nor value.
    pub fn new(topic: impl Into<Arc<str>>, token: u64) -> ProducerRecord {
        ProducerRecord {
            topic: topic.into(),
            partition: None,
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp: None,
            token,
        }
    }

    /// The same record with a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Bytes>) -> ProducerRecord {
        self.key = Some(key.into());
        self
    }

    /// The same record with a value.
    #[must_use]
    pub fn value(mut self, value: impl Into<Bytes>) -> ProducerRecord {
        self.value = Some(value.into());
        self
    }

    /// The same record for a given partition.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> ProducerRecord {
        self.partition = Some(partition);
        self
    }
}

/// What became of one record. Every record handed to [`Producer::send`](crate::Producer::send) gets exactly one,
/// unless the producer is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendOutcome {
    /// The record's token.
    pub token: u64,
    /// Its fate.
    pub result: SendResult,
}

/// The fate of a record, as its producer can know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendResult {
    /// The broker acknowledged it, or with `acks=0` the request left the client.
    Acked {
        /// Partition it went to.
        partition: i32,
        /// Its offset, or -1 if the broker did not say: `acks=0`, or a duplicate it no longer knows the offset of.
        offset: i64,
        /// Its timestamp in milliseconds: its own, or the broker's with `LogAppendTime`.
        timestamp: i64,
    },
    /// It was certainly not written.
    Refused {
        /// Partition it was meant for, if one had been chosen.
        partition: Option<i32>,
        /// Why.
        error: SendError,
    },
    /// It may have been written, or may still be written: the producer gave up without a definite answer.
    ///
    /// The Java producer reports this and [`Refused`](Self::Refused) alike, as an exception.
    Unknown {
        /// Partition it was sent to.
        partition: i32,
        /// Why the producer gave up.
        error: SendError,
    },
}

/// Why a record was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The broker answered with an error that is not retried, or not any more.
    #[error("the broker answered {0}")]
    Broker(ErrorCode),
    /// Another record of the same batch was invalid.
    #[error("another record of the batch was invalid")]
    BatchWithInvalidRecord,
    /// The last allowed attempt ended with the connection.
    #[error("disconnected before a response arrived")]
    Disconnected,
    /// The last allowed attempt ran into `request.timeout.ms`.
    #[error("no response within request.timeout.ms")]
    RequestTimeout,
    /// `delivery.timeout.ms` passed.
    #[error("no acknowledgement within {0:?} of the batch's creation (delivery.timeout.ms)")]
    DeliveryTimeout(Duration),
    /// `max.block.ms` passed before the topic or the partition appeared in metadata.
    #[error("topic or partition not in metadata after {0:?} (max.block.ms)")]
    MetadataTimeout(Duration),
    /// `max.block.ms` passed before buffer memory was free.
    #[error("no buffer memory within {0:?} (max.block.ms)")]
    BufferExhausted(Duration),
    /// The record exceeds `max.request.size` or `buffer.memory`.
    #[error("record of {size} bytes exceeds {key}={limit}")]
    RecordTooLarge {
        /// Upper bound of the record's size in a batch of its own, in bytes.
        size: usize,
        /// The key whose limit it exceeds.
        key: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// The broker does not offer a version of a request that this producer speaks.
    #[error("the broker offers no usable version")]
    UnsupportedVersion,
    /// The producer is closed, or was closed before the record was sent.
    #[error("the producer is closed")]
    Closed,
    /// The producer could not encode the batch.
    #[error("the batch could not be encoded: {0}")]
    Encoding(String),
}
