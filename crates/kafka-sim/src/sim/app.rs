//! A producing application in a closed world.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_check::{History, MessageId, Observation, key_of, payload};
use kafka_sim_client::{ClientInput, ClientOutput, Producer, ProducerRecord, SendOutcome, SendResult};
use kafka_sim_core::SimTime;

use super::plan::{Handling, ProducerPlan, Spread};

/// The outputs of a model producer.
pub(super) type ProducerOutputs = Vec<ClientOutput<SendOutcome>>;

/// A model producer and the application that uses it.
#[derive(Clone, Debug)]
pub(super) struct App {
    index: u32,
    plan: ProducerPlan,
    topic: Arc<str>,
    partitions: u32,
    start: SimTime,
    pub(super) producer: Producer,
    sent: u32,
    /// Position of the next message per partition.
    sequences: BTreeMap<i32, u64>,
    /// Content to hand over again: when, what, and how often it may still be tried.
    again: VecDeque<(SimTime, Again)>,
    attempts: BTreeMap<u64, Again>,
    messages: u64,
}

#[derive(Clone, Copy, Debug)]
struct Again {
    business: u64,
    first: u64,
    partition: Option<i32>,
    left: u32,
}

impl App {
    pub(super) fn new(index: u32, plan: ProducerPlan, partitions: i32, start: SimTime, producer: Producer) -> App {
        let topic = Arc::from(plan.topic.as_str());
        let partitions = u32::try_from(partitions).expect("a topic has at least one partition");
        App {
            index,
            topic,
            partitions,
            start: start + plan.starts_after,
            plan,
            producer,
            sent: 0,
            sequences: BTreeMap::new(),
            again: VecDeque::new(),
            attempts: BTreeMap::new(),
            messages: 0,
        }
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        let next_record = (self.sent < self.plan.records).then(|| self.start + self.plan.every * self.sent);
        next_record
            .into_iter()
            .chain(self.again.front().map(|(at, _)| *at))
            .chain(self.producer.next_due())
            .min()
    }

    /// Everything was handed over, and every outcome is known.
    pub(super) fn is_done(&self) -> bool {
        self.sent == self.plan.records && self.again.is_empty() && self.producer.is_idle()
    }

    pub(super) fn advance(&mut self, now: SimTime, history: &mut History, out: &mut ProducerOutputs) {
        while self.sent < self.plan.records && self.start + self.plan.every * self.sent <= now {
            let partition = match self.plan.spread {
                Spread::RoundRobin => {
                    Some(i32::try_from(self.sent % self.partitions).expect("smaller than the number of partitions"))
                }
                Spread::One(partition) => Some(partition),
                Spread::Keyed(_) | Spread::Sticky => None,
            };
            self.sent += 1;
            let left = match self.plan.handling {
                Handling::SendAgain { at_most, .. } => at_most,
                _ => 0,
            };
            let business = (u64::from(self.index) << 32) | u64::from(self.sent);
            self.hand_over(
                now,
                Again {
                    business,
                    first: 0,
                    partition,
                    left,
                },
                None,
                history,
                out,
            );
        }
        while self.again.front().is_some_and(|(at, _)| *at <= now) {
            let (_, again) = self.again.pop_front().expect("it was looked at");
            self.hand_over(now, again, Some(again.first), history, out);
        }
        self.producer.advance(now, out);
    }

    fn hand_over(
        &mut self,
        now: SimTime,
        content: Again,
        resend_of: Option<u64>,
        history: &mut History,
        out: &mut ProducerOutputs,
    ) {
        self.messages += 1;
        let id = (u64::from(self.index) << 32) | self.messages;
        let sequence = content.partition.map_or(self.messages - 1, |partition| {
            let next = self.sequences.entry(partition).or_insert(0);
            *next += 1;
            *next - 1
        });
        let key = match self.plan.spread {
            Spread::Keyed(keys) => Some(Bytes::from(format!("key-{}", self.messages % u64::from(keys.max(1))))),
            _ => None,
        };
        let at = now.as_nanos();
        history.record(Observation::Sent {
            at,
            producer: self.index,
            message: MessageId(id),
            topic: self.topic.clone(),
            partition: content.partition,
            key: key.as_deref().map(key_of),
            sequence,
            business: Some(content.business),
            resend_of: resend_of.map(MessageId),
        });
        if self.plan.handling == Handling::Ignore {
            // Such an application believes that handing over is all there is to it.
            history.record(Observation::Acked {
                at,
                message: MessageId(id),
                partition: content.partition.unwrap_or(0),
                offset: None,
            });
        }
        if content.left > 0 {
            let first = if resend_of.is_some() { content.first } else { id };
            self.attempts.insert(
                id,
                Again {
                    first,
                    left: content.left - 1,
                    ..content
                },
            );
        }
        let value = payload::encode(
            MessageId(id),
            self.index,
            sequence,
            self.plan.value_bytes.saturating_sub(payload::HEADER_LEN),
        );
        let mut record = ProducerRecord::new(self.topic.clone(), id).value(value);
        if let Some(partition) = content.partition {
            record = record.partition(partition);
        }
        if let Some(key) = key {
            record = record.key(key);
        }
        self.producer.send(now, record, out);
    }

    pub(super) fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut ProducerOutputs) {
        self.producer.handle(now, input, out);
    }

    /// The producer told the application what became of a record.
    pub(super) fn learn(&mut self, now: SimTime, outcome: SendOutcome, history: &mut History) {
        let attempt = self.attempts.remove(&outcome.token);
        if self.plan.handling == Handling::Ignore {
            return;
        }
        let (at, message) = (now.as_nanos(), MessageId(outcome.token));
        let failed = match outcome.result {
            SendResult::Acked { partition, offset, .. } => {
                history.record(Observation::Acked {
                    at,
                    message,
                    partition,
                    offset: (offset >= 0).then_some(offset),
                });
                false
            }
            SendResult::Refused { error, .. } => {
                history.record(Observation::Refused {
                    at,
                    message,
                    error: error.to_string().into(),
                });
                true
            }
            SendResult::Unknown { error, .. } => {
                history.record(Observation::Unknown {
                    at,
                    message,
                    error: error.to_string().into(),
                });
                true
            }
        };
        if let (true, Some(again), Handling::SendAgain { after, .. }) = (failed, attempt, self.plan.handling) {
            self.again.push_back((now + after, again));
        }
    }
}
