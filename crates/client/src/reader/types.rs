//! What an application asks of the reader, and what it gets back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_sim_core::ErrorCode;

/// Where to begin reading a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// The log's first offset.
    Earliest,
    /// The log's end, as the leader reports it.
    Latest,
    /// A given offset.
    Offset(i64),
    /// The first record whose timestamp is not older than this, seen from the moment the broker is asked. Where there
    /// is none, the broker is asked again after `request.timeout.ms`, as in Java.
    NotOlderThan(Duration),
}

/// A record as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// Offset in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key.
    pub key: Option<Bytes>,
    /// Value.
    pub value: Option<Bytes>,
    /// Leader epoch of the record's batch, or -1.
    pub leader_epoch: i32,
}

/// What a reader learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderOutcome {
    /// Records, in offset order. Never empty.
    Records {
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// The records.
        records: Vec<ReadRecord>,
    },
    /// The position reached the end of what the broker lets this reader see. Reported again after each step past
    /// an end reported before.
    EndReached {
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// High watermark the broker reported.
        high_watermark: i64,
    },
    /// The position is not in the log.
    OffsetOutOfRange {
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// The position.
        offset: i64,
        /// Where reading goes on, or `None` with `auto.offset.reset=none`: the partition is then no longer read.
        reset_to: Option<StartAt>,
    },
    /// The log no longer holds what was read before the position: it was truncated (KIP-320).
    TruncationDetected {
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// The position before.
        offset: i64,
        /// End of the part of the log that is still the same, where reading goes on, or `None` if the broker does
        /// not know; the reset policy then decides. With `auto.offset.reset=none` the partition is no longer read.
        diverged_at: Option<i64>,
    },
    /// Something that does not heal by itself, or did not so far.
    Error {
        /// Topic.
        topic: Arc<str>,
        /// Partition.
        partition: i32,
        /// What.
        error: ReadError,
    },
}

/// Why a partition cannot be read at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The broker answered with an error that is not retried. The partition is no longer read.
    #[error("the broker answered {0}")]
    Broker(ErrorCode),
    /// A batch does not match its checksum, or cannot be read. The partition is no longer read.
    #[error("damaged batch at offset {offset}: {reason}")]
    Corrupt {
        /// Base offset of the batch, or the position if not even that could be read.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// The broker does not offer a version of a request that this reader speaks.
    #[error("the broker offers no usable version")]
    UnsupportedVersion,
}
