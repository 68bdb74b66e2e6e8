//! How many runs searches need: the figures that limits are made of.

use kafka_sim_core::{ConfigError, Seed};

use super::super::steered::{Corpus, GENERATION};
use super::super::{Found, World, parallel};
use super::attempt::Level;
use super::general::General;
use super::{Mutant, Schedules, Trial};

/// Seeds between the ranges of two searches, so that none meets another's.
const APART: u64 = 1 << 32;

/// In which run of one search a claim of each level broke first because of the mutant, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needed {
    /// An invariant.
    pub invariant: Option<u64>,
    /// A promise to users.
    pub judge: Option<u64>,
}

/// A measurement to make.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// The seed of the first search. The others are 2^32 apart.
    pub first_seed: u64,
    /// Searches.
    pub repeats: u64,
    /// Runs after which a search is given up.
    pub most: u64,
    /// Whether a search ends with the first promise to users that breaks, or with whatever breaks first.
    pub until: Level,
    /// On how many threads; the figures do not depend on it.
    pub threads: usize,
}

impl Measurement {
    fn searches(&self) -> Vec<u64> {
        (0..self.repeats)
            .map(|nth| self.first_seed.wrapping_add(nth * APART))
            .collect()
    }

    fn over(&self, needed: Needed) -> bool {
        needed.judge.is_some() || (self.until == Level::Invariant && needed.invariant.is_some())
    }

    /// Searches for a mutant as its trial does, with every schedule drawn anew.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn random(&self, trial: &Trial, schedules: Schedules) -> Result<Vec<Needed>, ConfigError> {
        let search = |first: &u64| {
            let mut needed = Needed::default();
            for run in 1..=self.most {
                let seed = Seed(first.wrapping_add(run - 1));
                let broken = trial.case(schedules, seed).broken_by_mutant(seed)?;
                needed.note(run, broken.into_iter().map(Level::of));
                if self.over(needed) {
                    break;
                }
            }
            Ok(needed)
        };
        parallel::map(&self.searches(), self.threads, search)
            .into_iter()
            .collect()
    }

    /// Searches for a mutant by general schedules that are steered by what runs have met.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn steered(&self, mutant: Mutant) -> Result<Vec<Needed>, ConfigError> {
        let search = |first: &u64| {
            let (mut needed, mut corpus, mut run) = (Needed::default(), Corpus::new(), 0);
            while run < self.most {
                let seeds = (0..GENERATION as u64).map(|nth| Seed(first.wrapping_add(run + nth)));
                let generation: Vec<(Seed, General)> = seeds.map(|seed| corpus.candidate(seed, General::of)).collect();
                for (seed, general) in generation {
                    run += 1;
                    let (broken, met) = general.case(Some(mutant)).met(seed)?;
                    needed.note(run, broken.into_iter().map(Level::of));
                    if self.over(needed) || run == self.most {
                        return Ok(needed);
                    }
                    corpus.take(general, met);
                }
                corpus.settle();
            }
            Ok(needed)
        };
        parallel::map(&self.searches(), self.threads, search)
            .into_iter()
            .collect()
    }

    /// Runs of general worlds without a flaw that break something all the same, of `most` from the first seed on, with
    /// the gravest claim that breaks.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn without_a_flaw(&self) -> Result<Vec<(World, Found)>, ConfigError> {
        let seeds: Vec<Seed> = (0..self.most)
            .map(|nth| Seed(self.first_seed.wrapping_add(nth)))
            .collect();
        let broken = parallel::map(&seeds, self.threads, |seed| {
            let case = General::of(*seed).case(None);
            let broken = case.broken(*seed)?;
            Ok(broken.first().map(|claim| {
                let found = Found {
                    seed: *seed,
                    schedule: case.schedule,
                    claim: *claim,
                };
                (case.world, found)
            }))
        });
        broken.into_iter().filter_map(Result::transpose).collect()
    }
}

impl Needed {
    fn note(&mut self, run: u64, broken: impl Iterator<Item = Level>) {
        for level in broken {
            let first = match level {
                Level::Invariant => &mut self.invariant,
                Level::Judge => &mut self.judge,
            };
            first.get_or_insert(run);
        }
    }

    /// Whatever broke first.
    pub fn any(&self) -> Option<u64> {
        self.invariant.into_iter().chain(self.judge).min()
    }
}
