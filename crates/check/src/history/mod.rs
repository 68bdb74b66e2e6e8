//! What clients saw, kept small.

mod deed;
mod names;
mod oddity;
mod record;
mod replay;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use deed::{Deed, Spot};
pub use oddity::Oddity;
pub use view::{Message, Outcome};

use crate::message::MessageId;
use crate::observation::Completion;
use names::{Logs, Names};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that clients saw, in order.
///
/// A message takes about a hundred bytes and a read about fifty, so that millions fit: names are
/// stored once, and identities are replaced by handles.
///
/// ```
/// use kafka_sim_check::{History, MessageId, Observation, Outcome};
///
/// let mut history = History::new();
/// history.record(Observation::Sent {
///     at: 5,
///     producer: 0,
///     message: MessageId(1),
///     topic: "orders".into(),
///     partition: Some(0),
///     key: None,
///     sequence: 0,
///     business: None,
///     resend_of: None,
/// });
/// history.record(Observation::Unknown { at: 9, message: MessageId(1), error: "REQUEST_TIMED_OUT".into() });
///
/// let message = history.message(MessageId(1)).expect("it was sent");
/// assert_eq!(message.topic, "orders");
/// assert_eq!(message.outcome, Some(Outcome::Unknown { at: 9, error: "REQUEST_TIMED_OUT" }));
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    topics: Names,
    errors: Names,
    logs: Logs,
    /// Logs of topics that were deleted.
    deleted: BTreeSet<u32>,
    /// Of messages that have another handle than the one to be expected.
    handles: BTreeMap<MessageId, u32>,
    entries: Vec<Entry>,
    /// Handles in the order of sending.
    sent: Vec<u32>,
    /// By handle, in order.
    links: Vec<(u32, Links)>,
    reads: Vec<ReadEntry>,
    ends: Vec<EndEntry>,
    /// How the poll ended that each reader is in.
    polling: BTreeMap<u32, Completion>,
    faults: Vec<(u64, u64)>,
    /// Topics of which only the last record of each key has to stay.
    compacted: BTreeSet<u32>,
    group_names: Names,
    /// By reader.
    groups: BTreeMap<u32, u32>,
    deeds: Vec<Deed>,
    steps: Vec<Step>,
    oddities: Vec<Oddity>,
}

/// One identity that was met, by whatever observation.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    pub(crate) sent: Option<SentEntry>,
    pub(crate) settled: Option<Settled>,
}

#[derive(Clone, Debug)]
pub(crate) struct SentEntry {
    pub(crate) at: u64,
    pub(crate) sequence: u64,
    pub(crate) key: Option<u64>,
    pub(crate) producer: u32,
    pub(crate) topic: u32,
    /// The log that was asked for.
    pub(crate) log: Option<u32>,
    /// The position in the order of sending.
    pub(crate) rank: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Settled {
    Acked { at: u64, log: u32, offset: Option<i64> },
    Refused { at: u64, error: u32 },
    Unknown { at: u64, error: u32 },
}

/// What few messages have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    pub(crate) business: Option<u64>,
    pub(crate) resend_of: Option<MessageId>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadEntry {
    pub(crate) at: u64,
    pub(crate) offset: i64,
    pub(crate) log: u32,
    /// A handle, or [`FOREIGN`].
    pub(crate) message: u32,
    pub(crate) reader: u32,
    pub(crate) leader_epoch: Option<i32>,
    /// How the poll ended that returned it.
    pub(crate) completion: Completion,
}

/// The handle of bytes that are not ours.
pub(crate) const FOREIGN: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
pub(crate) struct EndEntry {
    pub(crate) at: u64,
    pub(crate) reader: u32,
    pub(crate) log: u32,
    pub(crate) log_start: i64,
    pub(crate) offset: i64,
}

/// The order of observations. Numbers are handles or positions in the other tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Sent(u32),
    Settled(u32),
    Read(u32),
    End(u32),
    Fault(u32),
    Deed(u32),
    Compacted {
        at: u64,
        topic: u32,
    },
    Poll {
        at: u64,
        reader: u32,
        completion: Completion,
    },
    Repositioned {
        at: u64,
        reader: u32,
        log: u32,
    },
    Recreated {
        at: u64,
        topic: u32,
    },
}

impl History {
    /// A history in which nothing has happened.
    pub fn new() -> History {
        History::default()
    }

    /// Takes memory for so many messages more, and for what is seen of them by two readers.
    pub fn reserve(&mut self, messages: usize) {
        self.entries.reserve(messages);
        self.sent.reserve(messages);
        self.links.reserve(messages);
        self.reads.reserve(2 * messages);
        self.steps.reserve(4 * messages);
    }

    /// The number of observations.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Observations that contradict earlier ones and were left out. Not empty means that whoever
    /// recorded the history has a bug, or the client under test tells one send two outcomes.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// How many messages were acknowledged while a [fault](crate::Observation::FaultActive) was
    /// active, both ends included: a number for [`Dangers`](crate::Dangers).
    pub fn acked_during_faults(&self) -> u64 {
        let mut faults = self.faults.clone();
        faults.sort_unstable();
        // The latest end of all faults that began no later than each one.
        let mut reach = 0;
        let reach: Vec<u64> = faults
            .iter()
            .map(|&(_, until)| {
                reach = until.max(reach);
                reach
            })
            .collect();
        let mut acked = 0;
        for entry in &self.entries {
            if let Some(Settled::Acked { at, .. }) = entry.settled {
                let begun = faults.partition_point(|&(from, _)| from <= at);
                acked += u64::from(begun > 0 && reach[begun - 1] >= at);
            }
        }
        acked
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, handle: u32) -> &Entry {
        &self.entries[handle as usize]
    }

    pub(crate) fn sent_handles(&self) -> &[u32] {
        &self.sent
    }

    pub(crate) fn handle(&self, message: MessageId) -> Option<u32> {
        let expected = expected_handle(message);
        match self.entries.get(expected as usize) {
            Some(entry) if entry.id == message => Some(expected),
            _ => self.handles.get(&message).copied(),
        }
    }

    pub(crate) fn links(&self, handle: u32) -> Option<Links> {
        let place = self.links.binary_search_by_key(&handle, |(other, _)| *other).ok()?;
        Some(self.links[place].1)
    }

    pub(crate) fn all_links(&self) -> &[(u32, Links)] {
        &self.links
    }

    pub(crate) fn reads(&self) -> &[ReadEntry] {
        &self.reads
    }

    pub(crate) fn ends(&self) -> &[EndEntry] {
        &self.ends
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    /// The group of a reader, as a number.
    pub(crate) fn group_of(&self, reader: u32) -> Option<u32> {
        self.groups.get(&reader).copied()
    }

    pub(crate) fn group(&self, group: u32) -> &std::sync::Arc<str> {
        self.group_names.get(group)
    }

    /// Whether the topic of a log was deleted.
    pub(crate) fn is_deleted(&self, log: u32) -> bool {
        self.deleted.contains(&log)
    }

    pub(crate) fn log_count(&self) -> usize {
        self.logs.len()
    }

    /// The topic and partition of a log.
    pub(crate) fn log(&self, log: u32) -> (&std::sync::Arc<str>, i32) {
        let (topic, partition) = self.logs.get(log);
        (self.topics.get(topic), partition)
    }

    /// Only the last record of each key of this log has to stay.
    pub(crate) fn is_compacted(&self, log: u32) -> bool {
        !self.compacted.is_empty() && self.compacted.contains(&self.topic_of(log))
    }

    /// The topic of a log, as a number.
    pub(crate) fn topic_of(&self, log: u32) -> u32 {
        self.logs.get(log).0
    }

    pub(crate) fn topic(&self, topic: u32) -> &std::sync::Arc<str> {
        self.topics.get(topic)
    }
}

/// The handle of a message if identities count from 1, as they mostly do, in the order in which they are met. What a
/// producer's number in the upper half says does not matter.
fn expected_handle(message: MessageId) -> u32 {
    (message.0 as u32).wrapping_sub(1)
}
