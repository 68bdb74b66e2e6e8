//! From observations to tables.

use super::names::small;
use super::{EndEntry, Entry, FOREIGN, History, Links, Oddity, ReadEntry, SentEntry, Settled, Step, expected_handle};
use crate::message::MessageId;
use crate::observation::{Completion, Observation};
use std::sync::Arc;

impl History {
    /// Adds what a client saw. An observation that contradicts earlier ones is left out and
    /// listed among the [oddities](History::oddities).
    pub fn record(&mut self, observation: Observation) {
        match observation {
            Observation::Sent {
                at,
                producer,
                message,
                topic,
                partition,
                key,
                sequence,
                business,
                resend_of,
            } => {
                let topic = self.topics.number(&topic);
                let log = partition.map(|partition| self.logs.number(topic, partition));
                let sent = SentEntry {
                    at,
                    sequence,
                    key,
                    producer,
                    topic,
                    log,
                    rank: small(self.sent.len()),
                };
                self.send(message, sent, Links { business, resend_of });
            }
            Observation::Acked {
                at,
                message,
                partition,
                offset,
            } => {
                self.settle(message, |history, sent| {
                    let log = history.logs.number(sent.topic, partition);
                    Settled::Acked { at, log, offset }
                });
            }
            Observation::Refused { at, message, error } => {
                self.settle(message, |history, _| Settled::Refused {
                    at,
                    error: history.errors.number(&error),
                });
            }
            Observation::Unknown { at, message, error } => {
                self.settle(message, |history, _| Settled::Unknown {
                    at,
                    error: history.errors.number(&error),
                });
            }
            Observation::Poll { at, reader, completion } => {
                self.polling.insert(reader, completion);
                self.steps.push(Step::Poll { at, reader, completion });
            }
            Observation::Repositioned {
                at,
                reader,
                topic,
                partition,
            } => {
                let log = self.log_number(&topic, partition);
                self.steps.push(Step::Repositioned { at, reader, log });
            }
            Observation::Read {
                at,
                reader,
                topic,
                partition,
                offset,
                message,
                leader_epoch,
            } => {
                let message = message.map_or(FOREIGN, |message| self.handle_for(message));
                let log = self.log_with(&topic, partition, message);
                let completion = self.polling.get(&reader).copied().unwrap_or(Completion::Ok);
                self.steps.push(Step::Read(small(self.reads.len())));
                self.reads.push(ReadEntry {
                    at,
                    offset,
                    log,
                    message,
                    reader,
                    leader_epoch,
                    completion,
                });
            }
            Observation::EndOfRead {
                at,
                reader,
                topic,
                partition,
                log_start,
                offset,
            } => {
                let log = self.log_number(&topic, partition);
                self.steps.push(Step::End(small(self.ends.len())));
                self.ends.push(EndEntry {
                    at,
                    reader,
                    log,
                    log_start,
                    offset,
                });
            }
            Observation::TopicRecreated { at, topic } => {
                let topic = self.topics.number(&topic);
                self.deleted.extend(self.logs.renew(topic));
                self.steps.push(Step::Recreated { at, topic });
            }
            Observation::FaultActive { from, until } => {
                self.steps.push(Step::Fault(small(self.faults.len())));
                self.faults.push((from, until));
            }
            Observation::Compacted { at, topic } => {
                let topic = self.topics.number(&topic);
                self.compacted.insert(topic);
                self.steps.push(Step::Compacted { at, topic });
            }
            Observation::Joined { .. }
            | Observation::Owned { .. }
            | Observation::Released { .. }
            | Observation::Processed { .. }
            | Observation::Effect { .. }
            | Observation::CommitSent { .. }
            | Observation::Committed { .. }
            | Observation::Died { .. }
            | Observation::GroupSettled { .. } => self.add_deed(observation),
        }
    }

    fn send(&mut self, message: MessageId, sent: SentEntry, links: Links) {
        let handle = self.handle_for(message);
        let entry = &mut self.entries[handle as usize];
        if entry.sent.is_some() {
            self.oddities.push(Oddity::SentTwice(message));
            return;
        }
        entry.sent = Some(sent);
        self.sent.push(handle);
        self.steps.push(Step::Sent(handle));
        if links.business.is_some() || links.resend_of.is_some() {
            // Handles are mostly given in the order of sending.
            let place = self.links.partition_point(|(other, _)| *other < handle);
            self.links.insert(place, (handle, links));
        }
    }

    fn settle(&mut self, message: MessageId, how: impl FnOnce(&mut History, SentEntry) -> Settled) {
        let handle = self.handle(message);
        let Some((handle, sent)) = handle.and_then(|handle| Some((handle, self.entry(handle).sent.clone()?))) else {
            self.oddities.push(Oddity::SettledUnsent(message));
            return;
        };
        if self.entry(handle).settled.is_some() {
            self.oddities.push(Oddity::SettledTwice(message));
            return;
        }
        let settled = how(self, sent);
        self.entries[handle as usize].settled = Some(settled);
        self.steps.push(Step::Settled(handle));
    }

    pub(super) fn handle_for(&mut self, message: MessageId) -> u32 {
        if let Some(handle) = self.handle(message) {
            return handle;
        }
        let handle = small(self.entries.len());
        self.entries.push(Entry {
            id: message,
            sent: None,
            settled: None,
        });
        if handle != expected_handle(message) {
            self.handles.insert(message, handle);
        }
        handle
    }

    /// The log in which a consumer met a message: the one of a deleted topic if that is where it was acknowledged. What
    /// was fetched before the deletion may be handed out after it.
    pub(super) fn log_with(&mut self, topic: &Arc<str>, partition: i32, message: u32) -> u32 {
        let current = self.log_number(topic, partition);
        let known = self.entries.get(message as usize).and_then(|entry| entry.settled);
        match known {
            Some(Settled::Acked { log, .. })
                if self.deleted.contains(&log) && self.logs.get(log) == self.logs.get(current) =>
            {
                log
            }
            _ => current,
        }
    }

    pub(super) fn log_number(&mut self, topic: &Arc<str>, partition: i32) -> u32 {
        let topic = self.topics.number(topic);
        self.logs.number(topic, partition)
    }
}

impl Extend<Observation> for History {
    fn extend<I: IntoIterator<Item = Observation>>(&mut self, observations: I) {
        for observation in observations {
            self.record(observation);
        }
    }
}

impl FromIterator<Observation> for History {
    fn from_iter<I: IntoIterator<Item = Observation>>(observations: I) -> History {
        let mut history = History::new();
        history.extend(observations);
        history
    }
}
