//! Membership by KIP-848 (`group.protocol=consumer`): the coordinator assigns, and one kind of heartbeat does the rest.
//! Follows Kafka's `ConsumerMembershipManager` and `ConsumerHeartbeatRequestManager`.
//!
//! Divergence: the Java consumer of this protocol works in a background thread of its own. Heartbeats, joining and
//! fencing happen here at any time, too; positions are looked up and records are fetched only during polls.

mod heartbeat;
mod reconcile;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kafka_sim_core::{SimTime, TopicPartition};
use uuid::Uuid;

use self::heartbeat::Sent;

/// Partitions by topic id.
pub(super) type Parts = BTreeMap<Uuid, BTreeSet<i32>>;

/// How far a member has come, by Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unsubscribed,
    Joining,
    Stable,
    Reconciling,
    Acknowledging,
    Leaving,
    Fenced,
    Fatal,
    /// Left because the application did not poll.
    Stale,
}

/// An assignment, numbered as this member saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Local {
    /// 0 is none.
    pub(super) number: u64,
    pub(super) parts: Parts,
}

/// The way from what is owned to what the coordinator wants.
#[derive(Clone, Debug)]
pub(super) struct Reconciliation {
    pub(super) resolved: Local,
    pub(super) assigned: Vec<TopicPartition>,
    pub(super) revoked: Vec<TopicPartition>,
    pub(super) added: Vec<TopicPartition>,
    /// The callbacks have begun.
    pub(super) called: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Modern {
    pub(super) state: State,
    pub(super) member_id: Arc<str>,
    pub(super) epoch: i32,
    pub(super) target: Local,
    pub(super) current: Local,
    /// Names of topics seen.
    names: BTreeMap<Uuid, Arc<str>>,
    pub(super) reconciliation: Option<Reconciliation>,
    /// The subscription changed since the last poll.
    pub(super) resubscribed: bool,
    interval: Duration,
    next: SimTime,
    in_flight: bool,
    attempts: u32,
    sent: Sent,
    poll_deadline: SimTime,
}

impl Modern {
    pub(super) fn new(member_id: Uuid) -> Modern {
        Modern {
            state: State::Unsubscribed,
            member_id: member_id.to_string().into(),
            epoch: 0,
            target: Local::default(),
            current: Local::default(),
            names: BTreeMap::new(),
            reconciliation: None,
            resubscribed: false,
            interval: Duration::ZERO,
            next: SimTime::ZERO,
            in_flight: false,
            attempts: 0,
            sent: Sent::default(),
            poll_deadline: SimTime::ZERO,
        }
    }

    /// Whether the coordinator counts this consumer as a member, as far as it knows.
    pub(super) fn is_member(&self) -> bool {
        !matches!(
            self.state,
            State::Unsubscribed | State::Fenced | State::Fatal | State::Stale
        )
    }

    pub(super) fn is_stable(&self) -> bool {
        self.state == State::Stable
    }

    /// Asks to be a member again with the next heartbeat.
    pub(super) fn join(&mut self) {
        if self.state == State::Fatal {
            return;
        }
        self.epoch = 0;
        self.state = State::Joining;
        self.reconciliation = None;
        self.target = Local::default();
    }

    pub(super) fn clear(&mut self) {
        self.current = Local::default();
        self.target = Local::default();
        self.names.clear();
    }
}
