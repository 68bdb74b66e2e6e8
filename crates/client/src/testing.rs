//! A scripted broker for tests: connects, answers ApiVersions, Metadata and InitProducerId by itself, and leaves all
//! other requests to the test.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        ApiVersionsResponse, BrokerId, InitProducerIdResponse, MetadataResponse, ProducerId, TopicName,
        api_versions_response::ApiVersion,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::Encodable,
};
use kafka_sim_core::{
    ErrorCode, SimTime,
    wire::{ApiKey, FrameSplitter, RequestHead, RequestKind, StrBytes, decode_request, encode_response},
};
use uuid::Uuid;

use crate::{ClientInput, ClientOutput, Consumer, ConsumerOutcome, Producer, Reader, ReaderOutcome, SendOutcome};

/// What producer and reader have in common.
pub(crate) trait Client {
    type Outcome;
    fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Vec<ClientOutput<Self::Outcome>>);
    fn advance(&mut self, now: SimTime, out: &mut Vec<ClientOutput<Self::Outcome>>);
    fn next_due(&self) -> Option<SimTime>;
}

impl Client for Producer {
    type Outcome = SendOutcome;
    fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Vec<ClientOutput<SendOutcome>>) {
        Producer::handle(self, now, input, out);
    }
    fn advance(&mut self, now: SimTime, out: &mut Vec<ClientOutput<SendOutcome>>) {
        Producer::advance(self, now, out);
    }
    fn next_due(&self) -> Option<SimTime> {
        Producer::next_due(self)
    }
}

impl Client for Reader {
    type Outcome = ReaderOutcome;
    fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Vec<ClientOutput<ReaderOutcome>>) {
        Reader::handle(self, now, input, out);
    }
    fn advance(&mut self, now: SimTime, out: &mut Vec<ClientOutput<ReaderOutcome>>) {
        Reader::advance(self, now, out);
    }
    fn next_due(&self) -> Option<SimTime> {
        Reader::next_due(self)
    }
}

impl Client for Consumer {
    type Outcome = ConsumerOutcome;
    fn handle(&mut self, now: SimTime, input: ClientInput, out: &mut Vec<ClientOutput<ConsumerOutcome>>) {
        Consumer::handle(self, now, input, out);
    }
    fn advance(&mut self, now: SimTime, out: &mut Vec<ClientOutput<ConsumerOutcome>>) {
        Consumer::advance(self, now, out);
    }
    fn next_due(&self) -> Option<SimTime> {
        Consumer::next_due(self)
    }
}

/// A request the test has to answer.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) conn: u32,
    pub(crate) port: u16,
    pub(crate) at: SimTime,
    pub(crate) head: RequestHead,
    pub(crate) body: RequestKind,
}

/// What the scripted brokers say about themselves. Broker `n` listens on port `9090 + n`.
pub(crate) struct Cluster {
    pub(crate) brokers: Vec<i32>,
    /// Leader and leader epoch of each partition.
    pub(crate) topics: BTreeMap<String, Vec<(i32, i32)>>,
    pub(crate) versions: BTreeMap<i16, (i16, i16)>,
    /// Highest ApiVersions version understood.
    pub(crate) api_versions_max: i16,
    pub(crate) unreachable: Vec<u16>,
    pub(crate) next_producer_id: i64,
    /// Leaves Metadata requests unanswered.
    pub(crate) silent_metadata: bool,
}

impl Default for Cluster {
    fn default() -> Self {
        let versions = [
            (ApiKey::Produce, 0, 13),
            (ApiKey::Fetch, 4, 18),
            (ApiKey::ListOffsets, 1, 10),
            (ApiKey::Metadata, 0, 13),
            (ApiKey::InitProducerId, 0, 5),
            (ApiKey::OffsetForLeaderEpoch, 2, 4),
            (ApiKey::FindCoordinator, 0, 6),
            (ApiKey::JoinGroup, 0, 9),
            (ApiKey::SyncGroup, 0, 5),
            (ApiKey::Heartbeat, 0, 4),
            (ApiKey::LeaveGroup, 0, 5),
            (ApiKey::OffsetCommit, 2, 9),
            (ApiKey::OffsetFetch, 1, 9),
            (ApiKey::ConsumerGroupHeartbeat, 0, 1),
        ];
        Cluster {
            brokers: vec![1, 2, 3],
            topics: BTreeMap::new(),
            versions: versions
                .into_iter()
                .map(|(api, min, max)| (api as i16, (min, max)))
                .collect(),
            api_versions_max: 4,
            unreachable: Vec::new(),
            next_producer_id: 1000,
            silent_metadata: false,
        }
    }
}

/// A client, its virtual time, and the brokers it talks to.
pub(crate) struct Rig<C: Client> {
    pub(crate) client: C,
    pub(crate) now: SimTime,
    pub(crate) cluster: Cluster,
    pub(crate) requests: Vec<Received>,
    pub(crate) outcomes: Vec<C::Outcome>,
    /// All requests by key and version, also those answered automatically.
    pub(crate) seen: Vec<(SimTime, ApiKey, i16)>,
    pub(crate) connects: Vec<(SimTime, u16)>,
    pub(crate) disconnects: Vec<u32>,
    /// Calls of `advance` so far.
    pub(crate) wake_ups: usize,
    out: Vec<ClientOutput<C::Outcome>>,
    conns: BTreeMap<u32, (u16, FrameSplitter)>,
    /// Unanswered requests of each connection: brokers answer in order.
    order: BTreeMap<u32, VecDeque<i32>>,
    answers: BTreeMap<(u32, i32), Bytes>,
}

impl<C: Client> Rig<C> {
    pub(crate) fn new(client: C) -> Rig<C> {
        Rig {
            client,
            now: SimTime::ZERO,
            cluster: Cluster::default(),
            requests: Vec::new(),
            outcomes: Vec::new(),
            seen: Vec::new(),
            connects: Vec::new(),
            disconnects: Vec::new(),
            wake_ups: 0,
            out: Vec::new(),
            conns: BTreeMap::new(),
            order: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Adds a topic with one partition per leader.
    pub(crate) fn topic(mut self, name: &str, leaders: &[i32]) -> Self {
        let partitions = leaders.iter().map(|&leader| (leader, 0)).collect();
        self.cluster.topics.insert(name.to_owned(), partitions);
        self
    }

    /// Calls the client and carries what it emits.
    pub(crate) fn act(&mut self, call: impl FnOnce(&mut C, SimTime, &mut Vec<ClientOutput<C::Outcome>>)) {
        call(&mut self.client, self.now, &mut self.out);
        self.settle();
    }

    fn settle(&mut self) {
        while !self.out.is_empty() {
            for output in std::mem::take(&mut self.out) {
                match output {
                    ClientOutput::Connect { conn, port, .. } => self.connect(conn, port),
                    ClientOutput::Disconnect { conn } => {
                        self.conns.remove(&conn);
                        self.disconnects.push(conn);
                    }
                    ClientOutput::Data { conn, bytes } => self.data(conn, bytes),
                    ClientOutput::Outcome(outcome) => self.outcomes.push(outcome),
                }
            }
        }
    }

    fn connect(&mut self, conn: u32, port: u16) {
        self.connects.push((self.now, port));
        let input = if self.cluster.unreachable.contains(&port) {
            ClientInput::ConnectFailed { conn }
        } else {
            self.conns.insert(conn, (port, FrameSplitter::new(usize::MAX)));
            ClientInput::Connected { conn }
        };
        self.client.handle(self.now, input, &mut self.out);
    }

    fn data(&mut self, conn: u32, bytes: Bytes) {
        let (port, splitter) = self.conns.get_mut(&conn).expect("the connection is open");
        let port = *port;
        splitter.push(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = splitter.next_frame().expect("sizes are honest") {
            frames.push(frame);
        }
        for frame in frames {
            let (head, body) = decode_request(frame).expect("requests are well formed");
            self.seen.push((self.now, head.api_key, head.version));
            let received = Received {
                conn,
                port,
                at: self.now,
                head,
                body,
            };
            self.request(received);
        }
    }

    fn request(&mut self, received: Received) {
        if !matches!(&received.body, RequestKind::Produce(request) if request.acks == 0) {
            self.order
                .entry(received.conn)
                .or_default()
                .push_back(received.head.correlation_id);
        }
        match &received.body {
            RequestKind::ApiVersions(_) => self.answer_versions(&received),
            RequestKind::Metadata(request) if !self.cluster.silent_metadata => {
                let all = self.cluster.topics.keys();
                let all = all.map(|name| TopicName(StrBytes::from_string(name.clone())));
                let names: Vec<TopicName> = match &request.topics {
                    Some(topics) => topics.iter().filter_map(|topic| topic.name.clone()).collect(),
                    None => all.collect(),
                };
                let response = self.metadata(&names);
                self.answer(&received, &response);
            }
            RequestKind::InitProducerId(_) => {
                let id = self.cluster.next_producer_id;
                self.cluster.next_producer_id += 1;
                let response = InitProducerIdResponse::default()
                    .with_producer_id(ProducerId(id))
                    .with_producer_epoch(0);
                self.answer(&received, &response);
            }
            _ => self.requests.push(received),
        }
    }

    fn answer_versions(&mut self, received: &Received) {
        let row = |key, min, max| {
            ApiVersion::default()
                .with_api_key(key)
                .with_min_version(min)
                .with_max_version(max)
        };
        let own = row(ApiKey::ApiVersions as i16, 0, self.cluster.api_versions_max);
        if received.head.version > self.cluster.api_versions_max {
            let response = ApiVersionsResponse::default()
                .with_error_code(ErrorCode::UNSUPPORTED_VERSION.0)
                .with_api_keys(vec![own]);
            let bytes = encode_response(ApiKey::ApiVersions, 0, received.head.correlation_id, &response);
            self.answer_bytes(received, bytes.expect("encodes"));
            return;
        }
        let rows = self
            .cluster
            .versions
            .iter()
            .map(|(&key, &(min, max))| row(key, min, max));
        let response = ApiVersionsResponse::default().with_api_keys(rows.chain([own]).collect());
        self.answer(received, &response);
    }

    fn metadata(&self, names: &[TopicName]) -> MetadataResponse {
        let brokers = self.cluster.brokers.iter().map(|&id| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(id))
                .with_host(StrBytes::from_string(format!("broker-{id}")))
                .with_port(9090 + id)
        });
        let topics = names.iter().map(|name| {
            let topic = MetadataResponseTopic::default().with_name(Some(name.clone()));
            let Some(partitions) = self.cluster.topics.get(name.as_str()) else {
                return topic.with_error_code(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
            };
            let partitions = (0..).zip(partitions).map(|(index, &(leader, epoch))| {
                let error = if leader < 0 {
                    ErrorCode::LEADER_NOT_AVAILABLE
                } else {
                    ErrorCode::NONE
                };
                MetadataResponsePartition::default()
                    .with_error_code(error.0)
                    .with_partition_index(index)
                    .with_leader_id(BrokerId(leader))
                    .with_leader_epoch(epoch)
            });
            topic
                .with_topic_id(topic_id(name))
                .with_partitions(partitions.collect())
        });
        MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.collect())
    }

    /// Answers a request, once the earlier ones on its connection are answered.
    pub(crate) fn answer<T: Encodable>(&mut self, received: &Received, body: &T) {
        let head = &received.head;
        let bytes = encode_response(head.api_key, head.version, head.correlation_id, body).expect("encodes");
        self.answer_bytes(received, bytes);
    }

    fn answer_bytes(&mut self, received: &Received, bytes: Bytes) {
        let conn = received.conn;
        self.answers.insert((conn, received.head.correlation_id), bytes);
        while let Some(first) = self.order.get(&conn).and_then(|order| order.front().copied()) {
            let Some(bytes) = self.answers.remove(&(conn, first)) else {
                return;
            };
            self.order.entry(conn).or_default().pop_front();
            self.bytes(conn, bytes);
        }
    }

    /// Sends raw bytes to the client, byte by byte in two chunks to show that cuts do not matter.
    pub(crate) fn bytes(&mut self, conn: u32, bytes: Bytes) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        let cut = bytes.len() / 2;
        for chunk in [bytes.slice(..cut), bytes.slice(cut..)] {
            self.client
                .handle(self.now, ClientInput::Data { conn, bytes: chunk }, &mut self.out);
        }
        self.settle();
    }

    /// Ends a connection from the broker's side.
    pub(crate) fn reset(&mut self, conn: u32) {
        self.conns.remove(&conn);
        self.client
            .handle(self.now, ClientInput::Closed { conn }, &mut self.out);
        self.settle();
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut same_instant = 0;
        while let Some(due) = self.client.next_due().filter(|due| *due <= end) {
            same_instant = if due > self.now { 0 } else { same_instant + 1 };
            assert!(same_instant < 5, "busy timer at {}", self.now);
            self.now = self.now.max(due);
            self.wake_ups += 1;
            self.client.advance(self.now, &mut self.out);
            self.settle();
        }
        self.now = end;
    }

    pub(crate) fn run_millis(&mut self, millis: u64) {
        self.run_for(Duration::from_millis(millis));
    }

    /// The oldest unanswered request.
    pub(crate) fn next(&mut self) -> Received {
        assert!(!self.requests.is_empty(), "no request at {}", self.now);
        self.requests.remove(0)
    }
}

/// The id of a topic in the scripted cluster.
pub(crate) fn topic_id(name: &str) -> Uuid {
    let bytes = name.bytes().fold(1u128, |id, byte| (id << 7) | u128::from(byte));
    Uuid::from_u128(bytes)
}
