//! Consumers with simple applications, a producer, and a cluster, in virtual time: nothing but carrying.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_client::{
    ClientInput, ClientOutput, Consumer, ConsumerConfig, ConsumerOutcome, ConsumerRecord, Producer, ProducerConfig,
    ProducerRecord, SendOutcome,
};
use kafka_sim_cluster::fault::{Fault, ScheduledFault};
use kafka_sim_cluster::{CloseReason, Cluster, ClusterConfig, Input, Output, Topic};
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime, TopicPartition};

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(100);

/// What an application does with its consumer.
pub(crate) struct App {
    pub(crate) consumer: Consumer,
    /// Time it takes to process what one poll returned; records count as processed when it is over.
    pub(crate) pace: Duration,
    /// Hands records to a queue and polls on, instead of processing them first.
    pub(crate) queues: bool,
    /// Whether it polls again.
    pub(crate) running: bool,
    /// What the consumer said, but for records.
    pub(crate) said: Vec<(SimTime, ConsumerOutcome)>,
    pub(crate) polled: Vec<ConsumerRecord>,
    pub(crate) processed: Vec<(TopicPartition, i64)>,
    /// When it polls again.
    next_poll: Option<SimTime>,
    /// What is being processed, and until when.
    in_hand: VecDeque<(SimTime, Vec<ConsumerRecord>)>,
}

impl App {
    fn next_due(&self) -> Option<SimTime> {
        let hand = self.in_hand.front().map(|(at, _)| *at);
        [hand, self.next_poll, self.consumer.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    fn work(&mut self, now: SimTime, out: &mut Vec<ClientOutput<ConsumerOutcome>>) {
        while let Some((_, records)) = self.in_hand.pop_front_if(|(at, _)| *at <= now) {
            let done = records.into_iter();
            let done = done.map(|one| (TopicPartition::new(one.topic, one.partition), one.record.offset));
            self.processed.extend(done);
        }
        if self.next_poll.take_if(|at| *at <= now).is_some() && self.running {
            self.consumer.poll(now, POLL, out);
        }
    }

    fn take_records(&mut self, records: Vec<ConsumerRecord>, now: SimTime) {
        let done = now + if records.is_empty() { Duration::ZERO } else { self.pace };
        self.polled.extend(records.iter().cloned());
        self.in_hand.push_back((done, records));
        self.next_poll = Some(if self.queues { now } else { done });
    }

    /// What the application owns, as it was told.
    pub(crate) fn owned(&self) -> Vec<TopicPartition> {
        self.consumer.assignment().cloned().collect()
    }

    /// The offsets of one partition that were processed, in order of processing.
    pub(crate) fn processed_of(&self, partition: i32) -> Vec<i64> {
        let own = self.processed.iter().filter(|(of, _)| of.partition == partition);
        own.map(|(_, offset)| *offset).collect()
    }

    /// Whether it was ever told something like that.
    pub(crate) fn was_told(&self, wanted: impl Fn(&ConsumerOutcome) -> bool) -> bool {
        self.said.iter().any(|(_, outcome)| wanted(outcome))
    }
}

enum Client {
    App(Box<App>),
    Producer(Box<Producer>),
}

enum Said {
    Consumer(ConsumerOutcome),
    Producer(SendOutcome),
}

enum Carried {
    Open { conn: u32, host: Arc<str>, port: u16 },
    Data { conn: u32, bytes: bytes::Bytes },
    Close { conn: u32 },
}

/// A cluster, a producer, and any number of consumers.
pub(crate) struct Fleet {
    pub(crate) cluster: Cluster,
    pub(crate) now: SimTime,
    pub(crate) sent: Vec<SendOutcome>,
    clients: Vec<Client>,
    listeners: Vec<(Arc<str>, u16)>,
    carried: VecDeque<(usize, Carried)>,
    from_cluster: Vec<Output>,
}

impl Fleet {
    pub(crate) fn new(topic: Topic) -> Fleet {
        Fleet::of(ClusterConfig {
            topics: vec![topic],
            keep_events: true,
            ..ClusterConfig::simulated(3)
        })
    }

    pub(crate) fn of(config: ClusterConfig) -> Fleet {
        let listeners: Vec<(Arc<str>, u16)> = match config.listeners.is_empty() {
            true => (0..config.brokers)
                .map(|id| (Arc::from(format!("broker-{id}")), 9092))
                .collect(),
            false => config.listeners.clone(),
        };
        let producer = Producer::new(ProducerConfig::java(), listeners.clone(), Seed(3), 0).expect("valid");
        let producer = producer.with_wall_clock(config.wall_clock);
        let mut fleet = Fleet {
            cluster: Cluster::new(config, Seed(1)).expect("a cluster that can run"),
            now: SimTime::ZERO,
            sent: Vec::new(),
            clients: vec![Client::Producer(Box::new(producer))],
            listeners,
            carried: VecDeque::new(),
            from_cluster: Vec::new(),
        };
        fleet.wait(Duration::from_secs(120), "the cluster", |fleet| {
            fleet.cluster.is_ready() && fleet.cluster.is_converged()
        });
        fleet
    }

    /// Adds a consumer of the group `g` subscribed to `orders`, which begins to poll at once. Returns its number.
    pub(crate) fn join(&mut self, settings: &[(&str, &str)]) -> usize {
        let member = self.add(settings);
        self.on(member, |consumer, now, out| {
            consumer.subscribe(now, &["orders".into()], out)
        });
        self.start(member);
        member
    }

    /// Adds a consumer that does nothing so far.
    pub(crate) fn add(&mut self, settings: &[(&str, &str)]) -> usize {
        let pairs = [("group.id", "g"), ("auto.offset.reset", "earliest")];
        let pairs = pairs.iter().chain(settings).copied();
        let (config, ignored) = ConsumerConfig::from_pairs(pairs).expect("valid settings");
        assert!(ignored.is_empty(), "{ignored:?}");
        let index = self.clients.len();
        let consumer = Consumer::new(config, self.listeners.clone(), Seed(7), index as u64).expect("valid");
        self.clients.push(Client::App(Box::new(App {
            consumer,
            pace: Duration::ZERO,
            queues: false,
            running: false,
            said: Vec::new(),
            polled: Vec::new(),
            processed: Vec::new(),
            next_poll: None,
            in_hand: VecDeque::new(),
        })));
        index
    }

    pub(crate) fn app(&self, index: usize) -> &App {
        match &self.clients[index] {
            Client::App(app) => app,
            Client::Producer(_) => panic!("client {index} is the producer"),
        }
    }

    pub(crate) fn app_mut(&mut self, index: usize) -> &mut App {
        match &mut self.clients[index] {
            Client::App(app) => app,
            Client::Producer(_) => panic!("client {index} is the producer"),
        }
    }

    /// Calls a consumer.
    pub(crate) fn on(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Consumer, SimTime, &mut Vec<ClientOutput<ConsumerOutcome>>),
    ) {
        let mut out = Vec::new();
        let now = self.now;
        call(&mut self.app_mut(index).consumer, now, &mut out);
        self.take(
            index,
            out.into_iter().map(|output| wrap(output, Said::Consumer)).collect(),
        );
        self.carry();
    }

    /// The application polls from now on.
    pub(crate) fn start(&mut self, index: usize) {
        self.app_mut(index).running = true;
        self.on(index, |consumer, now, out| consumer.poll(now, POLL, out));
    }

    /// The process dies, and its host tells nobody but closes its connections.
    pub(crate) fn kill(&mut self, index: usize) {
        let app = self.app_mut(index);
        app.consumer.kill();
        app.running = false;
        app.in_hand.clear();
        app.next_poll = None;
    }

    /// Produces so many records to one partition of `orders`.
    pub(crate) fn produce(&mut self, partition: i32, count: u64) {
        self.produce_to("orders", partition, count);
    }

    /// The same for another topic, which is created if it is not there.
    pub(crate) fn produce_to(&mut self, topic: &str, partition: i32, count: u64) {
        for _ in 0..count {
            let record = ProducerRecord::new(topic, 1).partition(partition).value("v");
            let mut out = Vec::new();
            let now = self.now;
            if let Client::Producer(producer) = &mut self.clients[0] {
                producer.send(now, record, &mut out);
            }
            self.take(0, out.into_iter().map(|output| wrap(output, Said::Producer)).collect());
        }
        self.carry();
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        let now = self.now;
        self.schedule(fault.at(now));
    }

    pub(crate) fn schedule(&mut self, fault: ScheduledFault) {
        self.cluster
            .handle(self.now, Input::Fault(fault), &mut self.from_cluster);
        self.carry();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_due().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Lets time pass until `done`.
    pub(crate) fn wait(&mut self, limit: Duration, what: &str, done: impl Fn(&Fleet) -> bool) {
        let (start, end) = (self.now, self.now + limit);
        while !done(self) {
            let next = self.next_due().filter(|next| *next <= end);
            let next = next.unwrap_or_else(|| panic!("waited for {what} from {start} to {end}"));
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn next_due(&self) -> Option<SimTime> {
        let clients = self.clients.iter().filter_map(|client| match client {
            Client::App(app) => app.next_due(),
            Client::Producer(producer) => producer.next_due(),
        });
        clients.chain(self.cluster.next_due()).min()
    }

    fn step(&mut self) {
        if self.cluster.next_due().is_some_and(|at| at <= self.now) {
            self.cluster.advance(self.now, &mut self.from_cluster);
            self.carry();
        }
        for index in 0..self.clients.len() {
            self.with(index, None);
            self.carry();
        }
    }

    fn with(&mut self, index: usize, input: Option<ClientInput>) {
        let now = self.now;
        let said = match &mut self.clients[index] {
            Client::App(app) => {
                let mut out = Vec::new();
                app.work(now, &mut out);
                match input {
                    Some(input) => app.consumer.handle(now, input, &mut out),
                    None if app.consumer.next_due().is_some_and(|at| at <= now) => app.consumer.advance(now, &mut out),
                    None => {}
                }
                out.into_iter().map(|output| wrap(output, Said::Consumer)).collect()
            }
            Client::Producer(producer) => {
                let mut out = Vec::new();
                match input {
                    Some(input) => producer.handle(now, input, &mut out),
                    None if producer.next_due().is_some_and(|at| at <= now) => producer.advance(now, &mut out),
                    None => {}
                }
                out.into_iter().map(|output| wrap(output, Said::Producer)).collect()
            }
        };
        self.take(index, said);
    }

    fn take(&mut self, index: usize, outputs: Vec<Result<Carried, Said>>) {
        for output in outputs {
            match output {
                Ok(carried) => self.carried.push_back((index, carried)),
                Err(Said::Producer(outcome)) => self.sent.push(outcome),
                Err(Said::Consumer(outcome)) => self.hear(index, outcome),
            }
        }
    }

    /// What an application does when its consumer says something.
    fn hear(&mut self, index: usize, outcome: ConsumerOutcome) {
        let now = self.now;
        let app = self.app_mut(index);
        let mut out = Vec::new();
        match outcome {
            ConsumerOutcome::Polled { records } => {
                app.take_records(records, now);
            }
            other => {
                let callback = matches!(
                    other,
                    ConsumerOutcome::Assigned { .. } | ConsumerOutcome::Revoked { .. } | ConsumerOutcome::Lost { .. }
                );
                let failed = matches!(other, ConsumerOutcome::PollFailed { .. });
                app.said.push((now, other));
                if callback {
                    app.consumer.callback_done(now, &mut out);
                } else if failed {
                    app.next_poll = Some(now + POLL);
                }
            }
        }
        self.take(
            index,
            out.into_iter().map(|output| wrap(output, Said::Consumer)).collect(),
        );
    }

    fn carry(&mut self) {
        loop {
            let carried = self.carried.pop_front();
            if carried.is_none() && self.from_cluster.is_empty() {
                return;
            }
            if let Some((client, carried)) = carried {
                let input = match carried {
                    Carried::Open { conn, host, port } => Input::Connect {
                        conn: global(client, conn),
                        broker: self.broker_at(&host, port),
                        host: Arc::from(format!("client-{client}")),
                    },
                    Carried::Data { conn, bytes } => Input::Data {
                        conn: global(client, conn),
                        bytes,
                    },
                    Carried::Close { conn } => Input::Disconnect {
                        conn: global(client, conn),
                    },
                };
                self.cluster.handle(self.now, input, &mut self.from_cluster);
            }
            for output in std::mem::take(&mut self.from_cluster) {
                self.deliver(output);
            }
        }
    }

    fn deliver(&mut self, output: Output) {
        let (conn, input): (ConnId, fn(u32) -> ClientInput) = match output {
            Output::Connected { conn } => (conn, |conn| ClientInput::Connected { conn }),
            Output::Disconnect {
                conn,
                reason: CloseReason::Refused,
            } => (conn, |conn| ClientInput::ConnectFailed { conn }),
            Output::Disconnect { conn, .. } => (conn, |conn| ClientInput::Closed { conn }),
            Output::Data { conn, bytes } => {
                let (client, conn) = local(conn);
                return self.with(client, Some(ClientInput::Data { conn, bytes }));
            }
            _ => return,
        };
        let (client, conn) = local(conn);
        self.with(client, Some(input(conn)));
    }

    fn broker_at(&self, host: &str, port: u16) -> BrokerId {
        let at = self.listeners.iter().position(|(h, p)| &**h == host && *p == port);
        let at = at.unwrap_or_else(|| panic!("{host}:{port} is a listener"));
        BrokerId(i32::try_from(at).expect("few brokers"))
    }
}

fn wrap<O>(output: ClientOutput<O>, said: impl Fn(O) -> Said) -> Result<Carried, Said> {
    match output {
        ClientOutput::Connect { conn, host, port } => Ok(Carried::Open { conn, host, port }),
        ClientOutput::Data { conn, bytes } => Ok(Carried::Data { conn, bytes }),
        ClientOutput::Disconnect { conn } => Ok(Carried::Close { conn }),
        ClientOutput::Outcome(outcome) => Err(said(outcome)),
    }
}

fn global(client: usize, conn: u32) -> ConnId {
    ConnId(((client as u64) << 32) | u64::from(conn))
}

fn local(conn: ConnId) -> (usize, u32) {
    let client = usize::try_from(conn.0 >> 32).expect("few clients");
    (client, u32::try_from(conn.0 & u64::from(u32::MAX)).expect("32 bits"))
}
