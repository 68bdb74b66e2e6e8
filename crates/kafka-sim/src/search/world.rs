//! The world whose runs are searched.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kafka_sim_check::{Dangers, Report};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::Schedule;
use kafka_sim_cluster::invariant::{Breach, Inspection, Invariant};
use kafka_sim_core::{ConfigError, Seed};
use serde::{Deserialize, Serialize};

use super::{Claim, Consumers, Settings};
use crate::sim::{ProducerPlan, Run, Sim, Spread};

/// The topic of the searched world.
pub const TOPIC: &str = "orders";

/// Different keys, where messages have some.
pub(super) const KEYS: u32 = 12;

fn orders() -> String {
    TOPIC.to_owned()
}

/// A cluster with one topic and one producing application.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Name of the topic.
    #[serde(default = "orders")]
    pub topic: String,
    /// Number of brokers.
    pub brokers: usize,
    /// Partitions of the topic.
    pub partitions: i32,
    /// Replicas of each partition.
    pub replicas: i16,
    /// Messages sent, to each partition in turn.
    pub records: u32,
    /// Milliseconds between two messages.
    pub every_ms: u64,
    /// Who consumes, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<Consumers>,
    /// What is set.
    pub settings: Settings,
    /// The flaw that the cluster has. No file knows it.
    #[cfg(feature = "mutants")]
    #[serde(skip)]
    pub mutant: Option<kafka_sim_cluster::mutant::Mutant>,
}

/// What came of a run, in short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The claims that turned out false, the gravest first.
    pub broken: Vec<Claim>,
    /// What threatened the data.
    pub dangers: Dangers,
    /// Equal for equal runs.
    pub trace_hash: u64,
    /// Virtual time from the start of the cluster to the end of the final read.
    pub virtual_time: Duration,
}

impl World {
    /// Three brokers, three partitions of three replicas, 200 messages over 66 s, under these settings.
    pub fn with(settings: Settings) -> World {
        World {
            topic: TOPIC.to_owned(),
            consumers: None,
            brokers: 3,
            partitions: 3,
            replicas: 3,
            records: 200,
            every_ms: 330,
            settings,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// The hosts of its applications, as faults name them.
    pub(super) fn hosts(&self) -> impl Iterator<Item = String> {
        let consumers = self.consumers.iter().flat_map(Consumers::hosts);
        std::iter::once("producer-0".to_owned()).chain(consumers)
    }

    /// Whether a run can be made of it. What a file says may be anything.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let possible = (1..=100).contains(&self.brokers) && (1..=1_000).contains(&self.partitions);
        if !possible || self.replicas < 1 || usize::from(self.replicas.unsigned_abs()) > self.brokers {
            return Err(ConfigError::Conflict {
                message: format!(
                    "{} brokers, {} partitions and {} replicas make no cluster: expected 1 to 100 brokers, 1 to 1000 \
                     partitions, and from one replica to one on each broker",
                    self.brokers, self.partitions, self.replicas
                ),
            });
        }
        self.sim(Seed(0), &Schedule::default()).map(|_| ())
    }

    /// Messages have keys, as it takes to tell their order in a group.
    pub(super) fn has_keys(&self) -> bool {
        self.consumers.as_ref().is_some_and(|consumers| consumers.every_promise)
    }

    /// The run of one seed under these faults.
    ///
    /// # Errors
    /// A producer setting that no client can run with.
    pub fn sim(&self, seed: Seed, schedule: &Schedule) -> Result<Sim, ConfigError> {
        let mut plan = ProducerPlan::to(self.topic.as_str())
            .records(self.records)
            .every(Duration::from_millis(self.every_ms));
        for (key, value) in &self.settings.producer {
            plan = plan.set(key, value)?;
        }
        if self.has_keys() {
            plan = plan.spread(Spread::Keyed(KEYS));
        }
        let mut topic = Topic::named(self.topic.as_str())
            .partitions(self.partitions)
            .replicas(self.replicas);
        for (key, value) in &self.settings.topic {
            topic = topic.config(key.as_str(), value.as_str());
        }
        let mut sim = Sim::new(seed).brokers(self.brokers);
        for (key, value) in &self.settings.broker {
            sim = sim.broker_config(key, value);
        }
        // What a coordinator has lost it soon knows again: from the next commit on.
        if self.has_keys() {
            sim = sim.inspect(Inspection::EveryTurn);
        }
        #[cfg(feature = "mutants")]
        let sim = sim.mutant(self.mutant).inspect(Inspection::EveryTurn);
        let sim = sim.topic(topic).producer(plan).faults(schedule.clone());
        Ok(match &self.consumers {
            Some(consumers) => sim.consumer(consumers.plan(&self.topic, &self.settings.consumer)?),
            None => sim,
        })
    }

    /// Runs and judges.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run(&self, seed: Seed, schedule: &Schedule) -> Result<(Run, Report), ConfigError> {
        let run = self.sim(seed, schedule)?.run()?;
        let report = run.check(&Claim::promises_of(self));
        Ok((run, report))
    }

    /// Runs, judges, and forgets everything but the outcome.
    ///
    /// # Errors
    /// As [`World::run`].
    ///
    /// # Panics
    /// If the run does, after naming its seed and schedule: a search that only said that some run had panicked would
    /// be of no use.
    pub fn outcome(&self, seed: Seed, schedule: &Schedule) -> Result<Outcome, ConfigError> {
        self.judged(seed, schedule).map(|(_, outcome)| outcome)
    }

    /// Like [`World::outcome`], with the run, of which only rare events are kept.
    pub(super) fn judged(&self, seed: Seed, schedule: &Schedule) -> Result<(Run, Outcome), ConfigError> {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let run = self.sim(seed, schedule)?.keep_events(false).run()?;
            let verdict = run.verdict(&Claim::promises_of(self));
            Ok((run, verdict))
        }));
        let Ok(ran) = ran else {
            panic!("the run of seed {seed} panicked under {}", schedule.to_rust());
        };
        let (run, verdict) = ran?;
        let broken = Claim::ALL.into_iter().filter(|claim| match claim.promise() {
            Some(promise) => verdict.violations_of(promise).next().is_some(),
            None if *claim == Claim::InvariantsHold => !run.breaches.is_empty(),
            None if *claim == Claim::AckedCommitsStay => {
                let lost = |breach: &Breach| breach.invariant == Invariant::AckedCommitsStay;
                claim.is_of(self) && run.breaches.iter().chain(&run.excused).any(lost)
            }
            // What was not read to its end cannot be judged, and counts as not at rest.
            None => !run.converged || (!verdict.holds() && verdict.violations().is_empty()),
        });
        let outcome = Outcome {
            broken: broken.collect(),
            dangers: verdict.dangers(),
            trace_hash: run.trace_hash,
            virtual_time: run.ended_at.since_start(),
        };
        Ok((run, outcome))
    }
}
