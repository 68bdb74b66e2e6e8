//! Trying seeds.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_sim_check::Dangers;
use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};

use super::{Budget, Claim, Outcome, Seeds, World, parallel, schedule};

/// Runs that a thread does before results are put in order. Memory holds no more than these.
const RUNS_PER_THREAD: usize = 32;
/// Failures that are remembered one by one; the others are only counted.
const REMEMBERED: usize = 20;

/// A search to do.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where faults strike.
    pub world: World,
    /// Which faults.
    pub budget: Budget,
    /// Which seeds.
    pub seeds: Seeds,
    /// On how many threads; what is found does not depend on it.
    pub threads: usize,
    /// Whether to go on after the first failing seed.
    pub keep_going: bool,
}

/// The run of one seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// The seed.
    pub seed: Seed,
    /// What came of it.
    pub outcome: Outcome,
}

/// A seed whose run broke a claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The seed.
    pub seed: Seed,
    /// The faults it was made of.
    pub schedule: Schedule,
    /// The gravest claim that broke.
    pub claim: Claim,
}

/// What a search came to. It counts the seeds in order, up to the first that fails unless the search was to keep
/// going.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Runs that count.
    pub runs: u64,
    /// Runs among them that broke a claim.
    pub failures: u64,
    /// Runs among them in which something endangered the data.
    pub endangered: u64,
    /// Virtual time of the runs that count.
    pub virtual_time: Duration,
    /// What threatened the data, summed over the runs.
    pub dangers: BTreeMap<&'static str, u64>,
    /// The first failing seeds, 20 at the most.
    pub found: Vec<Found>,
    /// Features of runs that were met, if the search was steered by them.
    pub combinations: u64,
    /// Runs that were done, the ones after the first failing seed included. The only number that depends on threads.
    pub done: u64,
    /// Virtual time of the runs that were done.
    pub done_virtual_time: Duration,
}

impl Search {
    /// Tries the seeds. `seen` is called after each run, in no particular order, by several threads.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run(&self, seen: &(dyn Fn(&Trial) + Sync)) -> Result<Tally, ConfigError> {
        let mut tally = Tally::default();
        let mut seeds = self.seeds.iter();
        loop {
            let some: Vec<Seed> = seeds.by_ref().take(self.threads.max(1) * RUNS_PER_THREAD).collect();
            if some.is_empty() {
                return Ok(tally);
            }
            let trials = parallel::map(&some, self.threads, |seed| {
                let trial = self.try_one(*seed);
                if let Ok(trial) = &trial {
                    seen(trial);
                }
                trial
            });
            let trials = trials.into_iter().collect::<Result<Vec<Trial>, ConfigError>>()?;
            tally.done += trials.len() as u64;
            tally.done_virtual_time += trials.iter().map(|trial| trial.outcome.virtual_time).sum();
            for trial in trials {
                let seed = trial.seed;
                tally.count(trial, |claim| Found {
                    seed,
                    schedule: schedule(seed, self.budget, &self.world),
                    claim,
                });
                if tally.failures > 0 && !self.keep_going {
                    return Ok(tally);
                }
            }
        }
    }

    fn try_one(&self, seed: Seed) -> Result<Trial, ConfigError> {
        let schedule = schedule(seed, self.budget, &self.world);
        let outcome = self.world.outcome(seed, &schedule)?;
        Ok(Trial { seed, outcome })
    }
}

impl Tally {
    /// Counts a run. `found` tells what to remember of one that broke the claim.
    pub(super) fn count(&mut self, trial: Trial, found: impl FnOnce(Claim) -> Found) {
        let Trial { outcome, .. } = trial;
        self.runs += 1;
        self.virtual_time += outcome.virtual_time;
        self.endangered += u64::from(!outcome.dangers.is_vacuous());
        for (name, count) in named(&outcome.dangers) {
            *self.dangers.entry(name).or_default() += count;
        }
        let Some(claim) = outcome.broken.first().copied() else {
            return;
        };
        self.failures += 1;
        if self.found.len() < REMEMBERED {
            self.found.push(found(claim));
        }
    }
}

pub(super) fn named(dangers: &Dangers) -> [(&'static str, u64); 19] {
    let Dangers {
        acked_during_fault,
        leader_changes,
        unclean_elections,
        truncations,
        isr_shrinks,
        responses_dropped,
        requests_dropped,
        topics_deleted,
        unsynced_bytes_lost,
        power_losses,
        kills,
        pauses,
        link_faults,
        disk_faults,
        handovers,
        redeliveries,
        commits_failed,
        cut_short,
        consumers_died,
    } = *dangers;
    [
        ("acked_during_fault", acked_during_fault),
        ("leader_changes", leader_changes),
        ("unclean_elections", unclean_elections),
        ("truncations", truncations),
        ("isr_shrinks", isr_shrinks),
        ("responses_dropped", responses_dropped),
        ("requests_dropped", requests_dropped),
        ("topics_deleted", topics_deleted),
        ("unsynced_bytes_lost", unsynced_bytes_lost),
        ("power_losses", power_losses),
        ("kills", kills),
        ("pauses", pauses),
        ("link_faults", link_faults),
        ("disk_faults", disk_faults),
        ("handovers", handovers),
        ("redeliveries", redeliveries),
        ("commits_failed", commits_failed),
        ("cut_short", cut_short),
        ("consumers_died", consumers_died),
    ]
}
