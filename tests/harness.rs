//! A cluster in virtual time and the client's ends of connections to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestKind};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::fault::{Fault, ScheduledFault};
use kafka_sim_cluster::net::NetConfig;
use kafka_sim_cluster::view::{PartitionView, ReplicaView};
use kafka_sim_cluster::{CloseReason, Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::wire::{self, FrameSplitter, RequestHead};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};

use crate::Ask;

/// How long a cluster may take to start, and a request to be answered.
const PATIENCE: Duration = Duration::from_secs(120);

/// The client's end of a connection.
#[derive(Clone, Debug)]
struct Pipe {
    connected: bool,
    received: FrameSplitter,
    over: Option<CloseReason>,
}

/// A cluster in virtual time, driven from the outside by nothing but bytes and faults.
#[derive(Clone, Debug)]
pub struct Harness {
    /// The cluster, for looks at what no client sees.
    pub cluster: Cluster,
    now: SimTime,
    pipes: BTreeMap<ConnId, Pipe>,
    correlation: i32,
}

impl Harness {
    /// A cluster that is up, with every replica in sync.
    ///
    /// # Panics
    /// If the configuration is refused or the cluster does not come up.
    pub fn new(config: ClusterConfig) -> Harness {
        Harness::seeded(config, Seed(1))
    }

    /// Three brokers and one topic.
    ///
    /// # Panics
    /// If the configuration is refused or the cluster does not come up.
    pub fn with_topic(topic: Topic) -> Harness {
        Harness::new(ClusterConfig {
            topics: vec![topic],
            ..ClusterConfig::simulated(3)
        })
    }

    /// One broker with one replica of `orders`, over links that take no time: for tests of many requests.
    ///
    /// # Panics
    /// If the cluster does not come up.
    pub fn alone() -> Harness {
        let quick = NetConfig::default();
        Harness::new(ClusterConfig {
            topics: vec![Topic::named("orders")],
            network: quick,
            ..ClusterConfig::simulated(1)
        })
    }

    /// The same as [`Harness::new`] with another seed.
    ///
    /// # Panics
    /// If the configuration is refused or the cluster does not come up.
    pub fn seeded(config: ClusterConfig, seed: Seed) -> Harness {
        let cluster = Cluster::new(config, seed).expect("tests configure clusters that can run");
        let mut harness = Harness {
            cluster,
            now: SimTime::ZERO,
            pipes: BTreeMap::new(),
            correlation: 0,
        };
        harness.wait(PATIENCE, "the cluster to come up", |h| {
            h.cluster.is_ready() && h.cluster.is_converged()
        });
        harness
    }

    /// The instant.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Lets that much time pass.
    pub fn pass(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    /// Lets time pass until `done`, at most `limit`. Returns whether it was done.
    pub fn run(&mut self, limit: Duration, done: impl Fn(&Harness) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            let due = self.cluster.next_due().filter(|due| *due <= end);
            self.now = due.unwrap_or(end).max(self.now);
            let mut out = Vec::new();
            self.cluster.advance(self.now, &mut out);
            self.take(out);
            if due.is_none() {
                return done(self);
            }
        }
    }

    /// Lets time pass until `done`.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration, what: &str, done: impl Fn(&Harness) -> bool) {
        let start = self.now;
        assert!(self.run(limit, done), "waited for {what} from {start} to {}", self.now);
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.cluster.handle(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Connected { conn } => self.pipe(conn).connected = true,
                Output::Data { conn, bytes } => self.pipe(conn).received.push(bytes),
                Output::Disconnect { conn, reason } => self.pipe(conn).over = Some(reason),
                _ => {}
            }
        }
    }

    fn pipe(&mut self, conn: ConnId) -> &mut Pipe {
        self.pipes
            .get_mut(&conn)
            .expect("the cluster speaks of connections that were opened")
    }

    /// Adds a fault that strikes now and lasts until the harness heals it.
    pub fn inject(&mut self, fault: Fault) {
        let now = self.now;
        self.tell(Input::Fault(fault.at(now)));
        self.pass(Duration::ZERO);
    }

    /// Adds a fault that strikes now and is healed after a while.
    pub fn inject_for(&mut self, fault: Fault, heal_after: Duration) {
        let now = self.now;
        self.schedule(fault.at(now).healed_after(heal_after));
        self.pass(Duration::ZERO);
    }

    /// Adds a fault to the schedule.
    pub fn schedule(&mut self, fault: ScheduledFault) {
        self.tell(Input::Fault(fault));
    }

    /// Heals every fault and starts every broker that is down.
    pub fn heal_all(&mut self) {
        self.tell(Input::HealAll);
    }

    /// Heals every fault and waits until nothing is left to repair.
    pub fn converge(&mut self) {
        self.heal_all();
        self.wait(Duration::from_secs(300), "convergence", |h| h.cluster.is_converged());
    }

    /// Opens a connection and waits until it is established.
    pub fn connect(&mut self, broker: i32) -> ConnId {
        let conn = self.dial(broker);
        self.wait(PATIENCE, "a connection", |h| {
            h.pipes[&conn].connected || h.pipes[&conn].over.is_some()
        });
        assert_eq!(self.over(conn), None, "broker {broker} refused the connection");
        conn
    }

    /// Begins to open a connection.
    pub fn dial(&mut self, broker: i32) -> ConnId {
        let conn = ConnId(self.pipes.len() as u64);
        let received = FrameSplitter::new(usize::MAX >> 1);
        self.pipes.insert(
            conn,
            Pipe {
                connected: false,
                received,
                over: None,
            },
        );
        self.tell(Input::Connect {
            conn,
            broker: BrokerId(broker),
            host: Arc::from("client"),
        });
        conn
    }

    /// Closes the client's end.
    pub fn hang_up(&mut self, conn: ConnId) {
        self.tell(Input::Disconnect { conn });
    }

    /// Why the connection is over, if it is.
    pub fn over(&self, conn: ConnId) -> Option<CloseReason> {
        self.pipes[&conn].over
    }

    /// Waits until the connection is over.
    ///
    /// # Panics
    /// If it stays open for 120 s.
    pub fn ending(&mut self, conn: ConnId) -> CloseReason {
        self.wait(PATIENCE, "the end of a connection", |h| h.over(conn).is_some());
        self.over(conn).expect("it was waited for")
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&mut self, conn: ConnId, bytes: impl Into<Bytes>) {
        self.tell(Input::Data {
            conn,
            bytes: bytes.into(),
        });
    }

    /// A request as it goes over the wire, with its size, and its correlation id.
    pub fn frame<A: Ask>(&mut self, version: i16, request: &A) -> (i32, Bytes) {
        self.frame_as(version, request, "wire-test")
    }

    /// A request of another client id.
    pub fn frame_as<A: Ask>(&mut self, version: i16, request: &A, client_id: &'static str) -> (i32, Bytes) {
        self.frame_of(A::KEY, version, &request.clone().into(), client_id)
    }

    /// A request whose type is known only at run time.
    pub fn frame_of(
        &mut self,
        api_key: ApiKey,
        version: i16,
        request: &RequestKind,
        client_id: &'static str,
    ) -> (i32, Bytes) {
        self.correlation += 1;
        let client_id = Some(StrBytes::from_static_str(client_id));
        let head = RequestHead {
            api_key,
            version,
            correlation_id: self.correlation,
            client_id,
        };
        let frame = wire::encode_request(&head, request).expect("tests encode requests their version has");
        (self.correlation, frame)
    }

    /// Sends a request and returns its correlation id.
    pub fn send<A: Ask>(&mut self, conn: ConnId, version: i16, request: &A) -> i32 {
        let (correlation, frame) = self.frame(version, request);
        self.send_bytes(conn, frame);
        correlation
    }

    /// The next frame that has arrived, without its size.
    pub fn arrived(&mut self, conn: ConnId) -> Option<Bytes> {
        self.pipe(conn)
            .received
            .next_frame()
            .expect("brokers send frames of honest sizes")
    }

    /// Waits for the next frame and returns it without its size.
    ///
    /// # Panics
    /// If there is none within 120 s.
    pub fn await_frame(&mut self, conn: ConnId) -> Bytes {
        let has_frame = |h: &Harness| {
            h.over(conn).is_some() || h.pipes[&conn].received.clone().next_frame().ok().flatten().is_some()
        };
        self.wait(PATIENCE, "a response", has_frame);
        let over = self.over(conn);
        self.arrived(conn)
            .unwrap_or_else(|| panic!("instead of a response: {over:?}"))
    }

    /// The next response that has arrived, with its correlation id.
    ///
    /// # Panics
    /// If it is not a response to a request of that type and version.
    pub fn answer<A: Ask>(&mut self, conn: ConnId, version: i16) -> Option<(i32, A::Response)> {
        self.arrived(conn).map(|frame| read::<A>(version, frame))
    }

    /// Sends a request and waits for its response.
    ///
    /// # Panics
    /// If there is none within 120 s.
    pub fn ask<A: Ask>(&mut self, conn: ConnId, version: i16, request: &A) -> A::Response {
        let sent = self.send(conn, version, request);
        let (correlation, response) = self.await_answer::<A>(conn, version);
        assert_eq!(correlation, sent, "the response answers the request");
        response
    }

    /// Waits for the next response.
    ///
    /// # Panics
    /// If there is none within 120 s.
    pub fn await_answer<A: Ask>(&mut self, conn: ConnId, version: i16) -> (i32, A::Response) {
        read::<A>(version, self.await_frame(conn))
    }

    /// A partition as the controller has it.
    ///
    /// # Panics
    /// If there is no such partition.
    pub fn partition(&self, topic: &str, partition: i32) -> PartitionView {
        self.cluster
            .view()
            .partition(topic, partition)
            .expect("the partition exists")
            .clone()
    }

    /// The id of the leader the controller has recorded.
    ///
    /// # Panics
    /// If the partition has none.
    pub fn leader(&self, topic: &str, partition: i32) -> i32 {
        self.partition(topic, partition)
            .leader
            .expect("the partition has a leader")
            .0
    }

    /// Assigned brokers other than the leader, in order.
    pub fn followers(&self, topic: &str, partition: i32) -> Vec<i32> {
        let view = self.partition(topic, partition);
        view.replicas
            .iter()
            .filter(|replica| Some(replica.broker) != view.leader)
            .map(|replica| replica.broker.0)
            .collect()
    }

    /// In-sync replicas as the controller has recorded them, sorted.
    pub fn isr(&self, topic: &str, partition: i32) -> Vec<i32> {
        let mut isr: Vec<i32> = self.partition(topic, partition).isr.iter().map(|id| id.0).collect();
        isr.sort_unstable();
        isr
    }

    /// The replica of a partition on a running broker.
    ///
    /// # Panics
    /// If there is none.
    pub fn replica(&self, topic: &str, partition: i32, broker: i32) -> ReplicaView {
        let view = self.partition(topic, partition);
        view.replicas
            .into_iter()
            .find(|replica| replica.broker == BrokerId(broker))
            .expect("the broker runs and has the replica")
    }
}

fn read<A: Ask>(version: i16, frame: Bytes) -> (i32, A::Response) {
    let (correlation, kind) = wire::decode_response(A::KEY, version, frame).expect("brokers send what the version has");
    (correlation, A::response(kind).expect("decoded as what was asked for"))
}
