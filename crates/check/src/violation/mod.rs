//! How promises are broken.

mod display;

use crate::message::MessageId;
use crate::promise::Promise;
use crate::report::Stage;
use std::sync::Arc;

/// A place in a topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
}

/// Why a message that is visible should not be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PhantomKind {
    /// Its producer was told that it was not written.
    Refused,
    /// Nobody sent it.
    NeverSent,
}

/// One breach of a promise.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// An acknowledged message is not in the final read. Breaks [`Promise::AckedSurvives`].
    Lost {
        /// The message.
        message: MessageId,
        /// Its producer.
        producer: u32,
        /// Its topic.
        topic: Arc<str>,
        /// The partition that acknowledged it.
        partition: i32,
        /// The offset that was acknowledged, if one was.
        offset: Option<i64>,
        /// When it was acknowledged, in nanoseconds.
        acked_at: u64,
    },
    /// A message has more than one place. Breaks [`Promise::NoDuplicates`].
    Duplicated {
        /// The message.
        message: MessageId,
        /// Its producer, if it was sent at all.
        producer: Option<u32>,
        /// Its topic.
        topic: Arc<str>,
        /// Its places, ascending, at least two.
        places: Vec<Place>,
    },
    /// A message lies before one that its producer had sent earlier. Breaks [`Promise::InOrder`],
    /// or [`Promise::InOrderPerKey`] if `key` is given.
    ///
    /// There is one violation per message that lies too early. It is set against the message that
    /// lies farthest back among those sent before it.
    Reordered {
        /// The producer.
        producer: u32,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The key that the two have in common, if the order per key was judged.
        key: Option<u64>,
        /// The message that was sent first.
        earlier: MessageId,
        /// Where it lies.
        earlier_offset: i64,
        /// The message that was sent afterwards but lies before.
        later: MessageId,
        /// Where it lies.
        later_offset: i64,
    },
    /// One offset holds different messages, depending on who is asked and when. Breaks
    /// [`Promise::ConsistentOffsets`].
    InconsistentOffset {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// The messages, ascending, at least two. None stands for bytes that are not ours.
        messages: Vec<Option<MessageId>>,
    },
    /// A message can be read that should not exist. Breaks [`Promise::NothingRefusedAppears`].
    Phantom {
        /// The message.
        message: MessageId,
        /// Its topic.
        topic: Arc<str>,
        /// The first place where it was read.
        place: Place,
        /// Why it should not exist.
        kind: PhantomKind,
    },
    /// A send never came to an outcome. Breaks [`Promise::SendsResolved`].
    Unresolved {
        /// The message.
        message: MessageId,
        /// Its producer.
        producer: u32,
        /// Its topic.
        topic: Arc<str>,
        /// The partition that was asked for.
        partition: Option<i32>,
        /// When it was sent, in nanoseconds.
        sent_at: u64,
    },
    /// Something appears more than once under its business key. Breaks
    /// [`Promise::OncePerBusinessKey`].
    Repeated {
        /// The business key, or none if the messages are only linked as resends.
        business: Option<u64>,
        /// The message that was sent first among those that appear.
        message: MessageId,
        /// All appearances, at least two: topic, place, message.
        appearances: Vec<(Arc<str>, Place, MessageId)>,
    },
    /// Messages with one key are in several partitions. Breaks [`Promise::KeyStaysInPartition`].
    KeyMoved {
        /// The topic.
        topic: Arc<str>,
        /// The key.
        key: u64,
        /// The partitions, ascending, at least two.
        partitions: Vec<i32>,
    },
    /// A group never processed an acknowledged message. Breaks [`Promise::EveryAckedProcessed`].
    Unprocessed {
        /// The message.
        message: MessageId,
        /// Its producer.
        producer: u32,
        /// The group.
        group: Arc<str>,
        /// Its topic.
        topic: Arc<str>,
        /// The partition that acknowledged it.
        partition: i32,
        /// The offset that was acknowledged, if one was.
        offset: Option<i64>,
        /// When it was acknowledged, in nanoseconds.
        acked_at: u64,
        /// Where it was lost; none if nobody read the partition to its end.
        stage: Option<Stage>,
    },
    /// An effect took place more than once. Breaks [`Promise::EffectOnce`].
    EffectRepeated {
        /// The group; none if the consumers belong to none.
        group: Option<Arc<str>>,
        /// The message whose effect came first.
        message: MessageId,
        /// All the times, at least two: when (in nanoseconds), by which reader, of which message.
        times: Vec<(u64, u32, MessageId)>,
    },
    /// A commit passed over a record that the group had not processed. Breaks
    /// [`Promise::CommitNeverPassesProcessed`].
    CommitAhead {
        /// The group.
        group: Arc<str>,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The first offset that was not processed.
        unprocessed: i64,
        /// The message there; none if only bytes that are not ours were seen there.
        message: Option<MessageId>,
        /// The offset that was committed.
        committed: i64,
        /// The consumer that committed it.
        reader: u32,
        /// When it learned of the success, in nanoseconds.
        at: u64,
    },
    /// A message was processed before one of the same key that was sent earlier. Breaks
    /// [`Promise::OrderPerKey`].
    ///
    /// There is one violation per message that was processed too early. It is set against the one
    /// that was processed last among those sent before it.
    ProcessedOutOfOrder {
        /// The group.
        group: Arc<str>,
        /// The producer.
        producer: u32,
        /// The topic.
        topic: Arc<str>,
        /// The key.
        key: u64,
        /// The message that was sent first.
        earlier: MessageId,
        /// When it was processed, in nanoseconds.
        earlier_at: u64,
        /// The message that was sent afterwards but was processed before.
        later: MessageId,
        /// When it was processed, in nanoseconds.
        later_at: u64,
    },
    /// Two consumers of a group owned a partition at the same time, and commits of both were
    /// accepted. Breaks [`Promise::GroupSingleOwner`]. There is one violation per partition and pair.
    TwoOwners {
        /// The group.
        group: Arc<str>,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The owner that was there first.
        first: u32,
        /// The owner that came while the first was there.
        second: u32,
        /// When the second came, in nanoseconds.
        since: u64,
    },
    /// A group was not stable or had not caught up in the time that it was given. Breaks
    /// [`Promise::Converges`].
    NotConverged {
        /// The group.
        group: Arc<str>,
        /// When its time was over, in nanoseconds.
        at: u64,
    },
}

impl Violation {
    /// The promise that is broken.
    pub fn promise(&self) -> Promise {
        match self {
            Violation::Lost { .. } => Promise::AckedSurvives,
            Violation::Duplicated { .. } => Promise::NoDuplicates,
            Violation::Reordered { key: None, .. } => Promise::InOrder,
            Violation::Reordered { key: Some(_), .. } => Promise::InOrderPerKey,
            Violation::InconsistentOffset { .. } => Promise::ConsistentOffsets,
            Violation::Phantom { .. } => Promise::NothingRefusedAppears,
            Violation::Unresolved { .. } => Promise::SendsResolved,
            Violation::Repeated { .. } => Promise::OncePerBusinessKey,
            Violation::KeyMoved { .. } => Promise::KeyStaysInPartition,
            Violation::Unprocessed { .. } => Promise::EveryAckedProcessed,
            Violation::EffectRepeated { .. } => Promise::EffectOnce,
            Violation::CommitAhead { .. } => Promise::CommitNeverPassesProcessed,
            Violation::ProcessedOutOfOrder { .. } => Promise::OrderPerKey,
            Violation::TwoOwners { .. } => Promise::GroupSingleOwner,
            Violation::NotConverged { .. } => Promise::Converges,
        }
    }

    /// The message that the violation is about, if it is about one in particular. Of a reordering
    /// it is the one that lies, or was processed, too early.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Violation::Lost { message, .. }
            | Violation::Duplicated { message, .. }
            | Violation::Phantom { message, .. }
            | Violation::Unresolved { message, .. }
            | Violation::Repeated { message, .. }
            | Violation::Unprocessed { message, .. }
            | Violation::EffectRepeated { message, .. } => Some(*message),
            Violation::Reordered { later, .. } | Violation::ProcessedOutOfOrder { later, .. } => Some(*later),
            Violation::CommitAhead { message, .. } => *message,
            Violation::InconsistentOffset { .. }
            | Violation::KeyMoved { .. }
            | Violation::TwoOwners { .. }
            | Violation::NotConverged { .. } => None,
        }
    }
}
