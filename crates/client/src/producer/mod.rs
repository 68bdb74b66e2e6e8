//! The model producer.

mod accumulator;
mod answers;
mod batch;
mod idempotence;
mod partitioner;
mod queues;
mod ratio;
mod record;
mod sender;
mod waiting;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kafka_sim_core::{ConfigError, Seed, SimRng, SimTime, WallClock, earlier};

pub use self::record::{Header, ProducerRecord, SendError, SendOutcome, SendResult};
use self::{
    accumulator::{Accumulator, Wake},
    idempotence::{Idempotence, Standing},
    sender::{Request, Shipped},
    waiting::{Lacking, Waiting, report},
};
use crate::{
    config::ProducerConfig,
    io::{ClientInput, ClientOutput},
    network::{Event, Network},
};

/// What the producer emits.
type Outputs = Vec<ClientOutput<SendOutcome>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Built, but not yet told the time.
    New,
    Running,
    Closing {
        deadline: SimTime,
    },
    Closed,
}

/// A producer that behaves like Kafka's `KafkaProducer` and its `Sender`.
///
/// It never asks for the time and never waits: call [`advance`](Self::advance) when [`next_due`](Self::next_due)
/// says so (a new producer is due at once, as it fetches metadata before the first send), and hand in what arrives
/// with [`handle`](Self::handle). Times must not run backwards. See the crate's page for an example.
///
/// Divergence: no transactions, no interceptors, no custom partitioner; while an InitProducerId is on its way other
/// requests are not held back, and metadata for a new topic is asked together with that of all others.
#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
    wall_clock: WallClock,
    network: Network<Request>,
    partitioner_rng: SimRng,
    retry_rng: SimRng,
    accumulator: Accumulator,
    idempotence: Option<Idempotence>,
    waiting: VecDeque<Waiting>,
    life: Life,
    /// When the sender has something to do although nothing arrives until then.
    sender_due: Option<SimTime>,
    /// Used for the next request.
    spare: Vec<Shipped>,
    /// The sender found nothing to send when it looked last.
    sender_rests: bool,
}

impl Producer {
    /// A producer that knows the cluster by these addresses. `index` tells producers of one run apart: each gets
    /// random streams of its own from `seed`.
    ///
    /// # Errors
    /// Conflicting settings, see [`ProducerConfig::validate`]; an empty bootstrap list.
    pub fn new(
        config: ProducerConfig,
        bootstrap: Vec<(Arc<str>, u16)>,
        seed: Seed,
        index: u64,
    ) -> Result<Producer, ConfigError> {
        config.validate()?;
        if bootstrap.is_empty() {
            return Err(ConfigError::invalid_value(
                "bootstrap.servers",
                "",
                "at least one address",
            ));
        }
        let rng = seed.stream("producer/network", index);
        Ok(Producer {
            network: Network::new(&config.network, config.max_in_flight, true, &bootstrap, rng),
            wall_clock: WallClock::default(),
            partitioner_rng: seed.stream("producer/partitioner", index),
            retry_rng: seed.stream("producer/retry", index),
            accumulator: Accumulator::new(&config),
            idempotence: config.is_idempotent().then(Idempotence::new),
            waiting: VecDeque::new(),
            life: Life::New,
            sender_due: None,
            spare: Vec::new(),
            sender_rests: false,
            config,
        })
    }

    /// Sets the clock that stamps records without a timestamp.
    #[must_use]
    pub fn with_wall_clock(mut self, wall_clock: WallClock) -> Producer {
        self.wall_clock = wall_clock;
        self
    }

    /// Takes a record. Its outcome comes later, or at once if it is refused without being sent.
    ///
    /// A record whose topic is not in metadata, or for which there is no buffer memory, waits up to `max.block.ms`
    /// and is then refused.
    pub fn send(&mut self, now: SimTime, record: ProducerRecord, out: &mut Outputs) {
        self.start();
        if let Some(error) = self.no_more_sends() {
            let partition = record.partition;
            report(record.token, SendResult::Refused { partition, error }, out);
            return;
        }
        let wake = self.accept(record, now, out);
        if wake != Wake::Not && !(wake == Wake::Later && self.just_lingers(now)) {
            self.pump(now, out);
        }
    }

    /// Whether nothing is to be done now but to wait for a batch that has begun. If so, notes until when.
    fn just_lingers(&mut self, now: SimTime) -> bool {
        let until = self.accumulator.lingers_until(&self.network.metadata, now);
        let lingers = until.is_some() && self.is_at_rest(now);
        if lingers {
            self.sender_due = earlier(self.sender_due, until);
        }
        lingers
    }

    fn no_more_sends(&self) -> Option<SendError> {
        match (
            &self.life,
            self.idempotence.as_ref().map(|idempotence| &idempotence.standing),
        ) {
            (Life::Closing { .. } | Life::Closed, _) => Some(SendError::Closed),
            (_, Some(Standing::Failed(error))) => Some(error.clone()),
            _ => None,
        }
    }

    /// Takes in what happened to a connection.
    pub fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Outputs) {
        if self.life != Life::Closed {
            self.start();
            let event = self.network.handle(now, input, out);
            self.pump_after(event, now, out);
        }
    }

    /// Fires what is due.
    pub fn advance(&mut self, now: SimTime, out: &mut Outputs) {
        if self.life != Life::Closed && !self.is_at_rest(now) {
            self.start();
            self.pump(now, out);
        }
    }

    /// When [`advance`](Self::advance) has something to do although nothing arrives until then. May be in the past
    /// for a producer that has not been told the time so far.
    pub fn next_due(&self) -> Option<SimTime> {
        let deadline = match self.life {
            Life::New => return Some(SimTime::ZERO),
            Life::Closed => return None,
            Life::Running => None,
            Life::Closing { deadline } => Some(deadline),
        };
        earlier(earlier(self.sender_due, deadline), self.network.next_due())
    }

    /// Sends what has been collected without lingering. It is done when the outcomes of all records sent before are
    /// there.
    pub fn flush(&mut self, now: SimTime, out: &mut Outputs) {
        if self.life != Life::Closed {
            self.accumulator.flush();
            self.start();
            self.pump(now, out);
        }
    }

    /// Takes no more records, sends what has been collected, and closes all connections: when everything is
    /// acknowledged, or when `timeout` is over and the rest is given up. Waiting sends are refused.
    pub fn close(&mut self, now: SimTime, timeout: Duration, out: &mut Outputs) {
        if matches!(self.life, Life::Closing { .. } | Life::Closed) {
            return;
        }
        self.life = Life::Closing {
            deadline: now + timeout,
        };
        for Waiting { record, .. } in std::mem::take(&mut self.waiting) {
            let (partition, error) = (record.partition, SendError::Closed);
            report(record.token, SendResult::Refused { partition, error }, out);
        }
        self.accumulator.closed = true;
        self.pump(now, out);
    }

    /// Ends like a process that is killed: nothing is sent or reported any more, and its connections are gone.
    pub fn kill(&mut self) {
        self.life = Life::Closed;
        self.network.forget();
        self.accumulator = Accumulator::new(&self.config);
        self.waiting.clear();
        self.sender_due = None;
    }

    /// Whether every record handed in has its outcome.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.accumulator.has_incomplete()
    }

    /// Whether the producer was closed or killed and will do nothing more.
    pub fn is_closed(&self) -> bool {
        self.life == Life::Closed
    }

    fn start(&mut self) {
        if self.life == Life::New {
            self.life = Life::Running;
        }
    }

    /// Whether everything that can be done now has been done.
    fn is_at_rest(&self, now: SimTime) -> bool {
        self.life == Life::Running
            && self.sender_rests
            && self.waiting.is_empty()
            && self.idempotence.as_ref().is_none_or(Idempotence::is_settled)
            && self.sender_due.is_none_or(|due| due > now)
            && self.network.rests(now)
    }

    /// Does everything that can be done now.
    fn pump(&mut self, now: SimTime, out: &mut Outputs) {
        self.pump_after(None, now, out);
    }

    /// The same where this has happened before anything that [comes next](Network::next_event).
    fn pump_after(&mut self, mut event: Option<Event<Request>>, now: SimTime, out: &mut Outputs) {
        loop {
            self.network.poll(now, out);
            let mut progress = false;
            while let Some(event) = event.take().or_else(|| self.network.next_event()) {
                self.take_event(event, now, out);
                progress = true;
            }
            self.expire(now, out);
            progress |= self.admit_waiting(now, out);
            progress |= self.run_sender(now, out);
            let more = self.network.is_restless(now, progress) || (progress && self.may_send_more());
            if !more {
                break;
            }
        }
        if let Life::Closing { deadline } = self.life
            && (deadline <= now || !self.accumulator.has_incomplete())
        {
            self.give_up_all(&SendError::Closed, out);
            self.network.shut_down(out);
            self.life = Life::Closed;
        }
    }

    /// Whether another round could send something that the last one did not: it sends one request to each broker.
    fn may_send_more(&self) -> bool {
        let lacks_id = |idempotence: &Idempotence| matches!(idempotence.standing, Standing::Without { .. });
        self.accumulator.has_queued() || !self.waiting.is_empty() || self.idempotence.as_ref().is_some_and(lacks_id)
    }

    /// Whether sends wait for buffer memory, which makes every batch ready.
    fn is_exhausted(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.lacking == Lacking::Memory)
    }
}
