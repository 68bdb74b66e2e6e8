//! One thing that a client saw.

use crate::message::MessageId;
use std::sync::Arc;

/// How an operation of a client ended, in Jepsen's terms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Completion {
    /// It certainly happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Info,
}

/// One thing that a client saw, with the instant at which it saw it.
///
/// Instants (`at`) are nanoseconds since the start of the run. Producers and readers are numbered
/// by the caller. Record observations in the order in which they happened: a send before its
/// outcome, the records of a poll after the poll.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Observation {
    /// An application handed a message to its producer.
    ///
    /// The order of these observations is the order of sending.
    Sent {
        /// When the application called send.
        at: u64,
        /// The number of the producer.
        producer: u32,
        /// The identity of the message.
        message: MessageId,
        /// The topic that was asked for.
        topic: Arc<str>,
        /// The partition that was asked for, if the partitioner was not left to choose.
        partition: Option<i32>,
        /// The record's key as a number, see [`key_of`](crate::key_of).
        key: Option<u64>,
        /// The position of the message among those of this producer to this partition, from 0,
        /// without holes. It means nothing to the judge when `partition` is not given.
        sequence: u64,
        /// What the message is about, for [`Promise::OncePerBusinessKey`](crate::Promise).
        business: Option<u64>,
        /// The earlier message that the application sends again with this one. Without a
        /// `business` of its own a resend is about the same thing as the message it repeats.
        resend_of: Option<MessageId>,
    },
    /// The send succeeded.
    Acked {
        /// When the application was told.
        at: u64,
        /// The message.
        message: MessageId,
        /// The partition that took it.
        partition: i32,
        /// The offset that was reported. `acks=0`, and a duplicate that the broker recognised but
        /// no longer remembers the offset of, report none.
        offset: Option<i64>,
    },
    /// The send failed, and the message was certainly not written.
    Refused {
        /// When the application was told.
        at: u64,
        /// The message.
        message: MessageId,
        /// The error's name.
        error: Arc<str>,
    },
    /// The send failed, and the message may have been written nevertheless.
    Unknown {
        /// When the application was told.
        at: u64,
        /// The message.
        message: MessageId,
        /// The error's name.
        error: Arc<str>,
    },
    /// A poll returned. The reads of this reader that are recorded from here to its next poll
    /// belong to it. Reads of a reader that never records a poll count as one long poll that
    /// ended well.
    Poll {
        /// When it returned.
        at: u64,
        /// The number of the reader.
        reader: u32,
        /// How it ended.
        completion: Completion,
    },
    /// A reader's position in a partition was set anew: by assignment, subscription, rebalance or
    /// seek. The step over it is neither a skip nor a step back.
    Repositioned {
        /// When.
        at: u64,
        /// The number of the reader.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
    },
    /// A reader was given a record.
    Read {
        /// When.
        at: u64,
        /// The number of the reader.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// The message found in the record, or none if its bytes are not one of ours.
        message: Option<MessageId>,
        /// The leader epoch stamped on the record's batch, if the reader knows it.
        leader_epoch: Option<i32>,
    },
    /// A reader that had started at the beginning of the partition, or at `log_start`, reached its
    /// end. The last such observation of a partition is its *final read*: it consists of the
    /// records that this reader saw there since its last [`Observation::Repositioned`].
    EndOfRead {
        /// When.
        at: u64,
        /// The number of the reader.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset below which records were removed on purpose (retention, DeleteRecords).
        /// Pass 0 unless the run permits that: what lies below is never counted as lost.
        log_start: i64,
        /// The end offset that was reached.
        offset: i64,
    },
    /// The topic is compacted (`cleanup.policy` has `compact`): a record may be gone once a later one of its partition has
    /// its key. Record this before the final read. A key that is deleted by a tombstone has to be one of an observed
    /// message that is never acknowledged, or its last message counts as lost.
    Compacted {
        /// When this was noted.
        at: u64,
        /// The topic.
        topic: Arc<str>,
    },
    /// The consumer `reader` belongs to `group`. A reader is one consumer in one process: after a
    /// restart it is another one, with another number. Record this before anything else that a
    /// consumer of a group does; it may be repeated when it joins again.
    Joined {
        /// When.
        at: u64,
        /// The number of the consumer.
        reader: u32,
        /// The `group.id`.
        group: Arc<str>,
    },
    /// The application was told that its consumer owns a partition (`onPartitionsAssigned`).
    Owned {
        /// When.
        at: u64,
        /// The number of the consumer.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
    },
    /// The application does not own a partition any more: it was told so, it closed its consumer,
    /// or its process died.
    Released {
        /// When.
        at: u64,
        /// The number of the consumer.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
    },
    /// The application finished with a record, and finished well.
    Processed {
        /// When.
        at: u64,
        /// The number of the consumer that was handed the record.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// The message found in the record, or none if its bytes are not one of ours.
        message: Option<MessageId>,
    },
    /// The durable effect of processing a message took place, outside Kafka: a row, a payment.
    Effect {
        /// When.
        at: u64,
        /// The number of the consumer on whose behalf.
        reader: u32,
        /// The message.
        message: MessageId,
    },
    /// A commit was handed to a consumer, or the consumer sent one of its own accord
    /// (`enable.auto.commit`). One observation per partition.
    CommitSent {
        /// When.
        at: u64,
        /// The number of the consumer.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset to commit: the next one to read.
        offset: i64,
    },
    /// A commit came to an outcome. One observation per partition.
    Committed {
        /// When the consumer was told.
        at: u64,
        /// The number of the consumer.
        reader: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset that was to be committed.
        offset: i64,
        /// How it ended.
        completion: Completion,
    },
    /// The process of a consumer is gone, and with it whatever it owned and had not finished.
    Died {
        /// When.
        at: u64,
        /// The number of the consumer.
        reader: u32,
    },
    /// The time that a group was given to come to rest is over: no more messages are sent, no fault
    /// is active. What a group has not processed by the last of these is not processed in time.
    GroupSettled {
        /// When.
        at: u64,
        /// The `group.id`.
        group: Arc<str>,
        /// Whether by then the group was stable and had consumed everything.
        caught_up: bool,
    },
    /// A topic that was deleted was created anew under its name. What was recorded before is about the old one, whose
    /// messages were removed on purpose and are never counted as lost. What follows is about the new one, and offsets
    /// begin anew.
    TopicRecreated {
        /// When it was created anew.
        at: u64,
        /// The topic.
        topic: Arc<str>,
    },
    /// A fault was active during this time. Serves [`History::acked_during_faults`](crate::History::acked_during_faults).
    FaultActive {
        /// When it began.
        from: u64,
        /// When it was healed; `u64::MAX` if never.
        until: u64,
    },
}
