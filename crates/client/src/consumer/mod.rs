//! The model consumer: a member of a group, or a reader of assigned partitions that commits its positions.

mod ask;
mod assignor;
mod calls;
mod close;
mod commit;
mod commit_answer;
mod commit_sync;
mod coordinator;
mod heartbeat;
mod join;
mod leader;
mod member;
mod modern;
mod poll;
mod positions;
mod protocol;
mod script;
mod subscription;
mod types;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use kafka_sim_core::{ConfigError, Seed, SimRng, SimTime, TopicPartition, WallClock};

pub(crate) use self::ask::Ask;
pub use self::types::{ConsumerError, ConsumerOutcome, ConsumerRecord, GroupState, Repositioning};
use self::{
    close::Phase,
    commit::Commits,
    coordinator::Coordinator,
    member::{Member, Standing},
    modern::Modern,
    positions::Lookup,
    script::Step,
    subscription::Subscription,
};
use crate::{
    backoff::Backoff,
    config::{ConsumerConfig, GroupProtocol},
    io::{ClientInput, ClientOutput},
    reader::{Reader, ReaderOutcome},
};

/// What the consumer emits.
type Outputs = Vec<ClientOutput<ConsumerOutcome>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    Closing { deadline: SimTime, phase: Phase },
    Closed,
}

/// A consumer that behaves like Kafka's `KafkaConsumer`: one per application process.
///
/// Calls that block in Java return at once here, and their end is told with an outcome: each [`poll`](Self::poll)
/// ends with one `Polled` or `PollFailed`, each commit with one `Committed`, [`close`](Self::close) with one `Closed`.
/// An application makes one blocking call after the other, as a thread would; only from within a callback a
/// [`commit_sync`](Self::commit_sync) may come during a poll.
///
/// It never asks for the time and never waits: call [`advance`](Self::advance) when [`next_due`](Self::next_due) says
/// so, and hand in what arrives with [`handle`](Self::handle). Times must not run backwards.
#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    reader: Reader,
    /// Room for what the reader emits.
    emitted: Vec<ClientOutput<ReaderOutcome>>,
    rng: SimRng,
    backoff: Backoff,
    life: Life,
    subscription: Subscription,
    coordinator: Coordinator,
    member: Member,
    /// Membership by the new protocol, instead of `member`.
    modern: Option<Modern>,
    commits: Commits,
    ended_syncs: Vec<(u64, Result<(), ConsumerError>)>,
    lookup: Lookup,
    lookup_attempts: u32,
    script: VecDeque<Step>,
    in_callback: bool,
    /// A call other than a poll gives up what is owned.
    unwinding: bool,
    /// Until when the poll under way waits.
    poll_until: Option<SimTime>,
    /// What the next poll has to throw.
    failures: VecDeque<ConsumerError>,
    /// Positions that are being looked up.
    moved: BTreeMap<TopicPartition, Repositioning>,
    due: Option<SimTime>,
}

impl Consumer {
    /// A consumer that knows the cluster by these addresses. `index` tells consumers of one run apart: each gets
    /// random streams of its own from `seed`.
    ///
    /// # Errors
    /// Conflicting settings, see [`ConsumerConfig::validate`]; an empty bootstrap list.
    pub fn new(
        mut config: ConsumerConfig,
        bootstrap: Vec<(Arc<str>, u16)>,
        seed: Seed,
        index: u64,
    ) -> Result<Consumer, ConfigError> {
        config.validate()?;
        config.name_client(index + 1);
        let network = &config.reader.network;
        Ok(Consumer {
            backoff: Backoff::new(network.retry_backoff, network.retry_backoff_max),
            reader: Reader::holding(config.reader.clone(), bootstrap, seed, index)?,
            emitted: Vec::new(),
            rng: seed.stream("consumer/retry", index),
            life: Life::Open,
            subscription: Subscription::Nothing,
            coordinator: Coordinator::new(),
            member: Member::new(&config),
            modern: modern(&config, seed, index),
            commits: Commits::new(),
            ended_syncs: Vec::new(),
            lookup: Lookup::Idle,
            lookup_attempts: 0,
            script: VecDeque::new(),
            in_callback: false,
            unwinding: false,
            poll_until: None,
            failures: VecDeque::new(),
            moved: BTreeMap::new(),
            due: None,
            config,
        })
    }

    /// Sets the clock by which `auto.offset.reset=by_duration` is reckoned.
    #[must_use]
    pub fn with_wall_clock(mut self, wall_clock: WallClock) -> Consumer {
        self.reader = self.reader.with_wall_clock(wall_clock);
        self
    }

    /// Ends like a process that is killed: nothing is sent or reported any more, and its connections are gone.
    pub fn kill(&mut self) {
        self.reader.kill();
        self.life = Life::Closed;
    }

    /// Takes in what happened to a connection.
    pub fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Outputs) {
        if self.life != Life::Closed {
            if let Some(event) = self.reader.network.handle(now, input, out) {
                self.reader.network.put_off(event);
            }
            self.pump(now, out);
        }
    }

    /// Fires what is due.
    pub fn advance(&mut self, now: SimTime, out: &mut Outputs) {
        if self.life != Life::Closed {
            self.pump(now, out);
        }
    }

    /// When [`advance`](Self::advance) has something to do although nothing arrives until then.
    pub fn next_due(&self) -> Option<SimTime> {
        if self.life == Life::Closed {
            return None;
        }
        [self.due, self.reader.next_due()].into_iter().flatten().min()
    }

    /// The next offset a poll will return of an assigned partition, or `None` while that is not known.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.reader.position(partition)
    }

    /// The partitions the consumer owns, in order.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.reader.positions().map(|(partition, _)| partition)
    }

    /// How the consumer stands in its group.
    pub fn group_state(&self) -> GroupState {
        if let Some(modern) = &self.modern {
            return GroupState {
                member_id: modern.member_id.clone(),
                epoch: if modern.epoch > 0 { modern.epoch } else { -1 },
                joined: modern.is_stable(),
            };
        }
        GroupState {
            member_id: self.member.generation.member_id.clone(),
            epoch: self.member.generation.id,
            joined: self.member.standing == Standing::Stable,
        }
    }

    /// Whether the consumer was closed or killed and will do nothing more.
    pub fn is_closed(&self) -> bool {
        self.life == Life::Closed
    }

    /// Whether some thread of the Java consumer would look at its connections now: the application's while it waits
    /// in a call, or the one that sends heartbeats.
    fn is_networking(&self) -> bool {
        let closing = self.is_closing() && !self.in_callback;
        self.modern.is_some()
            || self.is_blocked_in_poll()
            || closing
            || !self.commits.syncs.is_empty()
            || self.member.heartbeat.enabled
    }

    fn wants_coordinator(&self) -> bool {
        if self.config.group_id.is_none() {
            return false;
        }
        let looks_up = self.subscription.is_by_group() || self.reader.initializing().next().is_some();
        let syncs = self
            .commits
            .syncs
            .last()
            .is_some_and(commit_sync::SyncCommit::needs_coordinator);
        let member = self.modern.as_ref().is_some_and(Modern::is_member);
        member
            || (self.is_blocked_in_poll() && looks_up)
            || syncs
            || self.commits.has_waiting()
            || self.member.heartbeat.enabled
    }

    fn look_again_at(&mut self, at: SimTime) {
        self.due = self.due.into_iter().chain([at]).min();
    }

    /// Does everything that can be done now.
    fn pump(&mut self, now: SimTime, out: &mut Outputs) {
        self.commits.start(now, self.config.auto_commit_interval);
        loop {
            self.due = None;
            self.run_reader(now, out);
            let mut progress = self.take_group_events(now, out);
            progress |= self.watch_coordinator(now, out);
            progress |= self.run_heartbeats(now, out);
            progress |= self.run_modern(now);
            progress |= self.find_coordinator(now, out);
            progress |= self.drive_leading();
            progress |= self.run_script(now, out);
            progress |= self.drive_sync(now, out);
            progress |= self.drive_poll(now, out);
            progress |= self.drive_close(now, out);
            progress |= self.flush_queue(now, out);
            progress |= self.finish_syncs(out);
            if self.life == Life::Closed {
                self.due = None;
                return;
            }
            if !progress && self.reader.network.next_due().is_none_or(|due| due > now) {
                break;
            }
        }
    }
}

/// With the new protocol the member chooses its own id.
fn modern(config: &ConsumerConfig, seed: Seed, index: u64) -> Option<Modern> {
    if config.protocol == GroupProtocol::Classic {
        return None;
    }
    let mut rng = seed.stream("consumer/member", index);
    let id = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
    Some(Modern::new(
        uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid(),
    ))
}

fn report(outcome: ConsumerOutcome, out: &mut Outputs) {
    out.push(ClientOutput::Outcome(outcome));
}
