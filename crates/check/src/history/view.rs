//! What a history says about one message.

use super::{Entry, History, Settled};
use crate::message::MessageId;

/// A message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// Its identity.
    pub id: MessageId,
    /// The number of its producer.
    pub producer: u32,
    /// The topic that was asked for.
    pub topic: &'a str,
    /// The partition: the one that acknowledged it, else the one that was asked for.
    pub partition: Option<i32>,
    /// Its key as a number.
    pub key: Option<u64>,
    /// Its position among the messages of its producer to its partition.
    pub sequence: u64,
    /// What it is about.
    pub business: Option<u64>,
    /// The message that it repeats.
    pub resend_of: Option<MessageId>,
    /// When it was sent, in nanoseconds.
    pub sent_at: u64,
    /// What became of the send, if that is known.
    pub outcome: Option<Outcome<'a>>,
}

/// What became of a send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// It succeeded.
    Acked {
        /// When the application was told, in nanoseconds.
        at: u64,
        /// The partition.
        partition: i32,
        /// The offset, if one was reported.
        offset: Option<i64>,
    },
    /// It certainly failed.
    Refused {
        /// When the application was told, in nanoseconds.
        at: u64,
        /// The error's name.
        error: &'a str,
    },
    /// Nobody knows.
    Unknown {
        /// When the application was told, in nanoseconds.
        at: u64,
        /// The error's name.
        error: &'a str,
    },
}

impl History {
    /// What is known of a message, if it was sent.
    pub fn message(&self, message: MessageId) -> Option<Message<'_>> {
        self.handle(message).and_then(|handle| self.view(handle))
    }

    /// All messages in the order of sending.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        self.sent.iter().filter_map(|&handle| self.view(handle))
    }

    fn view(&self, handle: u32) -> Option<Message<'_>> {
        let Entry { id, sent, settled } = self.entry(handle);
        let sent = sent.as_ref()?;
        let links = self.links(handle);
        let log = match settled {
            Some(Settled::Acked { log, .. }) => Some(*log),
            _ => sent.log,
        };
        Some(Message {
            id: *id,
            producer: sent.producer,
            topic: self.topic(sent.topic),
            partition: log.map(|log| self.log(log).1),
            key: sent.key,
            sequence: sent.sequence,
            business: links.and_then(|links| links.business),
            resend_of: links.and_then(|links| links.resend_of),
            sent_at: sent.at,
            outcome: settled.map(|settled| self.outcome(settled)),
        })
    }

    fn outcome(&self, settled: Settled) -> Outcome<'_> {
        match settled {
            Settled::Acked { at, log, offset } => Outcome::Acked {
                at,
                partition: self.log(log).1,
                offset,
            },
            Settled::Refused { at, error } => Outcome::Refused {
                at,
                error: self.errors.get(error),
            },
            Settled::Unknown { at, error } => Outcome::Unknown {
                at,
                error: self.errors.get(error),
            },
        }
    }
}
