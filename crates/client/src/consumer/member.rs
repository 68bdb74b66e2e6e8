//! The state of a member of a classic group, as Kafka's `AbstractCoordinator` and `ConsumerCoordinator` keep it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use kafka_protocol::messages::JoinGroupResponse;
use kafka_sim_core::{SimTime, TopicPartition};

use super::types::ConsumerError;
use crate::config::{Assignor, ConsumerConfig};

/// Which membership a request was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    /// Generation of a classic group, or member epoch; -1 is none.
    pub(super) id: i32,
    pub(super) member_id: Arc<str>,
    pub(super) protocol: Option<Arc<str>>,
    /// Whether OffsetFetch names it, as members of the new protocol do.
    pub(super) names_epoch: bool,
}

impl Generation {
    pub(super) fn none() -> Generation {
        Generation {
            id: -1,
            member_id: "".into(),
            protocol: None,
            names_epoch: false,
        }
    }

    /// Whether the coordinator or this member ended the membership. The member id may still be good.
    pub(super) fn is_reset(&self) -> bool {
        self.id == -1 && self.protocol.is_none()
    }
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Unjoined,
    /// JoinGroup is sent.
    Preparing,
    /// JoinGroup is answered.
    Completing,
    Stable,
}

/// The join under way.
#[derive(Clone, Debug)]
pub(super) enum Join {
    None,
    Pending,
    /// This member leads and assigns as soon as metadata knows all topics of the group.
    Leading(Box<JoinGroupResponse>),
    Done(Result<Bytes, JoinError>),
}

/// Why a join did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JoinError {
    /// To be repeated at once: the member id was given or refused, or the group moved on.
    AtOnce,
    /// To be repeated after a pause.
    Again,
    Fatal(ConsumerError),
}

/// The commit that comes before a rebalance.
#[derive(Clone, Debug)]
pub(super) struct Prepare {
    /// When it is given up.
    pub(super) deadline: SimTime,
    pub(super) commit: PrepareCommit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PrepareCommit {
    None,
    InFlight,
    RetryAt(SimTime),
    Over,
}

/// The timers of the heartbeat thread, as Kafka's `Heartbeat`.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    pub(super) enabled: bool,
    pub(super) started: bool,
    pub(super) next: SimTime,
    pub(super) session_deadline: SimTime,
    pub(super) poll_deadline: SimTime,
    pub(super) attempts: u32,
    pub(super) failure: Option<ConsumerError>,
}

/// Whether metadata was refreshed before joining, where topics are matched by a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refresh {
    Todo,
    /// Since that version of the snapshot.
    Awaited(u64),
    Done,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) standing: Standing,
    pub(super) generation: Generation,
    pub(super) rejoin_needed: bool,
    pub(super) rejoin_reason: &'static str,
    pub(super) needs_prepare: bool,
    pub(super) prepare: Option<Prepare>,
    pub(super) join: Join,
    pub(super) join_not_before: SimTime,
    pub(super) leads: bool,
    pub(super) refresh: Refresh,
    /// Topics of the whole group, where this member leads it.
    pub(super) group_topics: BTreeSet<Arc<str>>,
    pub(super) joined_topics: Option<BTreeSet<Arc<str>>>,
    pub(super) seen_metadata: u64,
    /// Numbers of partitions as metadata shows them, and as they were when this member assigned them.
    pub(super) snapshot: BTreeMap<Arc<str>, usize>,
    pub(super) assigned_by: Option<BTreeMap<Arc<str>, usize>>,
    pub(super) heartbeat: Heartbeat,
    /// Whether members keep what they own during a rebalance.
    pub(super) cooperative: bool,
    /// What the sticky assignors remember: the last assignment and its generation.
    pub(super) sticky: (Vec<TopicPartition>, i32),
}

impl Member {
    pub(super) fn new(config: &ConsumerConfig) -> Member {
        Member {
            standing: Standing::Unjoined,
            generation: Generation::none(),
            rejoin_needed: true,
            rejoin_reason: "",
            needs_prepare: true,
            prepare: None,
            join: Join::None,
            join_not_before: SimTime::ZERO,
            leads: false,
            refresh: Refresh::Todo,
            group_topics: BTreeSet::new(),
            joined_topics: None,
            seen_metadata: u64::MAX,
            snapshot: BTreeMap::new(),
            assigned_by: None,
            heartbeat: Heartbeat {
                enabled: false,
                started: false,
                next: SimTime::ZERO,
                session_deadline: SimTime::ZERO,
                poll_deadline: SimTime::ZERO,
                attempts: 0,
                failure: None,
            },
            // Cooperation needs assignors that all can do it.
            cooperative: config
                .assignors
                .iter()
                .all(|assignor| *assignor == Assignor::CooperativeSticky),
            sticky: (Vec::new(), -1),
        }
    }

    pub(super) fn is_rebalancing(&self) -> bool {
        matches!(self.standing, Standing::Preparing | Standing::Completing)
    }

    /// The membership to commit with, if the group is stable as far as this member knows.
    pub(super) fn stable_generation(&self) -> Option<&Generation> {
        (self.standing == Standing::Stable).then_some(&self.generation)
    }

    pub(super) fn request_rejoin(&mut self, reason: &'static str) {
        self.rejoin_reason = reason;
        self.rejoin_needed = true;
    }

    /// Ends the membership and asks for a new one.
    pub(super) fn reset(&mut self, reason: &'static str, member_id_too: bool) {
        self.standing = Standing::Unjoined;
        let member_id = self.generation.member_id.clone();
        self.generation = Generation::none();
        if !member_id_too {
            self.generation.member_id = member_id;
        }
        self.request_rejoin(reason);
        self.needs_prepare = true;
    }
}
