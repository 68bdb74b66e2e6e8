//! Connections, requests in flight and metadata: the part of a client that producer and reader share.
//!
//! Follows Kafka's `NetworkClient`: one connection per broker, opened when needed; ApiVersions first on each; at
//! most so many requests in flight; answers in order; a late answer ends the connection; metadata comes from the
//! least loaded broker.

mod incoming;
mod link;
mod metadata;
mod outgoing;
mod pattern;
mod refresh;
mod versions;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kafka_sim_core::{
    SimRng, SimTime, SmallMap,
    wire::{RequestWriter, StrBytes},
};

pub(crate) use self::{
    incoming::Answer,
    link::Node,
    metadata::{Metadata, node},
};
use self::{
    link::{Link, Pauses, Phase, Purpose},
    refresh::MetadataWait,
};
use crate::{
    backoff::Backoff,
    config::NetworkConfig,
    io::{ClientInput, ClientOutput},
};
pub use pattern::TopicPattern;

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) enum Event<T> {
    /// The broker answered.
    Answer { request: T, body: Answer },
    /// The connection ended first.
    Lost {
        request: T,
        /// Because the answer took longer than `request.timeout.ms`.
        timed_out: bool,
    },
}

/// All connections of one client. `T` is what the client keeps about a request of its own.
#[derive(Clone, Debug)]
pub(crate) struct Network<T> {
    requests: RequestWriter,
    request_timeout: Duration,
    idle_limit: Duration,
    max_in_flight: usize,
    rebootstrap: bool,
    rebootstrap_trigger: Duration,
    pauses: Pauses,
    bootstrap: Vec<Node>,
    pub(crate) metadata: Metadata,
    metadata_in_flight: bool,
    /// Since when metadata has been wanted in vain.
    metadata_missing_since: Option<SimTime>,
    metadata_wait: MetadataWait,
    links: SmallMap<i32, Link<T>>,
    /// When the first connection is overdue or idle for too long, as of the last look; the last instant there is stands
    /// for never, as in everything here that says when something is due.
    links_due: SimTime,
    /// A connection has changed since that look.
    links_touched: bool,
    owners: SmallMap<u32, i32>,
    /// Nodes that are not in the metadata: a group's coordinator has a connection of its own.
    extra: SmallMap<i32, Node>,
    next_conn: u32,
    events: VecDeque<Event<T>>,
    pub(crate) rng: SimRng,
}

impl<T> Network<T> {
    pub(crate) fn new(
        config: &NetworkConfig,
        max_in_flight: usize,
        allow_auto_create: bool,
        bootstrap: &[(Arc<str>, u16)],
        rng: SimRng,
    ) -> Network<T> {
        let bootstrap: Vec<Node> = (1..)
            .zip(bootstrap)
            .map(|(index, (host, port))| Node {
                id: -index,
                host: host.clone(),
                port: *port,
            })
            .collect();
        Network {
            requests: RequestWriter::new(StrBytes::from_string(config.client_id.to_string())),
            request_timeout: config.request_timeout,
            idle_limit: config.connections_max_idle,
            max_in_flight,
            rebootstrap: config.rebootstrap,
            rebootstrap_trigger: config.rebootstrap_trigger,
            pauses: Pauses {
                reconnect: Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max),
                setup: Backoff::new(config.connection_setup_timeout, config.connection_setup_timeout_max),
            },
            metadata: Metadata::new(config, &bootstrap, allow_auto_create),
            bootstrap,
            metadata_in_flight: false,
            metadata_missing_since: None,
            metadata_wait: MetadataWait::Nothing,
            links: SmallMap::new(),
            links_due: SimTime::MAX,
            links_touched: false,
            owners: SmallMap::new(),
            extra: SmallMap::new(),
            next_conn: 0,
            events: VecDeque::new(),
            rng,
        }
    }

    /// Puts behind all others what [`handle`](Self::handle) returned.
    pub(crate) fn put_off(&mut self, event: Event<T>) {
        self.events.push_back(event);
    }

    /// The next thing that happened to a request of the client.
    pub(crate) fn next_event(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// Takes in what the world says about a connection. Unknown connections are ignored: they were closed already.
    /// Returns an answer, if that is what came, unless something else [comes before it](Self::next_event).
    #[inline]
    pub(crate) fn handle<O>(
        &mut self,
        now: SimTime,
        input: ClientInput,
        out: &mut Vec<ClientOutput<O>>,
    ) -> Option<Event<T>> {
        let (ClientInput::Connected { conn }
        | ClientInput::ConnectFailed { conn }
        | ClientInput::Data { conn, .. }
        | ClientInput::Closed { conn }) = input;
        let &id = self.owners.get(&conn)?;
        match input {
            ClientInput::Connected { .. } => self.connected(id, now, out),
            ClientInput::ConnectFailed { .. } | ClientInput::Closed { .. } => self.ended(id, now, false),
            ClientInput::Data { bytes, .. } => return self.received(id, now, bytes, out),
        }
        None
    }

    /// Closes a connection from this side.
    pub(crate) fn close<O>(&mut self, id: i32, now: SimTime, timed_out: bool, out: &mut Vec<ClientOutput<O>>) {
        if let Some(link) = self.links.get(&id).filter(|link| link.phase != Phase::Disconnected) {
            out.push(ClientOutput::Disconnect { conn: link.conn });
            self.ended(id, now, timed_out);
        }
    }

    /// A connection is gone, or never came about.
    fn ended(&mut self, id: i32, now: SimTime, timed_out: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.touched = true;
        self.links_touched = true;
        self.owners.remove(&link.conn);
        let unanswered = link.disconnected(now, &self.pauses, &mut self.rng);
        for request in unanswered {
            match request.purpose {
                Purpose::ApiVersions => {}
                Purpose::Metadata => {
                    self.metadata_in_flight = false;
                    self.metadata.failed(now, &mut self.rng);
                }
                Purpose::Client(request) => self.events.push_back(Event::Lost { request, timed_out }),
            }
        }
        if !self.metadata_in_flight && self.metadata.due_at() <= now {
            self.metadata.failed(now, &mut self.rng);
        }
        self.metadata.request_update();
    }

    /// Whether requests can be sent to a node now. If not, and if it is time, a connection is begun.
    #[inline]
    pub(crate) fn ready<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) -> bool {
        let ready = self.can_send(id, now);
        if !ready {
            self.prepare(id, now, out);
        }
        ready
    }

    #[cold]
    fn prepare<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        if self.can_connect(id, now) {
            self.connect(id, now, out);
        }
    }

    /// When [`ready`](Self::ready) is worth asking again although nothing arrives until then. A broker that metadata does
    /// not name any more is worth nothing until metadata has been fetched.
    pub(crate) fn ready_again_at(&self, id: i32, now: SimTime) -> Option<SimTime> {
        let link = self.links.get(&id)?;
        match link.phase {
            Phase::Disconnected if self.address(id).is_none() => None,
            Phase::Disconnected => Some(link.may_connect_at()),
            Phase::Ready if link.throttled_until > now => Some(link.throttled_until),
            _ => None,
        }
    }

    fn can_send(&self, id: i32, now: SimTime) -> bool {
        self.links.get(&id).is_some_and(|link| {
            link.phase == Phase::Ready && link.throttled_until <= now && link.in_flight.len() < self.max_in_flight
        })
    }

    fn can_connect(&self, id: i32, now: SimTime) -> bool {
        self.links
            .get(&id)
            .is_none_or(|link| link.phase == Phase::Disconnected && link.may_connect_at() <= now)
    }

    fn address(&self, id: i32) -> Option<&Node> {
        self.metadata.nodes().get(&id).or_else(|| self.extra.get(&id))
    }

    fn connect<O>(&mut self, id: i32, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let Some(node) = self.address(id).cloned() else {
            return;
        };
        let link = self.links.get_or_insert_with(id, || Link::new(node.clone()));
        if link.node != node {
            // The broker moved: its old address's failures do not count for the new one.
            *link = Link::new(node.clone());
        }
        self.next_conn += 1;
        link.touched = true;
        self.links_touched = true;
        link.connecting(self.next_conn, now, &self.pauses, &mut self.rng);
        self.owners.insert(self.next_conn, id);
        out.push(ClientOutput::Connect {
            conn: self.next_conn,
            host: node.host.clone(),
            port: node.port,
        });
    }

    /// Makes a node known that metadata does not name.
    pub(crate) fn know(&mut self, node: Node) {
        self.extra.insert(node.id, node);
    }

    /// Whether the last connection to a node ended or never came about, and it is too early for another attempt.
    pub(crate) fn is_unavailable(&self, id: i32, now: SimTime) -> bool {
        self.links
            .get(&id)
            .is_some_and(|link| link.phase == Phase::Disconnected && link.may_connect_at() > now)
    }

    /// Fires what is due: connection and request time-outs, idle connections, metadata.
    #[inline]
    pub(crate) fn poll<O>(&mut self, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        // What has touched a connection since the last look can only have moved its deadline away from now.
        if self.links_due <= now {
            self.close_overdue(now, out);
        }
        self.poll_metadata(now, out);
    }

    fn close_overdue<O>(&mut self, now: SimTime, out: &mut Vec<ClientOutput<O>>) {
        let due = |at: Option<SimTime>| at.is_some_and(|at| at <= now);
        let mut overdue = Vec::new();
        for (&id, link) in self.links.iter() {
            if due(link.deadline()) {
                overdue.push((id, true));
            } else if due(link.idle_at(self.idle_limit)) {
                overdue.push((id, false));
            }
        }
        for (id, timed_out) in overdue {
            self.close(id, now, timed_out, out);
        }
    }

    /// When the first connection is overdue or idle for too long.
    #[inline]
    fn links_due(&self) -> SimTime {
        if self.links_touched {
            self.touched_links_due()
        } else {
            self.links_due
        }
    }

    #[cold]
    fn touched_links_due(&self) -> SimTime {
        let dues = self.links.values().map(|link| link.next_due(self.idle_limit));
        dues.min().unwrap_or(SimTime::MAX)
    }

    /// Notes when the first connection is overdue or idle for too long.
    fn look_at_links(&mut self) {
        if !self.links_touched {
            return;
        }
        let mut first = SimTime::MAX;
        for link in self.links.values_mut() {
            if link.touched {
                link.touched = false;
                link.due = link.next_due(self.idle_limit);
            }
            first = first.min(link.due);
        }
        self.links_due = first;
        self.links_touched = false;
    }

    /// When [`poll`](Self::poll) has something to do although nothing arrives until then.
    #[inline]
    pub(crate) fn next_due(&self) -> Option<SimTime> {
        Some(self.due_at()).filter(|&due| due < SimTime::MAX)
    }

    #[inline]
    fn due_at(&self) -> SimTime {
        let metadata = self.metadata_due().min(self.rebootstrap_at());
        metadata.min(self.links_due())
    }

    /// Whether [`poll`](Self::poll) and [`next_event`](Self::next_event) have something to do right now; `after_progress`
    /// says that the client has done something since, which a refresh of metadata may have waited for.
    pub(crate) fn is_restless(&mut self, now: SimTime, after_progress: bool) -> bool {
        self.look_at_links();
        !self.events.is_empty() || (after_progress && self.refresh_waits(now)) || self.due_at() <= now
    }

    /// Whether there is nothing to do before something arrives or is [due](Self::next_due).
    pub(crate) fn rests(&self, now: SimTime) -> bool {
        let waits = matches!(self.metadata_wait, MetadataWait::Nothing) && !self.refresh_waits(now);
        waits && self.events.is_empty() && self.due_at() > now
    }

    /// Whether a refresh of metadata is due, though it may have to wait for a connection.
    pub(crate) fn refresh_waits(&self, now: SimTime) -> bool {
        !self.metadata_in_flight && self.metadata.due_at() <= now
    }

    /// Closes every connection; requests in flight are forgotten.
    pub(crate) fn shut_down<O>(&mut self, out: &mut Vec<ClientOutput<O>>) {
        for &conn in self.owners.keys() {
            out.push(ClientOutput::Disconnect { conn });
        }
        self.forget();
    }

    /// Drops all connections without a word.
    pub(crate) fn forget(&mut self) {
        self.links.clear();
        self.links_touched = true;
        self.owners.clear();
        self.events.clear();
        self.metadata_in_flight = false;
    }
}
