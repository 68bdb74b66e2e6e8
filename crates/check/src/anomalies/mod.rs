//! Jepsen's anomalies of Kafka.
//!
//! The definitions are those of Jepsen's Kafka workload. They differ from [promises](crate::Promise)
//! in that they need no final read to the end, and they are facts about a history, not breaches:
//! some are permitted by some configurations.
//!
//! The *version order* of a partition maps each offset to the messages that were read there, by
//! polls of any completion, or acknowledged there. Offsets without anything known have no place in
//! it: the *index* of an offset is its position among those that have.
//!
//! Left out because they need transactions: precommitted reads, G0, G1c, and the anomalies within
//! one transaction's sends.
//!
//! ```
//! use kafka_sim_check::{anomalies::analyze, History, MessageId, Observation};
//!
//! let mut history = History::new();
//! history.record(Observation::Sent {
//!     at: 1, producer: 0, message: MessageId(1), topic: "orders".into(), partition: Some(0),
//!     key: None, sequence: 0, business: None, resend_of: None,
//! });
//! history.record(Observation::Refused { at: 2, message: MessageId(1), error: "MESSAGE_TOO_LARGE".into() });
//! history.record(Observation::Read {
//!     at: 3, reader: 0, topic: "orders".into(), partition: 0, offset: 0,
//!     message: Some(MessageId(1)), leader_epoch: None,
//! });
//! assert_eq!(analyze(&history).aborted_reads, [MessageId(1)]);
//! ```

mod polls;
#[cfg(test)]
mod tests;
mod versions;
mod writes;

use crate::history::History;
use crate::judge::Places;
use crate::message::MessageId;
use crate::violation::Place;
use std::sync::Arc;
use versions::Versions;

/// The anomalies of a history. Lists are in the order of partitions, messages or time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Anomalies {
    /// *lost-write*: acknowledged by a partition, never read there by a poll that ended well,
    /// although a message at a higher index was. Does not see a lost tail.
    pub lost_writes: Vec<MessageId>,
    /// *unseen*: acknowledged by a partition, never read there by a poll that ended well.
    pub unseen: Vec<MessageId>,
    /// *duplicate*: at more than one offset of a version order.
    pub duplicates: Vec<Duplicate>,
    /// *inconsistent-offsets*: offsets of a version order with more than one message.
    pub inconsistent_offsets: Vec<InconsistentOffset>,
    /// *G1a*, aborted read: read by a poll that ended well, from whatever partition, although its
    /// send failed.
    pub aborted_reads: Vec<MessageId>,
    /// *nonmonotonic-send*: of two sends that follow each other, by one producer to one partition
    /// and neither failed, the second does not have the higher index.
    pub nonmonotonic_sends: Vec<NonmonotonicSend>,
    /// *poll-skip*: a poll, however it ended, begins more than one index after the end of the last
    /// poll of this reader that read from the partition and ended well. The step over a partition's
    /// being [repositioned](crate::Observation::Repositioned), [owned](crate::Observation::Owned) or
    /// [released](crate::Observation::Released) is excused, here and below.
    pub poll_skips: Vec<PollStep>,
    /// *nonmonotonic-poll*: a poll, however it ended, does not begin after the end of that poll.
    pub nonmonotonic_polls: Vec<PollStep>,
    /// *int-poll-skip*: within a poll, a record more than one index after the one before.
    pub internal_poll_skips: Vec<PollStep>,
    /// *int-nonmonotonic-poll*: within a poll, a record not after the one before.
    pub internal_nonmonotonic_polls: Vec<PollStep>,
}

impl Anomalies {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Anomalies::default()
    }
}

/// A message at more than one offset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duplicate {
    /// The message.
    pub message: MessageId,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offsets, ascending.
    pub offsets: Vec<i64>,
}

/// An offset with more than one message.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct InconsistentOffset {
    /// The topic.
    pub topic: Arc<str>,
    /// The place.
    pub place: Place,
    /// The messages, ascending; none stands for foreign bytes.
    pub messages: Vec<Option<MessageId>>,
}

/// Two sends whose messages lie the wrong way round.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NonmonotonicSend {
    /// The producer.
    pub producer: u32,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The message sent first, and its first offset.
    pub earlier: (MessageId, i64),
    /// The message sent next, and its first offset.
    pub later: (MessageId, i64),
}

/// A step of a reader that is not to the next index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PollStep {
    /// The reader.
    pub reader: u32,
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset read before.
    pub from: i64,
    /// The offset read next.
    pub to: i64,
    /// The indices gained: more than one is a skip, less than one is a step back.
    pub delta: i64,
    /// When the record after the step was read, in nanoseconds.
    pub at: u64,
}

/// Finds the anomalies of a history.
pub fn analyze(history: &History) -> Anomalies {
    let places = Places::of(history);
    let versions = Versions::of(history, &places);
    let mut anomalies = Anomalies::default();
    writes::find(history, &places, &versions, &mut anomalies);
    polls::find(history, &versions, &mut anomalies);
    anomalies
}
