//! Sends that block, for metadata or for buffer memory, until `max.block.ms` is over.
//!
//! Divergence: a Java application thread is stuck in its `send` meanwhile. Here any number of sends may wait at the
//! same time, as if each had a thread of its own; those for one topic keep their order.

use std::{collections::BTreeSet, mem, sync::Arc};

use kafka_sim_core::{ErrorCode, SimTime, TopicPartition, batch::batch_size_upper_bound};

use super::{
    Outputs, Producer,
    accumulator::{NoMemory, Wake},
    batch::Entry,
    partitioner,
    record::{ProducerRecord, SendError, SendResult},
};

/// What a send waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lacking {
    Metadata,
    Memory,
}

/// A send that has not found a batch so far.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) record: ProducerRecord,
    pub(super) deadline: SimTime,
    pub(super) lacking: Lacking,
}

/// What became of an attempt to find a batch.
enum Placed {
    InBatch(Wake),
    Refused(Option<i32>, SendError, u64),
    Not(ProducerRecord, Lacking),
}

impl Producer {
    /// Puts a record into a batch, refuses it, or lets it wait. Returns whether the sender should look.
    pub(super) fn accept(&mut self, record: ProducerRecord, now: SimTime, out: &mut Outputs) -> Wake {
        self.network.metadata.want(&record.topic);
        let deadline = now + self.config.max_block;
        let must_queue = self.waiting.iter().any(|earlier| earlier.blocks(&record.topic));
        if must_queue {
            let lacking = self.waiting.back().map_or(Lacking::Metadata, |last| last.lacking);
            self.waiting.push_back(Waiting {
                record,
                deadline,
                lacking,
            });
            return Wake::Not;
        }
        match self.place(record, now) {
            Placed::InBatch(wake) => wake,
            Placed::Refused(partition, error, token) => {
                report(token, SendResult::Refused { partition, error }, out);
                Wake::Not
            }
            Placed::Not(record, lacking) => {
                self.waiting.push_back(Waiting {
                    record,
                    deadline,
                    lacking,
                });
                Wake::Now
            }
        }
    }

    /// Tries the waiting sends again, in order, and refuses those whose time is over. Returns whether one found a
    /// batch.
    pub(super) fn admit_waiting(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let mut blocked: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut no_memory = false;
        let mut progress = false;
        for waiting in mem::take(&mut self.waiting) {
            let Waiting {
                record,
                deadline,
                lacking,
            } = waiting;
            if deadline <= now {
                let error = lacking.error(&self.config);
                report(
                    record.token,
                    SendResult::Refused {
                        partition: record.partition,
                        error,
                    },
                    out,
                );
                progress = true;
                continue;
            }
            if no_memory || blocked.contains(&record.topic) {
                self.waiting.push_back(Waiting {
                    record,
                    deadline,
                    lacking,
                });
                continue;
            }
            match self.place(record, now) {
                Placed::InBatch(_) => progress = true,
                Placed::Refused(partition, error, token) => {
                    report(token, SendResult::Refused { partition, error }, out);
                }
                Placed::Not(record, lacking) => {
                    no_memory |= lacking == Lacking::Memory;
                    blocked.insert(record.topic.clone());
                    self.waiting.push_back(Waiting {
                        record,
                        deadline,
                        lacking,
                    });
                }
            }
        }
        progress
    }

    fn place(&mut self, mut record: ProducerRecord, now: SimTime) -> Placed {
        let Some(topic) = self.network.metadata.topic(&record.topic) else {
            return self.not_in_metadata(record);
        };
        if matches!(
            topic.error,
            ErrorCode::TOPIC_AUTHORIZATION_FAILED | ErrorCode::INVALID_TOPIC_EXCEPTION
        ) {
            return Placed::Refused(record.partition, SendError::Broker(topic.error), record.token);
        }
        let count = topic.partitions.len();
        let known = record
            .partition
            .is_none_or(|partition| topic.partitions.contains_key(&partition));
        if count == 0 || !known {
            return self.not_in_metadata(record);
        }
        // The clock is read once metadata is there: waiting for memory does not make a record younger.
        let timestamp = *record.timestamp.get_or_insert_with(|| self.wall_clock.millis_at(now));
        let size = batch_size_upper_bound(record.key.as_deref(), record.value.as_deref(), &record.headers);
        if let Some(error) = self.too_large(size) {
            return Placed::Refused(record.partition, error, record.token);
        }
        let key = record.key.as_ref().filter(|_| !self.config.partitioner_ignore_keys);
        let chosen = record
            .partition
            .or_else(|| key.map(|key| partitioner::of_key(key, count)));
        let sticky = chosen.is_none();
        let chosen = chosen.or_else(|| {
            let (metadata, rng) = (&self.network.metadata, &mut self.partitioner_rng);
            self.accumulator.sticky_partition(&record.topic, metadata, rng)
        });
        let Some(partition) = chosen else {
            return self.not_in_metadata(record);
        };
        let target = TopicPartition::new(record.topic.clone(), partition);
        let explicit = record.partition;
        let entry = Entry {
            token: record.token,
            timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        match self.accumulator.append(&target, entry, size, sticky, now) {
            Ok(wake) => Placed::InBatch(wake),
            Err(NoMemory(entry)) => {
                let record = ProducerRecord {
                    topic: target.topic,
                    partition: explicit,
                    key: entry.key,
                    value: entry.value,
                    headers: entry.headers,
                    timestamp: Some(entry.timestamp),
                    token: entry.token,
                };
                Placed::Not(record, Lacking::Memory)
            }
        }
    }

    fn not_in_metadata(&mut self, record: ProducerRecord) -> Placed {
        self.network.metadata.request_update();
        Placed::Not(record, Lacking::Metadata)
    }

    fn too_large(&self, size: usize) -> Option<SendError> {
        let limits = [
            ("max.request.size", self.config.max_request_size as u64),
            ("buffer.memory", self.config.buffer_memory),
        ];
        let (key, limit) = limits.into_iter().find(|&(_, limit)| size as u64 > limit)?;
        Some(SendError::RecordTooLarge { size, key, limit })
    }
}

impl Waiting {
    /// Whether a later record for this topic has to wait, too.
    fn blocks(&self, topic: &Arc<str>) -> bool {
        self.lacking == Lacking::Memory || self.record.topic == *topic
    }
}

impl Lacking {
    fn error(self, config: &crate::ProducerConfig) -> SendError {
        match self {
            Lacking::Metadata => SendError::MetadataTimeout(config.max_block),
            Lacking::Memory => SendError::BufferExhausted(config.max_block),
        }
    }
}

/// Reports the fate of a record.
pub(super) fn report(token: u64, result: SendResult, out: &mut Outputs) {
    out.push(crate::ClientOutput::Outcome(super::SendOutcome { token, result }));
}
