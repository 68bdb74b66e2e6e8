//! A producing application in a closed world.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_check::{History, MessageId, Observation, key_of, payload};
use kafka_sim_client::{ClientInput, ClientOutput, Producer, ProducerRecord, SendOutcome, SendResult};
use kafka_sim_cluster::disk::Survivors;
use kafka_sim_core::murmur2::partition_for_key;
use kafka_sim_core::{ConfigError, SimTime, SmallMap, earlier};

use super::home::Home;
use super::keeping::Keeping;
use super::ledger::Row;
use super::outbox::Errand;
use super::plan::{Handling, ProducerPlan, Spread};

/// The outputs of a model producer.
pub(super) type ProducerOutputs = Vec<ClientOutput<SendOutcome>>;

/// A model producer and the application that uses it. What is counted here belongs to the run and outlives a process;
/// what a process knows is cleared when it dies.
#[derive(Clone, Debug)]
pub(super) struct App {
    index: u32,
    plan: ProducerPlan,
    topic: Arc<str>,
    partitions: u32,
    start: SimTime,
    home: Home,
    /// Processes so far.
    lives: u32,
    pub(super) producer: Producer,
    sent: u32,
    /// When the next record is to be handed over, unless that was the last.
    next_record: Option<SimTime>,
    /// Position of the next message per partition.
    sequences: SmallMap<i32, u64>,
    /// Content to hand over again: when, what, and how often it may still be tried.
    again: VecDeque<(SimTime, Content)>,
    /// What the producer has and has said nothing of, by message.
    in_flight: SmallMap<u64, Content>,
    keeping: Keeping,
    messages: u64,
}

#[derive(Clone, Copy, Debug)]
struct Content {
    business: u64,
    /// The first message with this content, or 0.
    first: u64,
    partition: Option<i32>,
    sequence: u64,
    left: u32,
}

impl App {
    pub(super) fn new(index: u32, plan: ProducerPlan, partitions: i32, home: Home) -> Result<App, ConfigError> {
        let topic = Arc::from(plan.topic.as_str());
        let partitions = u32::try_from(partitions).expect("a topic has at least one partition");
        let keeping = Keeping::of(&plan, index, &home)?;
        let mut app = App {
            index,
            topic,
            partitions,
            start: home.start + plan.starts_after,
            producer: home.producer(&plan.config, index, 0)?,
            plan,
            home,
            lives: 1,
            sent: 0,
            next_record: None,
            sequences: SmallMap::new(),
            again: VecDeque::new(),
            in_flight: SmallMap::new(),
            keeping,
            messages: 0,
        };
        app.has_sent(0);
        Ok(app)
    }

    /// Counts records that were handed over, or never will be.
    fn has_sent(&mut self, more: u32) {
        self.sent += more;
        self.next_record = (self.sent < self.plan.records).then(|| self.start + self.plan.every * self.sent);
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        let again = self.again.front().map(|(at, _)| *at);
        let own = earlier(earlier(self.next_record, again), self.keeping.next_due());
        earlier(own, self.producer.next_due())
    }

    /// Everything was handed over, and every outcome is known.
    pub(super) fn is_done(&self) -> bool {
        self.sent == self.plan.records && self.again.is_empty() && self.keeping.is_done() && self.producer.is_idle()
    }

    pub(super) fn advance(&mut self, now: SimTime, history: &mut History, out: &mut ProducerOutputs) {
        while self.next_record.is_some_and(|at| at <= now) {
            let partition = match self.plan.spread {
                Spread::RoundRobin => {
                    Some(i32::try_from(self.sent % self.partitions).expect("smaller than the number of partitions"))
                }
                Spread::One(partition) | Spread::KeyedIn { partition, .. } => Some(partition),
                Spread::Keyed(_) | Spread::Sticky => None,
            };
            self.has_sent(1);
            let left = match self.plan.handling {
                Handling::SendAgain { at_most, .. } => at_most,
                _ => 0,
            };
            let content = Content {
                business: (u64::from(self.index) << 32) | u64::from(self.sent),
                first: 0,
                partition,
                sequence: 0,
                left,
            };
            self.hand_over(now, content, history, out);
        }
        while let Some((_, content)) = self.again.pop_front_if(|(at, _)| *at <= now) {
            self.hand_over(now, content, history, out);
        }
        for errand in self.keeping.advance(now) {
            match errand {
                Errand::Promise(row) => acked(now, row.id, row.partition, None, history),
                Errand::Send(row) => self.send(now, row.id, row.sequence, Some(row.partition), out),
            }
        }
        self.producer.advance(now, out);
    }

    /// Takes content for a new message, however it gets to the producer.
    fn hand_over(&mut self, now: SimTime, content: Content, history: &mut History, out: &mut ProducerOutputs) {
        self.messages += 1;
        let id = (u64::from(self.index) << 32) | self.messages;
        let sequence = content.partition.map_or(self.messages - 1, |partition| {
            let next = self.sequences.get_or_insert_with(partition, || 0);
            *next += 1;
            *next - 1
        });
        let at = now.as_nanos();
        history.record(Observation::Sent {
            at,
            producer: self.index,
            message: MessageId(id),
            topic: self.topic.clone(),
            partition: content.partition,
            key: self.key(id).as_deref().map(key_of),
            sequence,
            business: Some(content.business),
            resend_of: (content.first > 0).then_some(MessageId(content.first)),
        });
        let content = Content { sequence, ..content };
        if self.plan.handling == Handling::Ignore {
            // Such an application believes that handing over is all there is to it.
            acked(now, id, content.partition.unwrap_or(0), None, history);
        } else if self.keeping.is_outbox() {
            let row = self.row(id, content);
            if let Err(error) = self.keeping.take(now, row) {
                refused(now, id, &error.to_string(), history);
            }
            return;
        } else {
            self.in_flight.insert(id, content);
        }
        self.send(now, id, sequence, content.partition, out);
    }

    /// The row of a message that the application keeps: it knows the partition beforehand.
    fn row(&self, id: u64, content: Content) -> Row {
        let by_key = || {
            let key = self.key(id).unwrap_or_default();
            partition_for_key(&key, i32::try_from(self.partitions).expect("it was one"))
        };
        Row {
            id,
            sequence: content.sequence,
            partition: content.partition.unwrap_or_else(by_key),
        }
    }

    fn key(&self, id: u64) -> Option<Bytes> {
        match self.plan.spread {
            Spread::Keyed(keys) | Spread::KeyedIn { keys, .. } => {
                let message = id & u64::from(u32::MAX);
                Some(Bytes::from(format!("key-{}", message % u64::from(keys.max(1)))))
            }
            _ => None,
        }
    }

    fn send(&mut self, now: SimTime, id: u64, sequence: u64, partition: Option<i32>, out: &mut ProducerOutputs) {
        let padding = self.plan.value_bytes.saturating_sub(payload::HEADER_LEN);
        let value = payload::encode(MessageId(id), self.index, sequence, padding);
        let record = ProducerRecord::new(self.topic.clone(), id).value(value);
        let record = ProducerRecord {
            partition,
            key: self.key(id),
            ..record
        };
        self.producer.send(now, record, out);
    }

    pub(super) fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut ProducerOutputs) {
        self.producer.handle(now, input, out);
    }

    /// The producer told the application what became of a record.
    pub(super) fn learn(&mut self, now: SimTime, outcome: SendOutcome, history: &mut History) {
        let id = outcome.token;
        let success = matches!(outcome.result, SendResult::Acked { .. });
        if self.keeping.learn(now, id, success) {
            return;
        }
        let Some(content) = self.in_flight.remove(&id) else {
            return;
        };
        if !success && self.keeping.is_spill() {
            let row = self.row(id, content);
            if self.keeping.take(now, row).is_ok() {
                return;
            }
        }
        settle(now, id, outcome.result, history);
        if let (false, Handling::SendAgain { after, .. }) = (success, self.plan.handling)
            && content.left > 0
        {
            let first = if content.first > 0 { content.first } else { id };
            let left = content.left - 1;
            self.again.push_back((now + after, Content { first, left, ..content }));
        }
    }

    /// Messages that it has taken and that are not through.
    pub(super) fn in_hand(&self) -> usize {
        self.in_flight.len() + self.again.len() + self.keeping.in_hand()
    }

    /// The process dies; with `power`, its machine does.
    pub(super) fn die(&mut self, now: SimTime, power: Option<Survivors>, history: &mut History) {
        self.producer.kill();
        self.again.clear();
        for (id, _) in std::mem::take(&mut self.in_flight) {
            unknown(now, id, history);
        }
        self.keeping.die(now, power, history);
    }

    /// The machine of a process that was dead before dies.
    pub(super) fn lose_power(&mut self, now: SimTime, survivors: Survivors, history: &mut History) {
        self.keeping.die(now, Some(survivors), history);
    }

    /// A new process. What would have been asked of it while there was none was not asked of anybody.
    pub(super) fn restart(&mut self, now: SimTime) {
        while self.next_record.is_some_and(|at| at < now) {
            self.has_sent(1);
        }
        let producer = self.home.producer(&self.plan.config, self.index, self.lives);
        self.lives += 1;
        self.producer = producer.expect("the first process had the same settings");
        self.keeping.restart(now);
    }
}

pub(super) fn acked(now: SimTime, id: u64, partition: i32, offset: Option<i64>, history: &mut History) {
    history.record(Observation::Acked {
        at: now.as_nanos(),
        message: MessageId(id),
        partition,
        offset,
    });
}

fn refused(now: SimTime, id: u64, error: &str, history: &mut History) {
    history.record(Observation::Refused {
        at: now.as_nanos(),
        message: MessageId(id),
        error: error.into(),
    });
}

/// The process that could have told died.
pub(super) fn unknown(now: SimTime, id: u64, history: &mut History) {
    history.record(Observation::Unknown {
        at: now.as_nanos(),
        message: MessageId(id),
        error: "the application died".into(),
    });
}

fn settle(now: SimTime, id: u64, result: SendResult, history: &mut History) {
    match result {
        SendResult::Acked { partition, offset, .. } => {
            acked(now, id, partition, (offset >= 0).then_some(offset), history);
        }
        SendResult::Refused { error, .. } => refused(now, id, &error.to_string(), history),
        SendResult::Unknown { error, .. } => history.record(Observation::Unknown {
            at: now.as_nanos(),
            message: MessageId(id),
            error: error.to_string().into(),
        }),
    }
}
