//! Search steered by what runs have met: schedules that reach something new are changed further (greybox search).
//!
//! Runs come in generations of fixed size. A generation is made from what earlier ones have found, is run on any number
//! of threads, and is taken in in the order of its seeds, so that the result does not depend on threads.

mod corpus;
pub(super) mod genome;

use kafka_sim_cluster::fault::ScheduleDraft;
use kafka_sim_core::{ConfigError, Seed};

use super::coverage::Coverage;
use super::generate::draft;
use super::hunt::{Search, Tally, Trial};
use super::{Found, parallel};
pub(super) use corpus::Corpus;
pub(super) use genome::Genome;

/// Runs of a generation.
pub(super) const GENERATION: usize = 32;

impl Search {
    /// Tries the seeds, each with a schedule that is new or made from one that has reached something new. `seen` is
    /// called after each run, in no particular order, by several threads.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run_steered(&self, seen: &(dyn Fn(&Trial) + Sync)) -> Result<Tally, ConfigError> {
        let mut tally = Tally::default();
        let mut corpus = Corpus::new();
        let mut seeds = self.seeds.iter();
        loop {
            let candidates: Vec<(Seed, ScheduleDraft)> = { seeds.by_ref().take(GENERATION) }
                .map(|seed| corpus.candidate(seed, |seed| draft(seed, self.budget)))
                .collect();
            if candidates.is_empty() {
                return Ok(tally);
            }
            let trials = parallel::map(&candidates, self.threads, |(seed, draft)| {
                let schedule = self.budget.schedule(draft, &self.world);
                let (run, outcome) = self.world.judged(*seed, &schedule)?;
                let trial = Trial { seed: *seed, outcome };
                seen(&trial);
                Ok((trial, Coverage::of(&run)))
            });
            let trials = trials.into_iter().collect::<Result<Vec<_>, ConfigError>>()?;
            tally.done += trials.len() as u64;
            tally.done_virtual_time += trials.iter().map(|(trial, _)| trial.outcome.virtual_time).sum();
            for ((trial, coverage), (seed, draft)) in trials.into_iter().zip(candidates) {
                let schedule = || self.budget.schedule(&draft, &self.world);
                tally.count(trial, |claim| Found {
                    seed,
                    schedule: schedule(),
                    claim,
                });
                corpus.take(draft, coverage);
                tally.combinations = corpus.features();
                if tally.failures > 0 && !self.keep_going {
                    return Ok(tally);
                }
            }
            corpus.settle();
        }
    }
}
