//! What a run can be held to.

use std::fmt;

/// Something that must be true of a history.
///
/// A message is *visible* in a partition if some reader was given it there. The *final read* of a
/// partition is defined at [`Observation::EndOfRead`](crate::Observation::EndOfRead).
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
}

impl Promise {
    /// All promises.
    pub const ALL: [Promise; 9] = [
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
        })
    }
}
