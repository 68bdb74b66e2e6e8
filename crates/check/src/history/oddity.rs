//! Contradictions within a history.

use crate::message::MessageId;
use std::fmt;

/// An observation that contradicts earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Oddity {
    /// A message was sent twice under one identity. The first send counts.
    SentTwice(MessageId),
    /// A send came to a second outcome. The first counts.
    SettledTwice(MessageId),
    /// A message came to an outcome without having been sent.
    SettledUnsent(MessageId),
    /// A consumer that had joined one group joined another. The first counts.
    JoinedAnother(u32),
    /// A consumer did what only members of a group do without having joined one.
    Groupless(u32),
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Oddity::SentTwice(message) => write!(f, "{message} was sent twice under one identity"),
            Oddity::SettledTwice(message) => write!(f, "{message} came to two outcomes"),
            Oddity::SettledUnsent(message) => write!(f, "{message} came to an outcome without having been sent"),
            Oddity::JoinedAnother(reader) => write!(f, "reader {reader} belongs to two groups"),
            Oddity::Groupless(reader) => write!(f, "reader {reader} owned, processed or committed without a group"),
        }
    }
}
