//! Readers of a closed world: one that follows along, and one that reads everything at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_sim_check::{History, MessageId, Observation, payload};
use kafka_sim_client::{ClientInput, ClientOutput, ReadRecord, Reader, ReaderOutcome, StartAt};
use kafka_sim_core::SimTime;

/// The outputs of a model reader.
pub(super) type ReaderOutputs = Vec<ClientOutput<ReaderOutcome>>;

/// A model reader and what it was asked to read.
#[derive(Clone, Debug)]
pub(super) struct Following {
    index: u32,
    pub(super) reader: Reader,
    /// Partitions whose end it has not reached.
    unfinished: BTreeSet<(Arc<str>, i32)>,
    /// Reaching the end counts as the final read.
    final_read: bool,
    /// Where logs begin below which records were removed on purpose.
    log_starts: BTreeMap<(Arc<str>, i32), i64>,
}

impl Following {
    pub(super) fn new(index: u32, reader: Reader, final_read: bool) -> Following {
        Following {
            index,
            reader,
            unfinished: BTreeSet::new(),
            final_read,
            log_starts: BTreeMap::new(),
        }
    }

    /// Tells it where logs begin: what lies below was removed on purpose.
    pub(super) fn knowing(self, log_starts: BTreeMap<(Arc<str>, i32), i64>) -> Following {
        Following { log_starts, ..self }
    }

    pub(super) fn begin(
        &mut self,
        now: SimTime,
        partitions: &[(Arc<str>, i32)],
        history: &mut History,
        out: &mut ReaderOutputs,
    ) {
        self.unfinished = partitions.iter().cloned().collect();
        for (topic, partition) in partitions {
            history.record(Observation::Repositioned {
                at: now.as_nanos(),
                reader: self.index,
                topic: topic.clone(),
                partition: *partition,
            });
        }
        let assignment: Vec<_> = partitions
            .iter()
            .map(|(topic, partition)| (topic.clone(), *partition, StartAt::Earliest))
            .collect();
        self.reader.assign(now, assignment, out);
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        self.reader.next_due()
    }

    pub(super) fn is_done(&self) -> bool {
        self.unfinished.is_empty()
    }

    pub(super) fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut ReaderOutputs) {
        self.reader.handle(now, input, out);
    }

    pub(super) fn learn(&mut self, now: SimTime, outcome: ReaderOutcome, history: &mut History) {
        let at = now.as_nanos();
        match outcome {
            ReaderOutcome::Records {
                topic,
                partition,
                records,
            } => records
                .iter()
                .for_each(|record| self.saw(at, &topic, partition, record, history)),
            ReaderOutcome::EndReached {
                topic,
                partition,
                high_watermark,
            } => {
                if !self.unfinished.is_empty() {
                    self.unfinished.remove(&(topic.clone(), partition));
                }
                if self.final_read {
                    let log_start = self.log_starts.get(&(topic.clone(), partition)).copied();
                    history.record(Observation::EndOfRead {
                        at,
                        reader: self.index,
                        topic,
                        partition,
                        log_start: log_start.unwrap_or(0),
                        offset: high_watermark,
                    });
                }
            }
            ReaderOutcome::OffsetOutOfRange { topic, partition, .. }
            | ReaderOutcome::TruncationDetected { topic, partition, .. } => {
                history.record(Observation::Repositioned {
                    at,
                    reader: self.index,
                    topic,
                    partition,
                });
            }
            ReaderOutcome::Error { .. } => {}
        }
    }

    fn saw(&self, at: u64, topic: &Arc<str>, partition: i32, record: &ReadRecord, history: &mut History) {
        let message = record
            .value
            .as_deref()
            .and_then(payload::decode)
            .map(|payload| MessageId(payload.id.0));
        history.record(Observation::Read {
            at,
            reader: self.index,
            topic: topic.clone(),
            partition,
            offset: record.offset,
            message,
            leader_epoch: Some(record.leader_epoch).filter(|epoch| *epoch >= 0),
        });
    }
}
