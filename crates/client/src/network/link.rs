//! The state of the connection to one node, as in Kafka's `ClusterConnectionStates` and `InFlightRequests`.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kafka_sim_core::{
    SimRng, SimTime,
    wire::{ApiKey, FrameSplitter},
};

use super::versions::BrokerVersions;
use crate::backoff::Backoff;

/// A broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Broker id; bootstrap addresses, whose broker is unknown, count down from -1.
    pub(crate) id: i32,
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

/// How far the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Disconnected,
    Connecting,
    CheckingVersions,
    Ready,
}

/// Whose request it was.
#[derive(Clone, Debug)]
pub(crate) enum Purpose<T> {
    ApiVersions,
    Metadata,
    /// A request of the producer or reader, with what it needs to recognise the answer.
    Client(T),
}

/// A request without its answer so far.
#[derive(Clone, Debug)]
pub(crate) struct InFlight<T> {
    pub(crate) correlation_id: i32,
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    /// When the connection is given up if there is no answer.
    pub(crate) deadline: SimTime,
    pub(crate) purpose: Purpose<T>,
}

/// The connection to one node, or the memory of its failures.
#[derive(Clone, Debug)]
pub(crate) struct Link<T> {
    pub(crate) phase: Phase,
    pub(crate) conn: u32,
    pub(crate) node: Node,
    pub(crate) in_flight: VecDeque<InFlight<T>>,
    pub(crate) incoming: FrameSplitter,
    pub(crate) versions: BrokerVersions,
    pub(crate) last_active: SimTime,
    /// When the last attempt began, or the connection ended.
    pub(crate) last_attempt: SimTime,
    pub(crate) throttled_until: SimTime,
    /// When it is overdue or idle for too long, as of the last look; the last instant there is stands for never.
    pub(crate) due: SimTime,
    /// It has changed since that look.
    pub(crate) touched: bool,
    reconnect_pause: Duration,
    failures: u32,
    setup_limit: Duration,
    setup_failures: u32,
}

/// Pauses and limits shared by all links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    pub(crate) reconnect: Backoff,
    pub(crate) setup: Backoff,
}

impl<T> Link<T> {
    pub(crate) fn new(node: Node) -> Link<T> {
        Link {
            phase: Phase::Disconnected,
            conn: 0,
            node,
            in_flight: VecDeque::new(),
            incoming: FrameSplitter::new(usize::MAX),
            versions: BrokerVersions::default(),
            last_active: SimTime::ZERO,
            last_attempt: SimTime::ZERO,
            throttled_until: SimTime::ZERO,
            due: SimTime::MAX,
            touched: true,
            reconnect_pause: Duration::ZERO,
            failures: 0,
            setup_limit: Duration::ZERO,
            setup_failures: 0,
        }
    }

    /// A new attempt begins.
    pub(crate) fn connecting(&mut self, conn: u32, now: SimTime, pauses: &Pauses, rng: &mut SimRng) {
        self.phase = Phase::Connecting;
        self.conn = conn;
        self.last_attempt = now;
        self.incoming = FrameSplitter::new(usize::MAX);
        self.setup_limit = pauses.setup.pause(self.setup_failures, rng);
    }

    /// The broker's versions are known: requests may flow, and earlier failures are forgotten.
    pub(crate) fn ready(&mut self, versions: BrokerVersions) {
        self.phase = Phase::Ready;
        self.versions = versions;
        self.failures = 0;
        self.setup_failures = 0;
    }

    /// The connection ended or never came about. Returns the requests that get no answer.
    pub(crate) fn disconnected(&mut self, now: SimTime, pauses: &Pauses, rng: &mut SimRng) -> VecDeque<InFlight<T>> {
        if self.phase == Phase::Connecting {
            self.setup_failures = self.setup_failures.saturating_add(1);
        } else {
            self.setup_failures = 0;
        }
        self.phase = Phase::Disconnected;
        self.last_attempt = now;
        self.reconnect_pause = pauses.reconnect.pause(self.failures, rng);
        self.failures = self.failures.saturating_add(1);
        std::mem::take(&mut self.in_flight)
    }

    /// Whether a connection is on its way to being usable.
    pub(crate) fn is_preparing(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::CheckingVersions)
    }

    /// When a new attempt is allowed; only meaningful while disconnected.
    pub(crate) fn may_connect_at(&self) -> SimTime {
        self.last_attempt + self.reconnect_pause
    }

    /// When the link's own deadlines strike: connection set-up or an unanswered request. The Java client
    /// compares whole milliseconds with "more than", hence the extra millisecond.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<SimTime> {
        const TICK: Duration = Duration::from_millis(1);
        match self.phase {
            Phase::Disconnected => None,
            Phase::Connecting => Some(self.last_attempt + self.setup_limit + TICK),
            Phase::CheckingVersions | Phase::Ready => {
                let earliest = self.in_flight.iter().map(|request| request.deadline).min()?;
                Some(earliest + TICK)
            }
        }
    }

    /// When it is overdue or idle for longer than `idle_limit`.
    pub(crate) fn next_due(&self, idle_limit: Duration) -> SimTime {
        let deadline = self.deadline().unwrap_or(SimTime::MAX);
        deadline.min(self.idle_at(idle_limit).unwrap_or(SimTime::MAX))
    }

    /// When the link will have been idle for `limit`; the longest duration there is stands for no limit.
    pub(crate) fn idle_at(&self, limit: Duration) -> Option<SimTime> {
        let open = matches!(self.phase, Phase::CheckingVersions | Phase::Ready);
        (open && limit < Duration::MAX).then(|| self.last_active + limit)
    }
}
