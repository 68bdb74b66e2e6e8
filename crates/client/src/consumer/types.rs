//! What an application asks of the consumer, and what it gets back.

use std::sync::Arc;

use kafka_sim_core::{ErrorCode, TopicPartition};

use crate::reader::{ReadError, ReadRecord};

/// A record as a consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// The record.
    pub record: ReadRecord,
}

/// What a consumer tells its application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerOutcome {
    /// A poll ended. The records, at most `max.poll.records`, each partition's in offset order; none if the time-out
    /// passed first.
    Polled {
        /// The records.
        records: Vec<ConsumerRecord>,
    },
    /// A poll ended with what the Java consumer would throw.
    PollFailed {
        /// What.
        error: ConsumerError,
    },
    /// A commit ended.
    Committed {
        /// The number the application gave the commit, or `None` for an automatic one.
        token: Option<u64>,
        /// What was to be committed: the next offset to read of each partition.
        offsets: Vec<(TopicPartition, i64)>,
        /// Whether it was.
        result: Result<(), ConsumerError>,
    },
    /// Callback: the consumer owns these partitions from now on, besides those it keeps. May be empty. The consumer
    /// waits for [`callback_done`](crate::Consumer::callback_done).
    Assigned {
        /// The new partitions.
        partitions: Vec<TopicPartition>,
    },
    /// Callback: the consumer is about to give these partitions up; it still owns them, and a commit in the callback
    /// can succeed. The consumer waits for [`callback_done`](crate::Consumer::callback_done).
    Revoked {
        /// The partitions.
        partitions: Vec<TopicPartition>,
    },
    /// Callback: the consumer does not own these partitions any more; somebody else may already. The consumer waits
    /// for [`callback_done`](crate::Consumer::callback_done).
    Lost {
        /// The partitions.
        partitions: Vec<TopicPartition>,
    },
    /// A position was set or moved by something else than reading.
    Repositioned {
        /// Partition.
        partition: TopicPartition,
        /// The next offset to read.
        offset: i64,
        /// By what.
        why: Repositioning,
    },
    /// The consumer closed. Nothing more is said.
    Closed {
        /// An error if the time-out passed before the group answered.
        result: Result<(), ConsumerError>,
    },
}

/// What set or moved a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repositioning {
    /// The group's committed offset.
    Committed,
    /// `auto.offset.reset`, where nothing is committed.
    NothingCommitted,
    /// `auto.offset.reset`, after this position was out of range.
    OutOfRange {
        /// The position before.
        from: i64,
    },
    /// The log was truncated below this position (KIP-320).
    Truncated {
        /// The position before.
        from: i64,
    },
    /// The application.
    Seek,
}

/// What the Java consumer would throw.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// Nothing is subscribed or assigned, a call that needs a group has none, or the consumer is closed.
    #[error("{0}")]
    IllegalState(&'static str),
    /// Nothing is committed for these partitions, and `auto.offset.reset=none`.
    #[error("no offset for {0:?}")]
    NoOffset(Vec<TopicPartition>),
    /// The position is not in the log, and `auto.offset.reset=none`.
    #[error("offset {offset} of {partition} is out of range")]
    OffsetOutOfRange {
        /// Partition.
        partition: TopicPartition,
        /// The position.
        offset: i64,
    },
    /// What was read is not in the log any more, and `auto.offset.reset=none` (KIP-320).
    #[error("{partition} was truncated below {offset}")]
    Truncated {
        /// Partition.
        partition: TopicPartition,
        /// The position.
        offset: i64,
    },
    /// A record that cannot be read. Polls fail until the application seeks past it.
    #[error("{partition}: {error}")]
    Unreadable {
        /// Partition.
        partition: TopicPartition,
        /// Why.
        error: ReadError,
    },
    /// A commit came too late: the member is not in the group, or the group has moved on (Java's
    /// `CommitFailedException`).
    #[error("the commit cannot be completed: the member is no longer in that generation of the group")]
    CommitFailed,
    /// The group is rebalancing: a poll has to finish that first.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// A commit failed for a reason that may pass (Java's `RetriableCommitFailedException`).
    #[error("the commit failed and may be repeated")]
    RetriableCommitFailed,
    /// It took too long.
    #[error("the time-out passed first")]
    TimedOut,
    /// Another consumer with the same `group.instance.id` took over.
    #[error("fenced by another member with the same group.instance.id")]
    Fenced,
    /// The broker does not offer what is needed.
    #[error("the broker offers no usable version")]
    UnsupportedVersion,
    /// Any other error the broker answered.
    #[error("the broker answered {0}")]
    Broker(ErrorCode),
    /// Somebody sent what does not follow the protocol.
    #[error("{0}")]
    Protocol(String),
}

/// How a consumer stands in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// Member id, empty while there is none.
    pub member_id: Arc<str>,
    /// Generation of a classic group, or member epoch with `group.protocol=consumer`; -1 while there is none.
    pub epoch: i32,
    /// Whether the consumer has joined and knows its assignment.
    pub joined: bool,
}
