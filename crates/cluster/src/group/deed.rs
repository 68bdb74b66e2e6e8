//! What a coordinator does that its log does not tell, as the [inspector](crate::invariant) is told. None of it is in the
//! trace.

use std::ops::Range;

use kafka_sim_core::Offset;

use super::words::{Text, Waiter};

/// Something a coordinator did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// It has read its log, and serves from now on.
    Loaded,
    /// It has appended the records of a commit, in this leader epoch.
    Accepted { leader_epoch: i32, commit: Accepted },
    /// It has answered a commit.
    Answered { waiter: Waiter, accepted: bool },
}

/// A commit whose records are in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Accepted {
    /// Who is to be answered.
    pub(crate) waiter: Waiter,
    /// Who says to have committed.
    pub(crate) member: Text,
    /// Generation or member epoch; negative for callers that are not members.
    pub(crate) generation: i32,
    pub(crate) group: Text,
    /// Topic and partition of each record.
    pub(crate) parts: Vec<(Text, i32)>,
    /// Offsets of the records.
    pub(crate) records: Range<Offset>,
}
