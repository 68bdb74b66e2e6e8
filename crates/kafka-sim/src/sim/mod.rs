//! A closed world in virtual time: a cluster, producing applications, readers and a schedule of faults.

mod app;
mod plan;
mod readers;
mod run;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_client::{Producer, Reader, ReaderConfig};
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::fault::{Schedule, ScheduledFault, Trigger};
use kafka_sim_cluster::invariant::Inspection;
use kafka_sim_cluster::net::NetConfig;
use kafka_sim_cluster::{Cluster, ClusterConfig, Input, Topic};
use kafka_sim_core::{ConfigError, Seed, SimTime};

pub use plan::{Handling, ProducerPlan, Spread};
pub use run::Run;

use app::App;
use readers::Following;
use world::{Client, World};

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
                ..ClusterConfig::simulated(3)
            },
            broker_settings: Vec::new(),
            producers: Vec::new(),
            schedule: Schedule::default(),
            lasts: None,
            follow_along: true,
            converge_within: Duration::from_secs(300),
        }
    }

    /// The number of brokers. Forgets racks.
    #[must_use]
    pub fn brokers(mut self, brokers: usize) -> Sim {
        let fresh = ClusterConfig::simulated(brokers);
        self.cluster = ClusterConfig {
            brokers: fresh.brokers,
            listeners: fresh.listeners,
            racks: Vec::new(),
            ..self.cluster
        };
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

    /// Whether a reader follows along during the run. It is the one that sees what is later taken back.
    #[must_use]
    pub fn follow_along(mut self, follow_along: bool) -> Sim {
        self.follow_along = follow_along;
        self
    }

    /// Whether the trace keeps every event, which explanations are made of. On unless switched off.
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

    /// Runs it: the cluster starts, faults strike while applications produce, everything is healed, the cluster
    /// converges, and a reader reads every topic from its beginning to its end.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run(self) -> Result<Run, ConfigError> {
        let mut config = self.cluster.clone();
        for (key, value) in &self.broker_settings {
            config.broker_config.set(key, value)?;
        }
        let listeners = config.listeners.clone();
        let mut world = World::new(Cluster::new(config, self.seed)?, listeners.clone());
        let started = world.run_until(START_WITHIN, |world| world.cluster.is_ready());
        assert!(
            started,
            "three healthy brokers and a controller start within {START_WITHIN}"
        );
        let start = world.now;
        self.add_clients(&mut world, &listeners, start)?;
        for fault in self.schedule.faults.clone() {
            world.tell(Input::Fault(shifted(fault, start)));
        }
        world.run_until(start + self.safety_phase(), |_| false);
        Ok(self.heal_and_read(world, start, &listeners))
    }

    fn add_clients(&self, world: &mut World, listeners: &[(Arc<str>, u16)], start: SimTime) -> Result<(), ConfigError> {
        let wall_clock = self.cluster.wall_clock;
        for (index, plan) in (0_u32..).zip(&self.producers) {
            let producer = Producer::new(plan.config.clone(), listeners.to_vec(), self.seed, u64::from(index))?
                .with_wall_clock(wall_clock);
            let topic = self.cluster.topics.iter().find(|topic| *topic.name == *plan.topic);
            let partitions = topic.map_or(self.cluster.broker_config.num_partitions, |topic| topic.partitions);
            let app = App::new(index, plan.clone(), partitions, start, producer);
            world.add(Client::Producer(Box::new(app)), &format!("producer-{index}"));
        }
        if self.follow_along {
            self.add_reader(world, listeners, false);
        }
        Ok(())
    }

    fn add_reader(&self, world: &mut World, listeners: &[(Arc<str>, u16)], final_read: bool) {
        let index = u32::from(final_read);
        let config = ReaderConfig::java()
            .set("auto.offset.reset", "earliest")
            .expect("it is one of Kafka's values");
        let reader =
            Reader::new(config, listeners.to_vec(), self.seed, u64::from(index)).expect("the defaults are valid");
        let host = if final_read { "final-reader" } else { "reader" };
        let client = world.add(
            Client::Reader(Box::new(Following::new(index, reader, final_read))),
            host,
        );
        // A reader that comes late finds partitions that were added meanwhile.
        let view = world.cluster.view();
        let partitions: Vec<_> = view
            .partitions
            .into_iter()
            .map(|partition| (partition.topic, partition.partition))
            .collect();
        world.begin_reading(client, &partitions);
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
            .max()
            .unwrap_or_default();
        let last_fault = self.schedule.faults.iter().map(|fault| match fault.at {
            Trigger::At(at) => at.since_start() + fault.heal_after.unwrap_or_default(),
            Trigger::Nth { .. } => fault.heal_after.unwrap_or_default() + last_send,
        });
        self.lasts
            .unwrap_or_else(|| last_fault.max().unwrap_or_default().max(last_send) + Duration::from_secs(1))
    }

    /// The liveness phase.
    fn heal_and_read(&self, mut world: World, start: SimTime, listeners: &[(Arc<str>, u16)]) -> Run {
        let healed_at = world.now;
        world.tell(Input::HealAll);
        let limit = world.now + self.converge_within;
        let settled = world.run_until(limit, |world| {
            world.clients.iter().all(Client::is_settled) && world.cluster.is_converged()
        });
        self.add_reader(&mut world, listeners, true);
        let reader = world.clients.len() - 1;
        let limit = world.now + self.converge_within;
        let read = world.run_until(
            limit,
            |world| matches!(&world.clients[reader], Client::Reader(reader) if reader.is_done()),
        );
        Run::new(self, world, start, healed_at, settled && read)
    }
}

impl Client {
    fn is_settled(&self) -> bool {
        match self {
            Client::Producer(app) => app.is_done(),
            Client::Reader(_) => true,
        }
    }
}

fn shifted(fault: ScheduledFault, start: SimTime) -> ScheduledFault {
    let at = match fault.at {
        Trigger::At(at) => Trigger::At(start + at.since_start()),
        mark => mark,
    };
    ScheduledFault { at, ..fault }
}
