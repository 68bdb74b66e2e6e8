//! What a run can be held to.

use std::fmt;

/// Something that must be true of a history.
///
/// A message is *visible* in a partition if some reader was given it there. The *final read* of a
/// partition is defined at [`Observation::EndOfRead`](crate::Observation::EndOfRead).
///
/// The promises from [`Promise::EveryAckedProcessed`] on are about groups, one at a time: what one
/// group does is nothing to another. A group *consumes* a topic if a member owned a partition of it,
/// was given a record of it, processed one or committed. A message is *processed* by a group when a
/// member [processed](crate::Observation::Processed) it, the first time if several times. Promises
/// about groups that find nothing to judge are undecided, see
/// [`Unclean::NothingToJudge`](crate::Unclean::NothingToJudge).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Promise {
    /// Every acknowledged message is in the final read of its partition.
    ///
    /// Since the final read goes to the end, this covers both Jepsen's *lost-write* and the lost
    /// tail that only its *unseen* finds. Messages below the log start that the final reader was
    /// told of are expired, not lost. Acknowledged messages that no final read covers leave the
    /// promise undecided.
    AckedSurvives,
    /// No message has more than one place, counting where it was read, by anyone, and where its
    /// acknowledgement said it would be. A message that the application sends again is another
    /// message: see [`Promise::OncePerBusinessKey`].
    NoDuplicates,
    /// In each partition the messages of each producer lie in the order of sending.
    ///
    /// A message's place is the lowest offset at which it is visible. One that is not visible
    /// counts at its acknowledged offset if the partition has no final read, else not at all: what
    /// is lost is not out of order.
    InOrder,
    /// As [`Promise::InOrder`], but only between messages that have the same key.
    InOrderPerKey,
    /// Every offset of a partition holds one message, counting what every reader saw there and
    /// what acknowledgements said.
    ConsistentOffsets,
    /// No refused message is visible, nor one that nobody sent.
    NothingRefusedAppears,
    /// Every send came to an outcome, whichever.
    SendsResolved,
    /// Nothing that messages are about (`business`, `resend_of`) is visible more than once.
    OncePerBusinessKey,
    /// Visible messages of one topic with the same key are all in one partition.
    KeyStaysInPartition,
    /// Every group that consumes a topic has processed each of its acknowledged messages by the end:
    /// anything acknowledged before the group's last
    /// [`GroupSettled`](crate::Observation::GroupSettled) was processed, sooner or later.
    ///
    /// A breach says in which [`Stage`](crate::Stage) the message was lost. *Production*: it was
    /// acknowledged without an offset (`acks=0`), the final read does not have it, and nobody ever saw
    /// it. *Storage*: it was acknowledged with an offset, or seen, but the final read does not have it.
    /// *Consumption*: the final read has it, or it was removed on purpose, and the group never
    /// processed it. Without a final read of the partition nobody can say where.
    ///
    /// Unprocessed messages of a group that was given no time to come to rest leave the promise
    /// undecided.
    EveryAckedProcessed,
    /// In each group the effect of no message takes place more than once. Messages that are about the
    /// same thing (`business`, `resend_of`) count as one.
    EffectOnce,
    /// A commit that succeeded never exceeds the first offset of the partition that the group has not
    /// processed by the time it learns of the success.
    ///
    /// Offsets count if a record was read or acknowledged there, by anyone at any time, except those
    /// below the log start that the final reader was told of. So do those before the place where the
    /// group began: a group that starts at the end and commits has passed over what was there. There
    /// is one breach for each offset that is passed over as the first.
    CommitNeverPassesProcessed,
    /// Each group processes the messages of one producer, topic and key in the order of sending. It
    /// is the first processing of each message that counts, in whatever partition and by whichever
    /// member. What was not processed has no order.
    OrderPerKey,
    /// No partition has two owners in a group at overlapping times both of whose commits are
    /// accepted: of which each sent one, during the overlap, that succeeded. One owner more is no
    /// harm while it cannot commit. Ownership ends when it is released or its process dies.
    GroupSingleOwner,
    /// Every group came to rest: it was stable and had caught up the last time that anyone
    /// [looked](crate::Observation::GroupSettled). Groups that nobody looked at leave it undecided.
    Converges,
}

impl Promise {
    /// The promises about what is stored.
    pub const STORED: [Promise; 9] = [
        Promise::AckedSurvives,
        Promise::NoDuplicates,
        Promise::InOrder,
        Promise::InOrderPerKey,
        Promise::ConsistentOffsets,
        Promise::NothingRefusedAppears,
        Promise::SendsResolved,
        Promise::OncePerBusinessKey,
        Promise::KeyStaysInPartition,
    ];

    /// The promises about what groups make of it.
    pub const CONSUMED: [Promise; 6] = [
        Promise::EveryAckedProcessed,
        Promise::EffectOnce,
        Promise::CommitNeverPassesProcessed,
        Promise::OrderPerKey,
        Promise::GroupSingleOwner,
        Promise::Converges,
    ];

    /// A short name, as for a command line.
    ///
    /// ```
    /// use kafka_sim_check::Promise;
    /// assert_eq!(Promise::AckedSurvives.name(), "acked-survives");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Promise::AckedSurvives => "acked-survives",
            Promise::NoDuplicates => "no-duplicates",
            Promise::InOrder => "in-order",
            Promise::InOrderPerKey => "in-order-per-key",
            Promise::ConsistentOffsets => "consistent-offsets",
            Promise::NothingRefusedAppears => "nothing-refused-appears",
            Promise::SendsResolved => "sends-resolved",
            Promise::OncePerBusinessKey => "once-per-business-key",
            Promise::KeyStaysInPartition => "key-stays-in-partition",
            Promise::EveryAckedProcessed => "every-acked-processed",
            Promise::EffectOnce => "effect-once",
            Promise::CommitNeverPassesProcessed => "commit-never-passes-processed",
            Promise::OrderPerKey => "order-per-key",
            Promise::GroupSingleOwner => "group-single-owner",
            Promise::Converges => "converges",
        }
    }

    /// The promise of that [name](Promise::name).
    pub fn named(name: &str) -> Option<Promise> {
        let mut all = Promise::STORED.into_iter().chain(Promise::CONSUMED);
        all.find(|promise| promise.name() == name)
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::AckedSurvives => "every acknowledged message survives",
            Promise::NoDuplicates => "no message is stored twice",
            Promise::InOrder => "each producer's messages lie in the order of sending",
            Promise::InOrderPerKey => "each producer's messages of one key lie in the order of sending",
            Promise::ConsistentOffsets => "every offset holds one message",
            Promise::NothingRefusedAppears => "nothing refused or never sent can be read",
            Promise::SendsResolved => "every send comes to an outcome",
            Promise::OncePerBusinessKey => "nothing appears twice under its business key",
            Promise::KeyStaysInPartition => "every key stays in its partition",
            Promise::EveryAckedProcessed => "every group processes every acknowledged message",
            Promise::EffectOnce => "no effect takes place twice",
            Promise::CommitNeverPassesProcessed => "no commit passes over what is not processed",
            Promise::OrderPerKey => "each producer's messages of one key are processed in the order of sending",
            Promise::GroupSingleOwner => "every partition has one owner in a group that can commit",
            Promise::Converges => "every group comes to rest and catches up",
        })
    }
}
