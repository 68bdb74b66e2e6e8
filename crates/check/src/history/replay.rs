//! From tables back to observations.

use super::{Entry, FOREIGN, History, Settled, Step};
use crate::message::MessageId;
use crate::observation::Observation;

impl History {
    /// The observations in the order in which they were recorded, without the oddities.
    pub fn observations(&self) -> impl Iterator<Item = Observation> {
        self.steps.iter().map(|step| match *step {
            Step::Sent(handle) => self.sent_observation(handle),
            Step::Settled(handle) => self.outcome_observation(handle),
            Step::Read(read) => self.read_observation(read),
            Step::End(end) => self.end_observation(end),
            Step::Fault(fault) => {
                let (from, until) = self.faults[fault as usize];
                Observation::FaultActive { from, until }
            }
            Step::Compacted { at, topic } => Observation::Compacted {
                at,
                topic: self.topic(topic).clone(),
            },
            Step::Recreated { at, topic } => Observation::TopicRecreated {
                at,
                topic: self.topic(topic).clone(),
            },
            Step::Deed(deed) => self.deed_observation(deed),
            Step::Poll { at, reader, completion } => Observation::Poll { at, reader, completion },
            Step::Repositioned { at, reader, log } => {
                let (topic, partition) = self.log(log);
                Observation::Repositioned {
                    at,
                    reader,
                    topic: topic.clone(),
                    partition,
                }
            }
        })
    }

    fn sent_observation(&self, handle: u32) -> Observation {
        let Entry {
            id, sent: Some(sent), ..
        } = self.entry(handle)
        else {
            unreachable!("a sent step is only recorded with its entry");
        };
        let links = self.links(handle);
        Observation::Sent {
            at: sent.at,
            producer: sent.producer,
            message: *id,
            topic: self.topic(sent.topic).clone(),
            partition: sent.log.map(|log| self.log(log).1),
            key: sent.key,
            sequence: sent.sequence,
            business: links.and_then(|links| links.business),
            resend_of: links.and_then(|links| links.resend_of),
        }
    }

    fn outcome_observation(&self, handle: u32) -> Observation {
        let Entry {
            id: message,
            settled: Some(settled),
            ..
        } = *self.entry(handle)
        else {
            unreachable!("a settled step is only recorded with its outcome");
        };
        match settled {
            Settled::Acked { at, log, offset } => Observation::Acked {
                at,
                message,
                partition: self.log(log).1,
                offset,
            },
            Settled::Refused { at, error } => Observation::Refused {
                at,
                message,
                error: self.errors.get(error).clone(),
            },
            Settled::Unknown { at, error } => Observation::Unknown {
                at,
                message,
                error: self.errors.get(error).clone(),
            },
        }
    }

    fn read_observation(&self, read: u32) -> Observation {
        let read = self.reads[read as usize];
        let (topic, partition) = self.log(read.log);
        Observation::Read {
            at: read.at,
            reader: read.reader,
            topic: topic.clone(),
            partition,
            offset: read.offset,
            message: self.id_of(read.message),
            leader_epoch: read.leader_epoch,
        }
    }

    fn end_observation(&self, end: u32) -> Observation {
        let end = self.ends[end as usize];
        let (topic, partition) = self.log(end.log);
        Observation::EndOfRead {
            at: end.at,
            reader: end.reader,
            topic: topic.clone(),
            partition,
            log_start: end.log_start,
            offset: end.offset,
        }
    }

    /// The identity behind a handle, none for foreign bytes.
    pub(crate) fn id_of(&self, handle: u32) -> Option<MessageId> {
        (handle != FOREIGN).then(|| self.entry(handle).id)
    }
}
