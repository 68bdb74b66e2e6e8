//! Looking for a mutant.

use std::time::{Duration, Instant};

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};

use super::super::shrink::shrink_while;
use super::super::{Claim, World, parallel};
use super::Trial;

/// Seeds that a thread tries before results are put in order.
const SEEDS_PER_THREAD: u64 = 4;
/// Faults that a planted flaw may take when it is shrunk.
pub(super) const MOST_FAULTS: usize = 3;

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// Seeds that were tried, up to the one that failed.
    pub seeds: u64,
    /// Time that was spent, shrinking included.
    pub took: Duration,
    /// The first failure that is a proof; if none was, the first of all.
    pub caught: Option<Caught>,
}

/// A run that the mutant fails and the cluster without it does not.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The seed.
    pub seed: Seed,
    /// The claim that breaks.
    pub claim: Claim,
    /// Faults before shrinking.
    pub faults_found: usize,
    /// The world after shrinking.
    pub world: World,
    /// The faults that it takes.
    pub schedule: Schedule,
    /// What happened, in sentences.
    pub story: Vec<String>,
    /// The schedule was written down, read again, and did the same to the letter.
    pub reproduces: bool,
    /// The same run without the mutant breaks nothing.
    pub unmutated_survives: bool,
}

impl Caught {
    /// It takes few faults, can be repeated, and is the mutant's doing.
    pub fn is_proof(&self) -> bool {
        self.schedule.faults.len() <= MOST_FAULTS && self.reproduces && self.unmutated_survives
    }
}

impl Trial {
    /// Tries at most `seeds` seeds on that many threads. What is found does not depend on the threads.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn hunt(&self, seeds: u64, threads: usize) -> Result<Hunted, ConfigError> {
        let began = Instant::now();
        let world = self.world();
        let (mut tried, mut second_best) = (0, None);
        while tried < seeds {
            let count = (threads.max(1) as u64 * SEEDS_PER_THREAD).min(seeds - tried);
            let some: Vec<Seed> = (tried..tried + count).map(Seed).collect();
            let broken = parallel::map(&some, threads, |seed| self.broken_by(&world, *seed));
            for (seed, claim) in some.iter().zip(broken) {
                tried += 1;
                if let Some(claim) = claim? {
                    let caught = self.caught(&world, *seed, claim)?;
                    if !caught.is_proof() {
                        second_best.get_or_insert(caught);
                        continue;
                    }
                    return Ok(Hunted {
                        seeds: tried,
                        took: began.elapsed(),
                        caught: Some(caught),
                    });
                }
            }
        }
        Ok(Hunted {
            seeds: tried,
            took: began.elapsed(),
            caught: second_best,
        })
    }

    /// The gravest claim that breaks under a seed because of the mutant.
    fn broken_by(&self, world: &World, seed: Seed) -> Result<Option<Claim>, ConfigError> {
        let schedule = self.weather.schedule(seed, world);
        let broken = self.broken(world, seed, &schedule)?;
        match broken.first() {
            Some(claim) if self.broken(&unmutated(world), seed, &schedule)?.is_empty() => Ok(Some(*claim)),
            _ => Ok(None),
        }
    }

    fn broken(&self, world: &World, seed: Seed, schedule: &Schedule) -> Result<Vec<Claim>, ConfigError> {
        let mut broken = world.outcome(seed, schedule)?.broken;
        broken.retain(|claim| self.claims.contains(claim));
        Ok(broken)
    }

    fn caught(&self, world: &World, seed: Seed, claim: Claim) -> Result<Caught, ConfigError> {
        let schedule = self.weather.schedule(seed, world);
        let fails = |world: &World, schedule: &Schedule| {
            let breaks = self
                .broken(world, seed, schedule)
                .is_ok_and(|broken| broken.contains(&claim));
            breaks
                && self
                    .broken(&unmutated(world), seed, schedule)
                    .is_ok_and(|broken| broken.is_empty())
        };
        let shrunk = shrink_while(world, &schedule, &fails);
        let (run, report) = shrunk.world.run(seed, &shrunk.schedule)?;
        let written = serde_json::to_string(&shrunk.schedule).expect("schedules can be written");
        let read: Schedule = serde_json::from_str(&written).expect("what was written can be read");
        let again = shrunk.world.outcome(seed, &read)?;
        let told = report
            .explanations
            .iter()
            .find(|told| claim.promise() == Some(told.violation.promise()));
        Ok(Caught {
            seed,
            claim,
            faults_found: schedule.faults.len(),
            story: match told {
                Some(told) => std::iter::once(told.violation.to_string())
                    .chain(told.story.clone())
                    .collect(),
                None => run.breaches.iter().map(ToString::to_string).collect(),
            },
            reproduces: again.trace_hash == run.trace_hash && again.broken.contains(&claim),
            unmutated_survives: self.broken(&unmutated(&shrunk.world), seed, &read)?.is_empty(),
            world: shrunk.world,
            schedule: shrunk.schedule,
        })
    }
}

fn unmutated(world: &World) -> World {
    World {
        mutant: None,
        ..world.clone()
    }
}
