//! A closed world in virtual time: a cluster, producing applications, readers and a schedule of faults.

mod app;
mod consuming;
mod fates;
mod home;
mod keeping;
mod ledger;
mod outbox;
mod plan;
mod readers;
mod run;
mod settling;
mod spill;
mod stop;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_check::Observation;
use kafka_sim_client::{Reader, ReaderConfig};
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::fault::{Schedule, ScheduledFault, Trigger};
use kafka_sim_cluster::invariant::Inspection;
use kafka_sim_cluster::net::NetConfig;
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Topic};
use kafka_sim_core::{ConfigError, Seed, SimTime};

pub use consuming::{ConsumerPlan, OnFailure, Pattern};
pub use plan::{Handling, Marking, ProducerPlan, Spread};
pub use run::Run;
pub(crate) use stop::Watch;
pub use stop::{Stop, Stopped};

use app::App;
pub(crate) use consuming::FIRST_READER;
use consuming::{Desk, Process, Seat};
use home::Home;
use readers::Following;
use world::{Client, World};

/// Topics that brokers keep for themselves, which nobody of the run reads.
const INTERNAL_TOPICS: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// For so many messages there is memory from the beginning.
const RESERVED_AT_MOST: usize = 1024;

/// Virtual time a cluster may take to start.
const START_WITHIN: SimTime = SimTime::from_secs(60);

/// A simulated run to be: what the cluster is, who produces, and what goes wrong.
///
/// ```
/// use kafka_sim::{ProducerPlan, Promise, Seed, Sim, Topic};
///
/// let run = Sim::new(Seed(7))
///     .topic(Topic::named("orders").partitions(3).replicas(3).config("min.insync.replicas", "2"))
///     .producer(ProducerPlan::to("orders").set("acks", "all")?.records(50))
///     .run()?;
/// let verdict = run.check(&[Promise::AckedSurvives, Promise::NoDuplicates]).verdict;
/// assert!(verdict.holds());
/// # Ok::<(), kafka_sim::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sim {
    seed: Seed,
    cluster: ClusterConfig,
    broker_settings: Vec<(String, String)>,
    producers: Vec<ProducerPlan>,
    consumers: Vec<Arc<ConsumerPlan>>,
    schedule: Schedule,
    lasts: Option<Duration>,
    follow_along: bool,
    converge_within: Duration,
}

impl Sim {
    /// Three brokers, no topics, nobody who produces, nothing that goes wrong.
    pub fn new(seed: Seed) -> Sim {
        Sim {
            seed,
            cluster: ClusterConfig {
                keep_events: true,
                keep_rare_events: true,
                ..ClusterConfig::simulated(3)
            },
            broker_settings: Vec::new(),
            producers: Vec::new(),
            consumers: Vec::new(),
            schedule: Schedule::default(),
            lasts: None,
            follow_along: true,
            converge_within: Duration::from_secs(300),
        }
    }

    /// The number of brokers. Forgets racks.
    #[must_use]
    pub fn brokers(mut self, brokers: usize) -> Sim {
        self.cluster.racks = Vec::new();
        if brokers != self.cluster.brokers {
            let fresh = ClusterConfig::simulated(brokers);
            self.cluster.brokers = fresh.brokers;
            self.cluster.listeners = fresh.listeners;
        }
        self
    }

    /// `broker.rack` of each broker in order.
    #[must_use]
    pub fn racks<I: Into<Arc<str>>>(mut self, racks: impl IntoIterator<Item = I>) -> Sim {
        self.cluster.racks = racks.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a key of every broker's `server.properties`. It is checked when the run starts.
    #[must_use]
    pub fn broker_config(mut self, key: impl Into<String>, value: impl Into<String>) -> Sim {
        self.broker_settings.push((key.into(), value.into()));
        self
    }

    /// Adds a topic that exists from the start.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Sim {
        self.cluster.topics.push(topic);
        self
    }

    /// Adds a producing application.
    #[must_use]
    pub fn producer(mut self, plan: ProducerPlan) -> Sim {
        self.producers.push(plan);
        self
    }

    /// Adds consuming applications: the members of a group, or some of them.
    #[must_use]
    pub fn consumer(mut self, plan: ConsumerPlan) -> Sim {
        self.consumers.push(Arc::new(plan));
        self
    }

    /// What goes wrong. Instants count from the start of the workload.
    #[must_use]
    pub fn faults(mut self, schedule: impl Into<Schedule>) -> Sim {
        self.schedule = schedule.into();
        self
    }

    /// How links behave when nothing is wrong.
    #[must_use]
    pub fn network(mut self, network: NetConfig) -> Sim {
        self.cluster.network = network;
        self
    }

    /// How disks behave when nothing is wrong.
    #[must_use]
    pub fn disks(mut self, disk: DiskConfig) -> Sim {
        self.cluster.disk = disk;
        self
    }

    /// How long the safety phase lasts, during which faults strike. Without this it ends a second after the last record
    /// was handed over and the last timed fault was healed.
    #[must_use]
    pub fn lasts(mut self, lasts: Duration) -> Sim {
        self.lasts = Some(lasts);
        self
    }

    /// Whether a reader follows along during the run. It is the one that sees what is later taken back. It is a consumer
    /// without a group and with Java's defaults, except that it asks brokers to wait 10 s for records
    /// (`fetch.max.wait.ms`).
    #[must_use]
    pub fn follow_along(mut self, follow_along: bool) -> Sim {
        self.follow_along = follow_along;
        self
    }

    /// Whether the trace keeps every event, which explanations are made of. On unless switched off; a run without is
    /// faster, has the same hash and meets the same dangers, and its violations come without a story.
    #[must_use]
    pub fn keep_events(mut self, keep: bool) -> Sim {
        self.cluster.keep_events = keep;
        self
    }

    /// How often the cluster's invariants are looked at. What comes of a run does not depend on it.
    #[must_use]
    pub fn inspect(mut self, inspection: Inspection) -> Sim {
        self.cluster.inspection = inspection;
        self
    }

    /// The flaw that the cluster has.
    #[cfg(feature = "mutants")]
    #[must_use]
    pub fn mutant(mut self, mutant: Option<kafka_sim_cluster::mutant::Mutant>) -> Sim {
        self.cluster.mutant = mutant;
        self
    }

    /// Runs it: the cluster starts, faults strike while applications produce and consume, everything is healed, the
    /// cluster converges and groups catch up, and a reader reads every topic from its beginning to its end.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run(self) -> Result<Run, ConfigError> {
        let (mut world, start) = self.begin(SimTime::MAX, |_| false)?;
        world.run_until(start + self.safety_phase(), |_| false);
        Ok(self.heal_and_read(world, start))
    }

    /// A cluster that has started, with clients that are about to and faults that wait for their moment; unless it is
    /// stopped before that.
    fn begin(&self, limit: SimTime, stopped: impl Fn(&World) -> bool) -> Result<(World, SimTime), ConfigError> {
        let mut config = self.cluster.clone();
        for (key, value) in &self.broker_settings {
            config.broker_config.set(key, value)?;
        }
        let listeners = config.listeners.clone();
        let mut world = World::new(Cluster::new(config, self.seed)?, listeners.clone());
        let within = START_WITHIN.min(limit);
        let started = world.run_until(within, |world| world.cluster.is_ready() || stopped(world));
        assert!(
            started || within < START_WITHIN,
            "three healthy brokers and a controller start within {START_WITHIN}"
        );
        let start = world.now;
        if world.cluster.is_ready() {
            self.add_clients(&mut world, &listeners, start)?;
            self.check_hosts(&world)?;
            for topic in world.cluster.compacted_topics().cloned() {
                let at = start.as_nanos();
                world.history.record(Observation::Compacted { at, topic });
            }
            for fault in self.schedule.faults.clone() {
                world.tell(Input::Fault(shifted(fault, start)));
            }
        }
        Ok((world, start))
    }

    /// A fault of an application names one that exists.
    fn check_hosts(&self, world: &World) -> Result<(), ConfigError> {
        let hosts: Vec<&str> = world.applications().collect();
        let mut named = self.schedule.faults.iter().filter_map(|fault| fault.fault.client());
        match named.find(|host| !hosts.contains(host)) {
            Some(host) => Err(ConfigError::Conflict {
                message: format!("a fault strikes client {host}: expected one of {}", hosts.join(", ")),
            }),
            None => Ok(()),
        }
    }

    fn add_clients(&self, world: &mut World, listeners: &[(Arc<str>, u16)], start: SimTime) -> Result<(), ConfigError> {
        let home = Home {
            seed: self.seed,
            listeners: listeners.to_vec(),
            wall_clock: self.cluster.wall_clock,
            disk: self.cluster.disk,
            start,
        };
        let records: usize = self.producers.iter().map(|plan| plan.records as usize).sum();
        world.history.reserve(records.min(RESERVED_AT_MOST));
        for (index, plan) in (0_u32..).zip(&self.producers) {
            let topic = self.cluster.topics.iter().find(|topic| *topic.name == *plan.topic);
            let partitions = topic.map_or(self.cluster.broker_config.num_partitions, |topic| topic.partitions);
            let app = App::new(index, plan.clone(), partitions, home.clone())?;
            world.add(Client::Producer(Box::new(app)), &format!("producer-{index}"));
        }
        if self.follow_along {
            self.add_reader(world, listeners, false);
        }
        self.add_consumers(world, &home)
    }

    /// Each member is a client; members of one group share a desk.
    fn add_consumers(&self, world: &mut World, home: &Home) -> Result<(), ConfigError> {
        let mut groups: Vec<&str> = Vec::new();
        let of = self.consumers.iter().map(|plan| plan.members).sum();
        for (index, plan) in (0_u32..).zip(self.members()) {
            let desk = groups
                .iter()
                .position(|group| *group == &*plan.group)
                .unwrap_or_else(|| {
                    groups.push(&plan.group);
                    world.desks.push(Desk::default());
                    groups.len() - 1
                });
            let process = Process::new(plan.clone(), Seat { index, of }, home.clone())?;
            world.add(Client::Consumer(Box::new(process), desk), &format!("consumer-{index}"));
        }
        Ok(())
    }

    fn add_reader(&self, world: &mut World, listeners: &[(Arc<str>, u16)], final_read: bool) {
        let index = u32::from(final_read);
        // One that follows along waits for records instead of asking twice a second whether there are any.
        let waits = if final_read { "500" } else { "10000" };
        let config = ReaderConfig::java()
            .set("auto.offset.reset", "earliest")
            .and_then(|config| config.set("fetch.max.wait.ms", waits))
            .expect("they are among Kafka's values");
        let reader =
            Reader::new(config, listeners.to_vec(), self.seed, u64::from(index)).expect("the defaults are valid");
        let host = if final_read { "final-reader" } else { "reader" };
        let view = world.cluster.view();
        // Only retention and DeleteRecords move the beginning of a log.
        let log_starts = view.partitions.iter().filter_map(|partition| {
            let start = partition.replicas.iter().map(|replica| replica.log_start).max()?;
            Some(((partition.topic.clone(), partition.partition), start))
        });
        let following = Following::new(index, reader, final_read).knowing(log_starts.collect());
        let client = world.add(Client::Reader(Box::new(following)), host);
        // A reader that comes late finds partitions that were added meanwhile.
        let partitions: Vec<_> = view
            .partitions
            .into_iter()
            .filter(|partition| !INTERNAL_TOPICS.contains(&&*partition.topic))
            .map(|partition| (partition.topic, partition.partition))
            .collect();
        world.begin_reading(client, &partitions);
    }

    /// The plan of each member of all groups, in the order of their numbers.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<ConsumerPlan>> {
        self.consumers
            .iter()
            .flat_map(|plan| (0..plan.members).map(move |_| plan))
    }

    /// Settings of the brokers and of each topic, for explanations.
    pub(crate) fn settings(&self) -> (BTreeMap<String, String>, BTreeMap<String, BTreeMap<String, String>>) {
        let broker = self.broker_settings.iter().cloned().collect();
        let pairs = |topic: &Topic| {
            topic
                .configs
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect()
        };
        (
            broker,
            self.cluster
                .topics
                .iter()
                .map(|topic| (topic.name.to_string(), pairs(topic)))
                .collect(),
        )
    }

    fn safety_phase(&self) -> Duration {
        let last_send = self
            .producers
            .iter()
            .map(ProducerPlan::last_send)
            .chain(self.consumers.iter().map(|plan| plan.last_change()))
            .max()
            .unwrap_or_default();
        let last_fault = self.schedule.faults.iter().map(|fault| match fault.at {
            Trigger::At(at) => at.since_start() + fault.heal_after.unwrap_or_default(),
            Trigger::Nth { .. } => fault.heal_after.unwrap_or_default() + last_send,
        });
        self.lasts
            .unwrap_or_else(|| last_fault.max().unwrap_or_default().max(last_send) + Duration::from_secs(1))
    }
}

fn shifted(fault: ScheduledFault, start: SimTime) -> ScheduledFault {
    let at = match fault.at {
        Trigger::At(at) => Trigger::At(start + at.since_start()),
        mark => mark,
    };
    ScheduledFault { at, ..fault }
}
