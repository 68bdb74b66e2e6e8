//! Finding the group's coordinator and talking to it, as Kafka's `AbstractCoordinator` and `ConsumerNetworkClient`.

use std::{collections::VecDeque, time::Duration};

use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_sim_core::{
    ErrorCode, SimTime,
    wire::{ApiKey, ResponseKind, StrBytes},
};

use super::{
    Consumer, Outputs,
    ask::{self, Ask, text},
    member::JoinError,
    types::ConsumerError,
};
use crate::{
    network::{Event, node as node_of},
    reader::Request,
};

/// How much longer than the rebalance may take an answer to JoinGroup is waited for.
const JOIN_LAPSE: Duration = Duration::from_millis(5_000);

/// How far the search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Idle,
    Asked,
    /// A try failed: the next one comes after a pause, and when metadata has been refreshed.
    Pausing {
        until: SimTime,
        after_version: u64,
    },
}

/// What is known of the coordinator, and what is to be sent to it.
#[derive(Clone, Debug)]
pub(super) struct Coordinator {
    /// Its node in the network: a connection of its own, so that long fetches do not hold heartbeats back.
    node: Option<i32>,
    search: Search,
    attempts: u32,
    queue: VecDeque<Ask>,
    /// Requests without an answer.
    pub(super) unanswered: usize,
}

impl Coordinator {
    pub(super) fn new() -> Coordinator {
        Coordinator {
            node: None,
            search: Search::Idle,
            attempts: 0,
            queue: VecDeque::new(),
            unanswered: 0,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.node.is_some()
    }

    /// Whether requests are under way or waiting to be sent.
    pub(super) fn is_busy(&self) -> bool {
        self.unanswered > 0 || !self.queue.is_empty()
    }
}

impl Consumer {
    /// Sends a request once the connection is there.
    pub(super) fn ask(&mut self, ask: Ask) {
        self.coordinator.queue.push_back(ask);
    }

    /// Forgets a coordinator whose connection is gone.
    pub(super) fn watch_coordinator(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let gone = |node: &i32| self.reader.network.is_unavailable(*node, now);
        let gone = self.coordinator.node.as_ref().is_some_and(gone);
        if gone {
            self.coordinator_unknown(true, now, out);
        }
        gone
    }

    /// The coordinator is not where it was thought to be, or does not answer.
    pub(super) fn coordinator_unknown(&mut self, disconnected: bool, now: SimTime, out: &mut Outputs) {
        if let Some(node) = self.coordinator.node.take()
            && !disconnected
        {
            self.reader.network.close(node, now, false, out);
        }
    }

    /// Looks for the coordinator where somebody waits for it.
    pub(super) fn find_coordinator(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        if self.coordinator.node.is_some() || !self.wants_coordinator() {
            return false;
        }
        match self.coordinator.search {
            Search::Asked => return false,
            Search::Pausing { until, after_version } => {
                if until > now {
                    self.look_again_at(until);
                    return false;
                }
                if self.reader.network.metadata.version == after_version {
                    return false;
                }
            }
            Search::Idle => {}
        }
        let Some(node) = self.reader.network.least_loaded(now) else {
            return false;
        };
        if !self.reader.network.ready(node, now, out) {
            let again = self.reader.network.ready_again_at(node, now);
            let again = again.or_else(|| self.reader.network.next_chance(now));
            // Another broker can be tried at once, but this one is being connected to: its answer is waited for.
            if let Some(at) = again.filter(|at| *at > now) {
                self.look_again_at(at);
            }
            return false;
        }
        let Some(version) = self.reader.network.version(node, ApiKey::FindCoordinator, i16::MAX) else {
            self.failures.push_back(ConsumerError::UnsupportedVersion);
            return true;
        };
        let group = text(self.config.group_id.as_deref().unwrap_or_default());
        let body = match version {
            ..4 => FindCoordinatorRequest::default().with_key(group),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![group]),
        };
        let request = Some(Request::Group(Box::new(Ask::FindCoordinator)));
        let api = (ApiKey::FindCoordinator, version);
        self.reader.network.send(node, api, &body, request, now, out);
        self.coordinator.search = Search::Asked;
        true
    }

    /// The lookup failed and will be repeated.
    pub(super) fn search_failed(&mut self, now: SimTime) {
        let pause = self.backoff.pause(self.coordinator.attempts, &mut self.rng);
        self.coordinator.attempts = self.coordinator.attempts.saturating_add(1);
        let metadata = &mut self.reader.network.metadata;
        metadata.request_update();
        self.coordinator.search = Search::Pausing {
            until: now + pause,
            after_version: metadata.version,
        };
        self.fail_waiting_commits(now);
    }

    pub(super) fn coordinator_found(&mut self, answer: &FindCoordinatorResponse, now: SimTime, out: &mut Outputs) {
        let found = match answer.coordinators.first() {
            Some(found) => (found.error_code, found.node_id.0, &found.host, found.port),
            None => (answer.error_code, answer.node_id.0, &answer.host, answer.port),
        };
        let (code, id, host, port) = found;
        let error = ErrorCode::from(code);
        if !error.is_ok() {
            self.search_failed(now);
            if !error.is_retriable() {
                self.failures.push_back(ConsumerError::Broker(error));
            }
            return;
        }
        let Some(node) = node_of(i32::MAX - id, host, port) else {
            self.search_failed(now);
            return;
        };
        let id = node.id;
        self.reader.network.know(node);
        self.coordinator.search = Search::Idle;
        if self.reader.network.is_unavailable(id, now) {
            // It was found where its connection has just failed.
            self.search_failed(now);
            return;
        }
        self.coordinator.attempts = 0;
        self.coordinator.node = Some(id);
        self.reader.network.ready(id, now, out);
        self.member.heartbeat.session_deadline = now + self.config.session_timeout;
        self.send_waiting_commits(now);
    }

    /// Sends what waits for the connection.
    pub(super) fn flush_queue(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut progress = false;
        while !self.coordinator.queue.is_empty() {
            let Some(node) = self.coordinator.node else {
                let lost = std::mem::take(&mut self.coordinator.queue);
                for ask in lost {
                    self.ask_lost(ask, now, out);
                }
                return true;
            };
            if !self.reader.network.ready(node, now, out) {
                if let Some(at) = self.reader.network.ready_again_at(node, now) {
                    self.look_again_at(at);
                }
                return progress;
            }
            let ask = self.coordinator.queue.pop_front().expect("not empty");
            self.send_to(node, ask, now, out);
            progress = true;
        }
        progress
    }

    fn send_to(&mut self, node: i32, ask: Ask, now: SimTime, out: &mut Outputs) {
        let api = ask.api();
        let named = self.config.group_instance_id.is_some();
        // Static membership needs versions that know it.
        let oldest = match api {
            ApiKey::JoinGroup if named => 5,
            ApiKey::SyncGroup | ApiKey::Heartbeat if named => 3,
            // Before version 1 the coordinator gives member ids, and knows no patterns.
            ApiKey::ConsumerGroupHeartbeat => 1,
            ApiKey::OffsetCommit if self.modern.is_some() => 9,
            _ => 0,
        };
        let usable = self.reader.network.version(node, api, i16::MAX);
        let Some(version) = usable.filter(|version| *version >= oldest) else {
            self.ask_impossible(ask, now);
            return;
        };
        self.coordinator.unanswered += 1;
        let api = (api, version);
        let network = &mut self.reader.network;
        let config = &self.config;
        let request = |ask: Ask| Some(Request::Group(Box::new(ask)));
        match ask {
            Ask::FindCoordinator => {}
            Ask::Join {
                ref generation,
                ref protocols,
                reason,
            } => {
                let body = ask::join(config, generation, protocols, reason, version);
                let patience = config.max_poll_interval + JOIN_LAPSE;
                network.send_patiently(node, api, &body, (Request::Group(Box::new(ask)), patience), now, out);
            }
            Ask::Sync {
                ref generation,
                ref assignments,
            } => {
                let body = ask::sync(config, generation, assignments, version);
                network.send(node, api, &body, request(ask), now, out);
            }
            Ask::Heartbeat { ref generation } => {
                let body = ask::heartbeat(config, generation, version);
                network.send(node, api, &body, request(ask), now, out);
            }
            Ask::Leave { ref member_id, reason } => {
                let body = ask::leave(config, member_id, reason, version);
                network.send(node, api, &body, request(ask), now, out);
            }
            Ask::GroupHeartbeat { ref body, .. } => {
                let body = body.clone();
                network.send(node, api, &*body, request(ask), now, out);
            }
            Ask::Commit(ref commit) => {
                let body = ask::commit(config, commit, version);
                network.send(node, api, &body, request(ask), now, out);
            }
            Ask::FetchOffsets {
                ref generation,
                ref partitions,
            } => {
                let body = ask::fetch_offsets(config, generation, partitions, version);
                network.send(node, api, &body, request(ask), now, out);
            }
        }
    }

    /// The broker does not offer what the request needs.
    fn ask_impossible(&mut self, ask: Ask, now: SimTime) {
        let error = ConsumerError::UnsupportedVersion;
        match ask {
            Ask::Join { .. } | Ask::Sync { .. } => self.join_failed(JoinError::Fatal(error)),
            Ask::Commit(commit) => self.commit_impossible(*commit, error, now),
            Ask::GroupHeartbeat { .. } => self.fatal(error),
            _ => self.failures.push_back(error),
        }
    }

    /// Takes in what became of requests, if a thread of the Java consumer would look at its connections now.
    pub(super) fn take_group_events(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut progress = false;
        while self.is_networking()
            && let Some(event) = self.reader.next_group_event()
        {
            progress = true;
            match event {
                Event::Answer { request, body } => self.ask_answered(request, body.other(), now, out),
                Event::Lost { request, .. } => {
                    if !matches!(request, Ask::FindCoordinator) {
                        self.coordinator.unanswered -= 1;
                    }
                    self.ask_lost(request, now, out);
                }
            }
        }
        progress
    }

    fn ask_answered(&mut self, ask: Ask, body: Option<ResponseKind>, now: SimTime, out: &mut Outputs) {
        if !matches!(ask, Ask::FindCoordinator) {
            self.coordinator.unanswered -= 1;
        }
        match (ask, body) {
            (Ask::FindCoordinator, Some(ResponseKind::FindCoordinator(answer))) => {
                self.coordinator_found(&answer, now, out);
            }
            (Ask::Join { generation, .. }, Some(ResponseKind::JoinGroup(answer))) => {
                self.join_answered(&generation, answer, now, out);
            }
            (Ask::Sync { generation, .. }, Some(ResponseKind::SyncGroup(answer))) => {
                self.sync_answered(&generation, answer, now, out);
            }
            (Ask::Heartbeat { generation }, Some(ResponseKind::Heartbeat(answer))) => {
                self.heartbeat_answered(&generation, ErrorCode::from(answer.error_code), now, out);
            }
            (Ask::GroupHeartbeat { ignored, .. }, Some(ResponseKind::ConsumerGroupHeartbeat(answer))) => {
                self.group_heartbeat_answered(ignored, &answer, now, out);
            }
            (Ask::Commit(commit), Some(ResponseKind::OffsetCommit(answer))) => {
                self.commit_answered(*commit, &answer, now, out);
            }
            (Ask::FetchOffsets { partitions, .. }, Some(ResponseKind::OffsetFetch(answer))) => {
                self.offsets_answered(&partitions, &answer, now, out);
            }
            // Nobody waits for the answer to LeaveGroup.
            _ => {}
        }
    }

    /// The connection ended before the answer, or before the request.
    fn ask_lost(&mut self, ask: Ask, now: SimTime, out: &mut Outputs) {
        if matches!(ask, Ask::FindCoordinator) {
            self.search_failed(now);
            return;
        }
        self.coordinator_unknown(true, now, out);
        match ask {
            Ask::Join { .. } | Ask::Sync { .. } => self.join_failed(JoinError::Again),
            Ask::Heartbeat { .. } => self.heartbeat_failed(now),
            Ask::GroupHeartbeat { ignored, .. } => self.group_heartbeat_lost(ignored, now),
            Ask::Commit(commit) => self.commit_lost(*commit, now),
            Ask::FetchOffsets { partitions, .. } => self.offsets_lost(&partitions, now),
            Ask::FindCoordinator | Ask::Leave { .. } => {}
        }
    }
}

/// A name from the wire.
pub(super) fn shared(name: &StrBytes) -> std::sync::Arc<str> {
    name.as_str().into()
}
