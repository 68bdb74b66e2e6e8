//! The state of one assigned partition, as in Kafka's `SubscriptionState`.

use kafka_sim_core::{SimRng, SimTime, TopicPartition};

use uuid::Uuid;

use super::{buffer::Buffer, session::Wanted, types::StartAt};
use crate::{backoff::Backoff, network::Metadata};

/// What has to happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Somebody else finds the position first: a consumer asks for the committed one.
    Initializing,
    /// The position has to be looked up first.
    Lookup(StartAt),
    /// The position has to be compared with the leader's log first (KIP-320).
    Validate,
    Fetch,
    /// A failure that does not heal was reported.
    Stopped,
}

/// What metadata shows of a partition, kept until the snapshot changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    edition: u64,
    /// The leader, if it is known and its address too, with the leader epoch.
    pub(super) leader: Option<(i32, i32)>,
    /// Nil if unknown.
    pub(super) topic_id: Uuid,
}

impl Shown {
    #[cold]
    fn of(partition: &TopicPartition, metadata: &Metadata) -> Shown {
        let led = metadata.led(partition);
        Shown {
            edition: metadata.edition(),
            leader: led.map(|(leader, info)| (leader, info.leader_epoch)),
            topic_id: metadata.topic(&partition.topic).map_or(Uuid::nil(), |topic| topic.id),
        }
    }
}

/// One assigned partition.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) stage: Stage,
    pub(super) offset: i64,
    /// Leader epoch of the last record before the position, if known.
    pub(super) offset_epoch: Option<i32>,
    shown: Option<Shown>,
    /// The broker to fetch from, for as long as a round of fetches is being sent.
    pub(super) source: Option<i32>,
    /// Leader and leader epoch the position was last checked against.
    pub(super) leader: Option<(i32, i32)>,
    /// A follower the leader pointed to, and until when to follow that advice (KIP-392).
    pub(super) preferred: Option<(i32, SimTime)>,
    /// A look-up or validation is on its way.
    pub(super) busy: bool,
    pub(super) retry_at: SimTime,
    failures: u32,
    /// What has been fetched and not taken, for a consumer.
    pub(super) buffer: Option<Buffer>,
    /// The application wants nothing from this partition for now.
    pub(super) paused: bool,
    /// The partition is about to be revoked: what is buffered is dropped.
    pub(super) withheld: bool,
    /// Position at which the end was reported last.
    pub(super) reported_end: Option<i64>,
}

impl Assigned {
    pub(super) fn new(start: StartAt) -> Assigned {
        match start {
            StartAt::Offset(offset) => Assigned::at(Stage::Fetch, offset),
            other => Assigned::at(Stage::Lookup(other), 0),
        }
    }

    /// A partition whose position is not known yet.
    pub(super) fn initializing() -> Assigned {
        Assigned::at(Stage::Initializing, 0)
    }

    fn at(stage: Stage, offset: i64) -> Assigned {
        Assigned {
            stage,
            offset,
            offset_epoch: None,
            shown: None,
            source: None,
            leader: None,
            preferred: None,
            busy: false,
            retry_at: SimTime::ZERO,
            failures: 0,
            buffer: None,
            paused: false,
            withheld: false,
            reported_end: None,
        }
    }

    /// Moves the position, to be checked against the leader before it is used.
    pub(super) fn seek(&mut self, offset: i64, epoch: Option<i32>) {
        self.stage = Stage::Fetch;
        self.offset = offset;
        self.offset_epoch = epoch;
        self.buffer = None;
        self.leader = None;
        self.preferred = None;
        self.succeeded();
    }

    /// What metadata shows of this partition.
    #[inline]
    pub(super) fn shown(&mut self, partition: &TopicPartition, metadata: &Metadata) -> Shown {
        match self.shown {
            Some(shown) if shown.edition == metadata.edition() => shown,
            _ => *self.shown.insert(Shown::of(partition, metadata)),
        }
    }

    /// Takes note of the leader metadata shows. A new one means that the position has to be validated, if the epoch
    /// of the record before it is known.
    pub(super) fn note_leader(&mut self, leader: i32, epoch: i32) {
        if self.leader == Some((leader, epoch)) || !matches!(self.stage, Stage::Fetch | Stage::Validate) {
            return;
        }
        self.leader = Some((leader, epoch));
        self.preferred = None;
        self.retry_at = SimTime::ZERO;
        let validate = epoch >= 0 && self.offset_epoch.is_some();
        self.stage = if validate { Stage::Validate } else { Stage::Fetch };
    }

    /// What to ask of a broker now, if it was found to be the one to ask.
    pub(super) fn wanted_from(&self, node: i32) -> Option<Wanted> {
        let shown = self.shown.filter(|_| self.source == Some(node))?;
        Some(Wanted {
            offset: self.offset,
            leader_epoch: shown.leader?.1,
            topic_id: shown.topic_id,
        })
    }

    /// Whether records of this partition may be handed out and fetched.
    pub(super) fn is_fetchable(&self) -> bool {
        self.stage == Stage::Fetch && !self.paused && !self.withheld
    }

    /// Whether it is fetched from its leader now, and will be as long as that stays so and records are all that comes.
    pub(super) fn is_steady(&self, now: SimTime) -> bool {
        self.is_fetchable() && self.retry_at <= now && self.preferred.is_none() && self.buffer.is_none()
    }

    /// An attempt failed and will be repeated after a pause.
    pub(super) fn failed(&mut self, now: SimTime, backoff: Backoff, rng: &mut SimRng) {
        self.retry_at = now + backoff.pause(self.failures, rng);
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.retry_at = SimTime::ZERO;
    }
}
