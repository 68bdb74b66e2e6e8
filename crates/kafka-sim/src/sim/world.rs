//! The closed world: a cluster and model clients in virtual time. Nothing happens here but carrying.

use std::collections::VecDeque;
use std::sync::Arc;

use kafka_sim_check::{History, Observation};
use kafka_sim_client::{ClientInput, ClientOutput};
use kafka_sim_cluster::{Cluster, Input, Output};
use kafka_sim_core::{BrokerId, ConnId, SimTime};

use super::app::{App, ProducerOutputs};
use super::consuming::{Around, Desk, Process};
use super::readers::{Following, ReaderOutputs};

/// One client of the world.
#[derive(Clone, Debug)]
pub(super) enum Client {
    Producer(Box<App>),
    Reader(Box<Following>),
    /// And the desk that its group shares.
    Consumer(Box<Process>, usize),
}

impl Client {
    fn next_due(&self) -> Option<SimTime> {
        match self {
            Client::Producer(app) => app.next_due(),
            Client::Reader(reader) => reader.next_due(),
            Client::Consumer(process, _) => process.next_due(),
        }
    }
}

/// Where a client lives and how it stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: Arc<str>,
    /// The number of its process, which its connections bear.
    pub(super) process: usize,
    pub(super) standing: Standing,
}

/// How a client's process stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Running,
    /// It stands still, and this waits for it.
    Paused(Vec<ClientInput>),
    Dead,
}

/// The world.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: SimTime,
    pub(super) cluster: Cluster,
    pub(super) clients: Vec<Client>,
    pub(super) places: Vec<Place>,
    /// Whose each process is or was.
    pub(super) owners: Vec<usize>,
    /// When each client is due, the last instant there is for never; worked out again whenever it was touched.
    dues: Vec<SimTime>,
    /// The first of them.
    clients_due: SimTime,
    /// What groups share.
    pub(super) desks: Vec<Desk>,
    pub(super) history: History,
    listeners: Vec<(Arc<str>, u16)>,
    from_cluster: Vec<Output>,
    /// Empty between two looks at a client; kept for their memory.
    from_producer: ProducerOutputs,
    from_reader: ReaderOutputs,
    pub(super) moved: VecDeque<(usize, Move)>,
    /// Sends and records that applications had in hand when they died.
    pub(super) cut_short: u64,
    /// Steps taken: inputs, outputs and timers.
    pub(super) steps: u64,
}

/// What a client wants carried, whichever kind of client it is.
#[derive(Clone, Debug)]
pub(super) enum Move {
    Connect { conn: u32, host: Arc<str>, port: u16 },
    Data { conn: u32, bytes: bytes::Bytes },
    Disconnect { conn: u32 },
}

fn global(process: usize, conn: u32) -> ConnId {
    ConnId(((process as u64) << 32) | u64::from(conn))
}

fn local(conn: ConnId) -> (usize, u32) {
    let process = usize::try_from(conn.0 >> 32).expect("a world has few processes");
    (
        process,
        u32::try_from(conn.0 & u64::from(u32::MAX)).expect("the mask leaves 32 bits"),
    )
}

impl World {
    pub(super) fn new(cluster: Cluster, listeners: Vec<(Arc<str>, u16)>) -> World {
        World {
            now: SimTime::ZERO,
            cluster,
            clients: Vec::new(),
            places: Vec::new(),
            owners: Vec::new(),
            dues: Vec::new(),
            clients_due: SimTime::MAX,
            desks: Vec::new(),
            history: History::new(),
            listeners,
            from_cluster: Vec::new(),
            from_producer: Vec::new(),
            from_reader: Vec::new(),
            moved: VecDeque::new(),
            cut_short: 0,
            steps: 0,
        }
    }

    pub(super) fn add(&mut self, client: Client, host: &str) -> usize {
        let index = self.clients.len();
        self.dues.push(SimTime::MAX);
        self.clients.push(client);
        self.places.push(Place {
            host: Arc::from(host),
            process: self.owners.len(),
            standing: Standing::Running,
        });
        self.owners.push(index);
        self.look_at(index);
        index
    }

    /// Runs until `done` or until `limit`, whichever comes first. True: it is done.
    pub(super) fn run_until(&mut self, limit: SimTime, done: impl Fn(&World) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            let cluster_due = self.cluster.next_due().unwrap_or(SimTime::MAX);
            let next = cluster_due.min(self.clients_due);
            if next > limit || next == SimTime::MAX {
                self.now = self.now.max(limit);
                return done(self);
            }
            self.now = self.now.max(next);
            self.step(cluster_due);
        }
    }

    /// Lets everything happen that is due now: the cluster first, then the clients in order.
    #[inline]
    fn step(&mut self, cluster_due: SimTime) {
        if cluster_due <= self.now {
            self.cluster.advance(self.now, &mut self.from_cluster);
            self.carry();
        }
        if self.clients_due <= self.now {
            self.step_clients();
        }
    }

    fn step_clients(&mut self) {
        for index in 0..self.clients.len() {
            if self.dues[index] <= self.now {
                self.with_client(index, None);
                self.carry();
            }
        }
    }

    /// Gives the cluster an input from outside.
    pub(super) fn tell(&mut self, input: Input) {
        self.cluster.handle(self.now, input, &mut self.from_cluster);
        self.carry();
    }

    /// Starts a reader on its assignment.
    pub(super) fn begin_reading(&mut self, index: usize, partitions: &[(Arc<str>, i32)]) {
        let now = self.now;
        if let Client::Reader(reader) = &mut self.clients[index] {
            reader.begin(now, partitions, &mut self.history, &mut self.from_reader);
            for output in self.from_reader.drain(..) {
                if let Some(outcome) = take_move(&mut self.moved, index, output) {
                    reader.learn(now, outcome, &mut self.history);
                }
            }
            self.look_at(index);
        }
        self.carry();
    }

    /// Carries outputs back and forth until nobody has anything to say at this instant, which mostly is the case already.
    #[inline]
    fn carry(&mut self) {
        self.steps += 1;
        while !(self.moved.is_empty() && self.from_cluster.is_empty()) {
            self.carry_next();
            self.steps += 1;
        }
    }

    /// Carries what a client said first to the cluster, and what the cluster says to the clients.
    #[inline(never)]
    fn carry_next(&mut self) {
        if let Some((client, wanted)) = self.moved.pop_front() {
            let process = self.places[client].process;
            let input = match wanted {
                Move::Connect { conn, host, port } => match self.broker_at(&host, port) {
                    Some(broker) => Input::Connect {
                        conn: global(process, conn),
                        broker,
                        host: self.places[client].host.clone(),
                    },
                    None => return self.with_client(client, Some(ClientInput::ConnectFailed { conn })),
                },
                Move::Data { conn, bytes } => Input::Data {
                    conn: global(process, conn),
                    bytes,
                },
                Move::Disconnect { conn } => Input::Disconnect {
                    conn: global(process, conn),
                },
            };
            self.cluster.handle(self.now, input, &mut self.from_cluster);
        }
        if self.from_cluster.is_empty() {
            return;
        }
        let mut outputs = std::mem::take(&mut self.from_cluster);
        for output in outputs.drain(..) {
            self.deliver(output);
        }
        // Delivering tells the cluster nothing, so the buffer is still this one.
        self.from_cluster = outputs;
    }

    fn deliver(&mut self, output: Output) {
        let (conn, input): (ConnId, fn(u32) -> ClientInput) = match output {
            Output::Connected { conn } => (conn, |conn| ClientInput::Connected { conn }),
            Output::Disconnect {
                conn,
                reason: kafka_sim_cluster::CloseReason::Refused,
            } => (conn, |conn| ClientInput::ConnectFailed { conn }),
            Output::Disconnect { conn, .. } => (conn, |conn| ClientInput::Closed { conn }),
            Output::Data { conn, bytes } => {
                let (process, conn) = local(conn);
                return self.reach(process, ClientInput::Data { conn, bytes });
            }
            Output::Client { host, fate } => return self.befall(&host, fate),
            Output::TopicRecreated { topic } => {
                let at = self.now.as_nanos();
                return self.history.record(Observation::TopicRecreated { at, topic });
            }
            _ => return,
        };
        let (process, conn) = local(conn);
        self.reach(process, input(conn));
    }

    /// Hands an input to the client whose process it is for, if that process still is there.
    fn reach(&mut self, process: usize, input: ClientInput) {
        let client = self.owners[process];
        if self.places[client].process == process {
            self.with_client(client, Some(input));
        }
    }

    fn broker_at(&self, host: &str, port: u16) -> Option<BrokerId> {
        let at = self.listeners.iter().position(|(h, p)| &**h == host && *p == port)?;
        i32::try_from(at).ok().map(BrokerId)
    }

    /// Hands a client an input, or lets it do what is due. One that stands still finds it when it runs on.
    pub(super) fn with_client(&mut self, index: usize, input: Option<ClientInput>) {
        match &mut self.places[index].standing {
            Standing::Running => {}
            Standing::Paused(waiting) => return waiting.extend(input),
            Standing::Dead => return,
        }
        let now = self.now;
        let due = match &mut self.clients[index] {
            Client::Producer(app) => {
                match input {
                    Some(input) => app.handle(now, input, &mut self.from_producer),
                    None => app.advance(now, &mut self.history, &mut self.from_producer),
                }
                for output in self.from_producer.drain(..) {
                    if let Some(outcome) = take_move(&mut self.moved, index, output) {
                        app.learn(now, outcome, &mut self.history);
                    }
                }
                app.next_due()
            }
            Client::Reader(reader) => {
                match input {
                    Some(input) => reader.handle(now, input, &mut self.from_reader),
                    None => reader.reader.advance(now, &mut self.from_reader),
                }
                for output in self.from_reader.drain(..) {
                    if let Some(outcome) = take_move(&mut self.moved, index, output) {
                        reader.learn(now, outcome, &mut self.history);
                    }
                }
                reader.next_due()
            }
            Client::Consumer(process, desk) => {
                let mut out = Vec::new();
                let mut around = Around {
                    now,
                    history: &mut self.history,
                    desk: &mut self.desks[*desk],
                    out: &mut out,
                };
                match input {
                    Some(input) => process.handle(input, &mut around),
                    None => process.advance(&mut around),
                }
                for output in out {
                    // It has heard its outcomes itself.
                    take_move(&mut self.moved, index, output);
                }
                process.next_due()
            }
        };
        self.note_due(index, due);
    }

    /// Works out when a client is due.
    pub(super) fn look_at(&mut self, index: usize) {
        let due = match self.places[index].standing {
            Standing::Running => self.clients[index].next_due(),
            Standing::Paused(_) | Standing::Dead => None,
        };
        self.note_due(index, due);
    }

    fn note_due(&mut self, index: usize, due: Option<SimTime>) {
        let due = due.unwrap_or(SimTime::MAX);
        let before = std::mem::replace(&mut self.dues[index], due);
        if due <= self.clients_due {
            self.clients_due = due;
        } else if before == self.clients_due {
            self.clients_due = self.dues.iter().copied().min().unwrap_or(SimTime::MAX);
        }
    }
}

/// Queues what a client wants carried; an outcome is something else.
#[inline]
fn take_move<O>(moved: &mut VecDeque<(usize, Move)>, index: usize, output: ClientOutput<O>) -> Option<O> {
    let wanted = match output {
        ClientOutput::Connect { conn, host, port } => Move::Connect { conn, host, port },
        ClientOutput::Data { conn, bytes } => Move::Data { conn, bytes },
        ClientOutput::Disconnect { conn } => Move::Disconnect { conn },
        ClientOutput::Outcome(outcome) => return Some(outcome),
    };
    moved.push_back((index, wanted));
    None
}
