//! The cluster as one machine: nodes, network and controller behind four methods.

mod clients;
mod config;
mod effects;
mod ends;
mod fates;
mod faults;
mod gate;
mod inspect;
mod io;
mod look;
mod node;
mod operator;
mod peers;
mod power;
mod resolve;
mod run;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::{Agenda, BrokerId, ConnId, Seed, SimTime, SmallMap};
use serde::{Deserialize, Serialize};

use crate::broker::{CloseReason, Effect};
use crate::controller::{Controller, ControllerOutput};
use crate::disk::Survivors;
use crate::fault::ScheduledFault;
use crate::invariant::Inspector;
use crate::mark::MarkCounter;
use crate::net::{BySlot, Endpoint, Net};
use crate::trace::Trace;

pub use config::{ClusterConfig, Topic};
pub(crate) use gate::Gate;

use clients::ClientConn;
use ends::{Ends, PeerChannels};
use faults::FaultBoard;
use io::{Packet, Work};
use node::Node;

/// What a driver tells the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A client on `host` connects to a broker. `conn` must not have been used before.
    Connect {
        /// Chosen by the driver.
        conn: ConnId,
        /// To whom.
        broker: BrokerId,
        /// Host of the client; what [`Peer::Client`](crate::fault::Peer::Client) names.
        host: Arc<str>,
    },
    /// Bytes from the client, in any chunking.
    Data {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: Bytes,
    },
    /// The client closed the connection.
    Disconnect {
        /// The connection.
        conn: ConnId,
    },
    /// Adds a fault to the schedule.
    Fault(ScheduledFault),
    /// Heals every fault that has struck, forgets those that have not, and starts every broker that is down.
    HealAll,
}

/// What the cluster tells its driver.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output {
    /// The connection is established.
    Connected {
        /// The connection.
        conn: ConnId,
    },
    /// Bytes for the client.
    Data {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        bytes: Bytes,
    },
    /// The connection is over, or was refused.
    Disconnect {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: CloseReason,
    },
    /// A broker began or ceased to serve clients.
    Listening {
        /// The broker.
        broker: BrokerId,
        /// Whether it serves now.
        up: bool,
    },
    /// A fault struck the client on a host, or was healed. The cluster knows no clients: acting on it is up to the
    /// driver, and one whose clients are somebody else's processes may ignore it. The connections of a client that died
    /// are reported as over right after this.
    Client {
        /// The host.
        host: Arc<str>,
        /// What befell it.
        fate: ClientFate,
    },
    /// A topic was created under the name of one that was deleted.
    TopicRecreated {
        /// The name.
        topic: Arc<str>,
    },
}

/// What befalls a client as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ClientFate {
    /// Its process died; the machine lives on.
    Killed,
    /// Its machine lost power.
    PowerLost {
        /// What happens to bytes that were written there but not synced.
        survivors: Survivors,
    },
    /// Its process stands still.
    Paused,
    /// Its process runs on, if it stood still.
    Resumed,
    /// It gets a new process, if it has none.
    Started,
}

/// A Kafka cluster: brokers with disks, the links between everybody, a controller, and the faults to come.
///
/// Time is an argument of every method and never runs backwards (asserted). [`Cluster::handle`] takes what happens
/// outside, [`Cluster::advance`] lets what is due happen, [`Cluster::next_due`] says when that will be.
#[derive(Clone, Debug)]
pub struct Cluster {
    config: Arc<ClusterConfig>,
    seed: Seed,
    now: SimTime,
    net: Net<Packet>,
    nodes: Vec<Node>,
    /// When something is due, the last instant there is for never; worked out at the end of every call.
    due: SimTime,
    /// When each broker is due, the last instant there is for never; noted whenever it has done something.
    dues: Vec<SimTime>,
    controller: Controller,
    clients: SmallMap<ConnId, ClientConn>,
    ends: BySlot<Ends>,
    hosts: BTreeMap<Arc<str>, u32>,
    peers: PeerChannels,
    work: VecDeque<Work>,
    agenda: Agenda<faults::Due>,
    faults: FaultBoard,
    gate: Gate,
    trace: Trace,
    inspector: Inspector,
    marks: MarkCounter,
    reached: Vec<usize>,
    topics_to_create: Vec<Topic>,
    topics_offset: Option<u64>,
    effects: Vec<Effect>,
    decisions: Vec<ControllerOutput>,
    /// For the driver, once the current input is through.
    notices: Vec<Output>,
    /// Names of topics that were deleted and not created again.
    deleted_topics: BTreeSet<Arc<str>>,
    /// Processes that are about to end themselves.
    exits: Vec<usize>,
    /// Links that turned out to be dead when a broker sent something.
    broken_links: Vec<(usize, Endpoint)>,
    steps: u64,
    /// When the controller is due; worked out again whenever it has done something.
    controller_due: Option<SimTime>,
}

impl Cluster {
    /// A cluster whose brokers are about to start.
    ///
    /// # Errors
    /// A configuration that no cluster can run with: no brokers, a topic with more replicas than brokers, values out of
    /// range.
    pub fn new(config: ClusterConfig, seed: Seed) -> Result<Cluster, kafka_sim_core::ConfigError> {
        config.validate()?;
        let config = Arc::new(config);
        let listeners: Arc<[(Arc<str>, u16)]> = config.listeners.clone().into();
        let nodes = (0..config.brokers)
            .map(|index| Node::new(&config, index, &listeners, seed))
            .collect();
        let controller = Controller::new(config.broker_config.clone(), seed);
        #[cfg(feature = "mutants")]
        let controller = controller.with_mutant(config.mutant);
        let mut cluster = Cluster {
            seed,
            now: SimTime::ZERO,
            net: Net::new(config.network, seed),
            due: SimTime::ZERO,
            dues: vec![SimTime::MAX; config.brokers],
            nodes,
            controller,
            clients: SmallMap::new(),
            ends: BySlot::new(),
            hosts: BTreeMap::new(),
            peers: PeerChannels::new(config.brokers),
            work: VecDeque::new(),
            agenda: Agenda::new(),
            faults: FaultBoard::default(),
            gate: Gate::default(),
            trace: Trace::new(config.keep()),
            inspector: Inspector::new(config.inspection),
            marks: MarkCounter::new(),
            reached: Vec::new(),
            topics_to_create: config.topics.clone(),
            topics_offset: None,
            effects: Vec::new(),
            decisions: Vec::new(),
            notices: Vec::new(),
            deleted_topics: BTreeSet::new(),
            exits: Vec::new(),
            broken_links: Vec::new(),
            steps: 0,
            controller_due: None,
            config,
        };
        for index in 0..cluster.nodes.len() {
            cluster.agenda.push(SimTime::ZERO, faults::Due::Start(index));
        }
        Ok(cluster)
    }

    /// Takes one input and lets everything that follows from it at `now` happen.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn handle(&mut self, now: SimTime, input: Input, out: &mut Vec<Output>) {
        self.set_now(now);
        match input {
            Input::Connect { conn, broker, host } => self.client_connects(conn, broker, host, out),
            Input::Data { conn, bytes } => self.client_sends(conn, bytes, out),
            Input::Disconnect { conn } => self.client_leaves(conn),
            Input::Fault(fault) => self.schedule(fault),
            Input::HealAll => self.heal_all(out),
        }
        self.run(out);
    }

    /// Lets everything happen that is due at `now` or before.
    ///
    /// # Panics
    /// If time runs backwards.
    pub fn advance(&mut self, now: SimTime, out: &mut Vec<Output>) {
        self.set_now(now);
        self.run(out);
    }

    /// When something is due next, if nothing comes from outside before.
    #[inline]
    pub fn next_due(&self) -> Option<SimTime> {
        Some(self.due).filter(|due| *due < SimTime::MAX)
    }

    /// The instant of the last call.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happened so far, when nothing else of the cluster is needed any more.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// Steps the machine has taken: deliveries, timers, faults and ends of a turn.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// How often which marks occurred.
    pub fn marks(&self) -> &MarkCounter {
        &self.marks
    }

    /// Every broker serves clients and knows the topics that the cluster was configured with.
    pub fn is_ready(&self) -> bool {
        self.topics_offset
            .is_some_and(|offset| self.nodes.iter().all(|node| node.is_caught_up(offset)))
    }

    fn set_now(&mut self, now: SimTime) {
        assert!(now >= self.now, "time runs backwards: {now} after {}", self.now);
        self.now = now;
    }
}
