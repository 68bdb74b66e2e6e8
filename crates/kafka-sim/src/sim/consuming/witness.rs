//! What is written down of a consuming process.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_check::{Completion, MessageId, Observation};
use kafka_sim_client::{ConsumerError, ConsumerRecord};
use kafka_sim_core::TopicPartition;

use super::Around;
use super::task::Item;

/// The observer of one process.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    reader: u32,
    /// Whether its process has begun.
    pub(super) has_joined: bool,
    /// What the application was told it owns.
    owned: BTreeSet<TopicPartition>,
}

impl Witness {
    pub(super) fn of(reader: u32) -> Witness {
        Witness {
            reader,
            has_joined: false,
            owned: BTreeSet::new(),
        }
    }

    pub(super) fn joined(&mut self, around: &mut Around<'_>, group: &Arc<str>) {
        self.has_joined = true;
        around.history.record(Observation::Joined {
            at: around.now.as_nanos(),
            reader: self.reader,
            group: group.clone(),
        });
    }

    pub(super) fn owned(&mut self, around: &mut Around<'_>, partitions: Vec<TopicPartition>) {
        for tp in partitions {
            around.history.record(Observation::Owned {
                at: around.now.as_nanos(),
                reader: self.reader,
                topic: tp.topic.clone(),
                partition: tp.partition,
            });
            self.owned.insert(tp);
        }
    }

    pub(super) fn released(&mut self, around: &mut Around<'_>, partitions: &[TopicPartition]) {
        for tp in partitions {
            if self.owned.remove(tp) {
                around.history.record(Observation::Released {
                    at: around.now.as_nanos(),
                    reader: self.reader,
                    topic: tp.topic.clone(),
                    partition: tp.partition,
                });
            }
        }
    }

    pub(super) fn released_all(&mut self, around: &mut Around<'_>) {
        let all: Vec<TopicPartition> = self.owned.iter().cloned().collect();
        self.released(around, &all);
    }

    pub(super) fn died(&mut self, around: &mut Around<'_>) {
        self.released_all(around);
        around.history.record(Observation::Died {
            at: around.now.as_nanos(),
            reader: self.reader,
        });
    }

    /// A poll that returned something.
    pub(super) fn polled(&self, around: &mut Around<'_>, records: &[(Item, &ConsumerRecord)]) {
        let at = around.now.as_nanos();
        around.history.record(Observation::Poll {
            at,
            reader: self.reader,
            completion: Completion::Ok,
        });
        for (item, record) in records {
            around.history.record(Observation::Read {
                at,
                reader: self.reader,
                topic: item.tp.topic.clone(),
                partition: item.tp.partition,
                offset: item.offset,
                message: item.message,
                leader_epoch: Some(record.record.leader_epoch).filter(|epoch| *epoch >= 0),
            });
        }
    }

    pub(super) fn repositioned(&self, around: &mut Around<'_>, tp: &TopicPartition) {
        around.history.record(Observation::Repositioned {
            at: around.now.as_nanos(),
            reader: self.reader,
            topic: tp.topic.clone(),
            partition: tp.partition,
        });
    }

    pub(super) fn processed(&self, around: &mut Around<'_>, item: &Item) {
        around.history.record(Observation::Processed {
            at: around.now.as_nanos(),
            reader: self.reader,
            topic: item.tp.topic.clone(),
            partition: item.tp.partition,
            offset: item.offset,
            message: item.message,
        });
    }

    pub(super) fn effect(&self, around: &mut Around<'_>, message: MessageId) {
        around.history.record(Observation::Effect {
            at: around.now.as_nanos(),
            reader: self.reader,
            message,
        });
    }

    pub(super) fn commit_sent(&self, around: &mut Around<'_>, offsets: &[(TopicPartition, i64)]) {
        for (tp, offset) in offsets {
            around.history.record(Observation::CommitSent {
                at: around.now.as_nanos(),
                reader: self.reader,
                topic: tp.topic.clone(),
                partition: tp.partition,
                offset: *offset,
            });
        }
    }

    pub(super) fn committed(
        &self,
        around: &mut Around<'_>,
        offsets: &[(TopicPartition, i64)],
        result: &Result<(), ConsumerError>,
    ) {
        for (tp, offset) in offsets {
            around.history.record(Observation::Committed {
                at: around.now.as_nanos(),
                reader: self.reader,
                topic: tp.topic.clone(),
                partition: tp.partition,
                offset: *offset,
                completion: completion(result),
            });
        }
    }
}

/// Whether a commit took place, as far as its consumer can know.
fn completion(result: &Result<(), ConsumerError>) -> Completion {
    match result {
        Ok(()) => Completion::Ok,
        Err(
            ConsumerError::IllegalState(_)
            | ConsumerError::CommitFailed
            | ConsumerError::RebalanceInProgress
            | ConsumerError::Fenced
            | ConsumerError::UnsupportedVersion
            | ConsumerError::Broker(_),
        ) => Completion::Fail,
        Err(_) => Completion::Info,
    }
}
