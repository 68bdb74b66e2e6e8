//! The model reader: a consumer of assigned partitions, without a group.

mod buffer;
mod fetch;
mod held;
mod offsets;
mod partition;
mod records;
mod request;
mod session;
mod types;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc};

use kafka_sim_core::{ConfigError, ErrorCode, Seed, SimRng, SimTime, SmallMap, TopicPartition, WallClock, earlier};

pub use self::types::{ReadError, ReadRecord, ReaderOutcome, StartAt};
use self::{
    partition::{Assigned, Stage},
    session::Session,
};
use crate::{
    backoff::Backoff,
    config::{OffsetReset, ReaderConfig},
    consumer::Ask,
    io::{ClientInput, ClientOutput},
    network::{Event, Metadata, Network},
};

/// What the reader emits.
type Outputs = Vec<ClientOutput<ReaderOutcome>>;

/// What a request of the reader was about. The generation tells requests of an earlier assignment.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// A consumer's own. There are few of them, and they are large.
    Group(Box<Ask>),
    Fetch {
        node: i32,
        generation: u64,
    },
    ListOffsets {
        generation: u64,
        partitions: Vec<TopicPartition>,
    },
    OffsetForLeaderEpoch {
        generation: u64,
        partitions: Vec<TopicPartition>,
    },
}

/// A look at all partitions, which is not repeated as long as it would find the same.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    number: u64,
    /// The edition of metadata that it saw.
    edition: u64,
    /// Every partition is fetched from its leader, or not any more, and nothing but records has come since.
    lasts: bool,
}

impl Look {
    /// Whether another look would find the same.
    #[inline]
    fn holds(&self, metadata: &Metadata) -> bool {
        self.lasts && self.edition == metadata.edition()
    }
}

/// A reader that behaves like Kafka's `KafkaConsumer` with manually assigned partitions.
///
/// It never asks for the time and never waits: call [`advance`](Self::advance) when [`next_due`](Self::next_due)
/// says so, and hand in what arrives with [`handle`](Self::handle). Times must not run backwards. Records come out as
/// they arrive: `max.poll.records` and the pace of an application are the caller's business.
///
/// Divergence: after an error a partition pauses for `retry.backoff.ms`, growing, where the Java consumer asks again
/// with each poll. Errors that the Java consumer throws again and again are reported once, and end the reading of
/// their partition.
#[derive(Clone, Debug)]
pub struct Reader {
    config: ReaderConfig,
    pub(crate) network: Network<Request>,
    rng: SimRng,
    backoff: Backoff,
    partitions: SmallMap<TopicPartition, Assigned>,
    /// By broker: each gets one fetch at a time.
    sessions: SmallMap<i32, Session>,
    generation: u64,
    /// What the last look at all partitions found.
    look: Look,
    closed: bool,
    due: Option<SimTime>,
    wall_clock: WallClock,
    /// Records are kept until a consumer takes them.
    buffering: bool,
    /// Whether fetches and look-ups may be sent: a consumer sends them in its polls.
    active: bool,
    /// Partitions with a buffer, in the order of arrival.
    ready: VecDeque<TopicPartition>,
    /// What became of a consumer's own requests.
    group_events: VecDeque<Event<Ask>>,
}

impl Reader {
    /// A reader that knows the cluster by these addresses. `index` tells readers of one run apart: each gets random
    /// streams of its own from `seed`.
    ///
    /// # Errors
    /// An empty bootstrap list.
    pub fn new(
        config: ReaderConfig,
        bootstrap: Vec<(Arc<str>, u16)>,
        seed: Seed,
        index: u64,
    ) -> Result<Reader, ConfigError> {
        if bootstrap.is_empty() {
            return Err(ConfigError::invalid_value(
                "bootstrap.servers",
                "",
                "at least one address",
            ));
        }
        let rng = seed.stream("reader/network", index);
        let auto_create = config.allow_auto_create_topics;
        Ok(Reader {
            // The Java consumer allows 100 requests in flight, and has far fewer.
            network: Network::new(&config.network, 100, auto_create, &bootstrap, rng),
            rng: seed.stream("reader/retry", index),
            backoff: Backoff::new(config.network.retry_backoff, config.network.retry_backoff_max),
            partitions: SmallMap::new(),
            sessions: SmallMap::new(),
            generation: 0,
            look: Look::default(),
            closed: false,
            due: None,
            wall_clock: WallClock::default(),
            buffering: false,
            active: true,
            ready: VecDeque::new(),
            group_events: VecDeque::new(),
            config,
        })
    }

    /// Sets the clock by which `auto.offset.reset=by_duration` is reckoned.
    #[must_use]
    pub fn with_wall_clock(mut self, wall_clock: WallClock) -> Reader {
        self.wall_clock = wall_clock;
        self
    }

    /// Reads these partitions from now on, instead of those assigned before.
    pub fn assign(
        &mut self,
        now: SimTime,
        partitions: impl IntoIterator<Item = (Arc<str>, i32, StartAt)>,
        out: &mut Outputs,
    ) {
        self.generation += 1;
        self.look.lasts = false;
        self.partitions.clear();
        for (topic, partition, start) in partitions {
            self.network.metadata.want(&topic);
            self.partitions
                .insert(TopicPartition::new(topic, partition), Assigned::new(start));
        }
        self.advance(now, out);
    }

    /// Takes in what happened to a connection.
    pub fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Outputs) {
        if !self.closed {
            let event = self.network.handle(now, input, out);
            self.pump_after(event, now, out);
        }
    }

    /// Fires what is due.
    pub fn advance(&mut self, now: SimTime, out: &mut Outputs) {
        if !self.closed {
            self.pump(now, out);
        }
    }

    /// When [`advance`](Self::advance) has something to do although nothing arrives until then.
    pub fn next_due(&self) -> Option<SimTime> {
        if self.closed || (self.partitions.is_empty() && !self.buffering) {
            return None;
        }
        earlier(self.due, self.network.next_due())
    }

    /// The next offset to read of each assigned partition, or `None` while that has to be looked up.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, Option<i64>)> {
        self.partitions.iter().map(|(partition, assigned)| {
            let known = !matches!(assigned.stage, Stage::Lookup(_) | Stage::Initializing);
            (partition, known.then_some(assigned.offset))
        })
    }

    /// Closes all connections. Nothing is read any more.
    pub fn close(&mut self, out: &mut Outputs) {
        self.network.shut_down(out);
        self.kill();
    }

    /// Ends like a process that is killed: nothing is reported any more, and its connections are gone.
    pub fn kill(&mut self) {
        self.network.forget();
        self.partitions.clear();
        self.closed = true;
    }

    /// Does everything that can be done now.
    pub(crate) fn pump(&mut self, now: SimTime, out: &mut Outputs) {
        self.pump_after(None, now, out);
    }

    /// The same where this has happened before anything that [comes next](Network::next_event).
    fn pump_after(&mut self, mut event: Option<Event<Request>>, now: SimTime, out: &mut Outputs) {
        if self.partitions.is_empty() && !self.buffering {
            event.into_iter().for_each(|event| self.network.put_off(event));
            return;
        }
        loop {
            self.network.poll(now, out);
            let mut progress = false;
            while let Some(event) = event.take().or_else(|| self.network.next_event()) {
                self.take_event(event, now, out);
                progress = true;
            }
            self.due = None;
            if !self.look.holds(&self.network.metadata) {
                progress |= self.look_at_partitions(now, out);
            }
            if self.active {
                progress |= self.send_fetches(now, out);
            }
            // What was sent or learnt above leaves the reader nothing else to do until something arrives.
            if !self.network.is_restless(now, progress) {
                break;
            }
        }
    }

    /// Finds out from which broker to fetch which partition, and sends what has to be known before. Returns whether
    /// something was sent.
    fn look_at_partitions(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let needs = self.find_sources(now);
        let mut sent = false;
        if self.active {
            sent |= needs.look_up && self.send_lookups(now, out);
            if needs.validate {
                sent |= self.send_validations(now, out);
                // A broker that cannot validate can be fetched from at once.
                self.find_sources(now);
            }
        }
        sent
    }

    #[inline]
    fn take_event(&mut self, event: Event<Request>, now: SimTime, out: &mut Outputs) {
        if let Event::Answer {
            request: Request::Fetch { node, generation },
            body,
        } = event
        {
            return self.fetch_answered(node, generation == self.generation, body, now, out);
        }
        self.look.lasts = false;
        self.take_other(event, now, out);
    }

    /// Takes in anything but the answer to a fetch.
    #[cold]
    fn take_other(&mut self, event: Event<Request>, now: SimTime, out: &mut Outputs) {
        match event {
            Event::Answer { request, body } => match request {
                Request::ListOffsets { generation, partitions } if generation == self.generation => {
                    self.lookup_answered(&partitions, body, now, out);
                }
                Request::OffsetForLeaderEpoch { generation, partitions } if generation == self.generation => {
                    self.validation_answered(&partitions, body, now, out);
                }
                Request::Fetch { .. } | Request::ListOffsets { .. } | Request::OffsetForLeaderEpoch { .. } => {}
                Request::Group(request) => {
                    let request = *request;
                    self.group_events.push_back(Event::Answer { request, body });
                }
            },
            Event::Lost { request, timed_out } => match request {
                Request::Group(request) => {
                    let request = *request;
                    self.group_events.push_back(Event::Lost { request, timed_out });
                }
                Request::Fetch { node, .. } => self.fetch_lost(node),
                Request::ListOffsets { generation, partitions }
                | Request::OffsetForLeaderEpoch { generation, partitions } => {
                    if generation == self.generation {
                        self.retry_all(&partitions, now);
                    }
                }
            },
        }
    }

    /// Pauses partitions whose request failed.
    fn retry_all(&mut self, partitions: &[TopicPartition], now: SimTime) {
        for partition in partitions {
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.busy = false;
                assigned.failed(now, self.backoff, &mut self.rng);
            }
        }
    }

    /// Deals with an error about a partition: pauses it, or reports the error and stops.
    fn partition_error(&mut self, partition: &TopicPartition, error: ErrorCode, now: SimTime, out: &mut Outputs) {
        // An unknown server error is not retriable by the book, but the Java consumer tries again.
        let heals = error.is_retriable() || error == ErrorCode::UNKNOWN_SERVER_ERROR;
        if heals && error != ErrorCode::CORRUPT_MESSAGE {
            if error != ErrorCode::UNKNOWN_LEADER_EPOCH && error != ErrorCode::UNKNOWN_SERVER_ERROR {
                self.network.metadata.request_update();
            }
            if let Some(assigned) = self.partitions.get_mut(partition) {
                assigned.preferred = None;
            }
            self.retry_all(std::slice::from_ref(partition), now);
        } else {
            self.stop(partition, ReadError::Broker(error), out);
        }
    }

    /// Reports an error that does not heal.
    fn stop(&mut self, partition: &TopicPartition, error: ReadError, out: &mut Outputs) {
        self.look.lasts = false;
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.stage = Stage::Stopped;
            assigned.busy = false;
            report(
                ReaderOutcome::Error {
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                    error,
                },
                out,
            );
        }
    }

    /// The start that the reset policy asks for, if it asks for one.
    pub(crate) fn reset_start(&self) -> Option<StartAt> {
        match self.config.offset_reset {
            OffsetReset::Earliest => Some(StartAt::Earliest),
            OffsetReset::Latest => Some(StartAt::Latest),
            OffsetReset::ByDuration(age) => Some(StartAt::NotOlderThan(age)),
            OffsetReset::None => None,
        }
    }

    /// Looks the position up anew by the reset policy, or stops reading where there is none.
    fn reset(&mut self, partition: &TopicPartition) -> Option<StartAt> {
        let start = self.reset_start();
        let assigned = self.partitions.get_mut(partition)?;
        assigned.stage = start.map_or(Stage::Stopped, Stage::Lookup);
        assigned.buffer = None;
        assigned.busy = false;
        start
    }

    fn look_again_at(&mut self, at: Option<SimTime>) {
        self.due = earlier(self.due, at);
    }
}

fn report(outcome: ReaderOutcome, out: &mut Outputs) {
    out.push(ClientOutput::Outcome(outcome));
}
