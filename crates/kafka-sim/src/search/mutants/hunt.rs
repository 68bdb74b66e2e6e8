//! Looking for a mutant.

use std::time::{Duration, Instant};

use kafka_sim_core::{ConfigError, Seed};

use super::super::{Claim, parallel};
use super::attempt::{Case, Level};
use super::{Caught, Schedules, Trial};

/// Seeds that a thread tries before results are put in order.
const SEEDS_PER_THREAD: u64 = 4;

/// A search for a mutant.
#[derive(Clone, Copy, Debug)]
pub struct Hunt {
    /// Where schedules come from.
    pub schedules: Schedules,
    /// The first seed; each run takes the next.
    pub first_seed: u64,
    /// Runs after which the mutant counts as having survived.
    pub most: u64,
    /// Runs in which a promise to users may still break, once an invariant has.
    pub most_judged: u64,
    /// On how many threads. What is found does not depend on it.
    pub threads: usize,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// Runs that were done, up to the last that counts.
    pub runs: u64,
    /// Time that was spent, shrinking included.
    pub took: Duration,
    /// The first proof that each level gave, with the run that gave it, counted from 1.
    pub caught: Vec<(Level, u64, Caught)>,
    /// What failed first and turned out to be no proof.
    pub unproven: Option<Caught>,
}

impl Hunted {
    /// The run after which a level had its proof.
    pub fn runs_until(&self, level: Level) -> Option<u64> {
        let found = self.caught.iter().find(|(of, ..)| *of == level);
        found.map(|(_, run, _)| *run)
    }

    /// What tells most: a broken promise to users if one was found.
    pub fn gravest(&self) -> Option<&Caught> {
        let found = self.caught.iter().max_by_key(|(level, ..)| *level);
        found.map(|(.., caught)| caught).or(self.unproven.as_ref())
    }
}

impl Trial {
    /// Searches for the mutant.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn hunt(&self, hunt: &Hunt) -> Result<Hunted, ConfigError> {
        let began = Instant::now();
        let mut hunted = Hunted {
            runs: 0,
            took: Duration::ZERO,
            caught: Vec::new(),
            unproven: None,
        };
        while hunted.runs < hunted.most(hunt) {
            let count = (hunt.threads.max(1) as u64 * SEEDS_PER_THREAD).min(hunted.most(hunt) - hunted.runs);
            let first = hunt.first_seed.wrapping_add(hunted.runs);
            let some: Vec<Seed> = (0..count).map(|nth| Seed(first.wrapping_add(nth))).collect();
            let broken = parallel::map(&some, hunt.threads, |seed| {
                self.case(hunt.schedules, *seed).broken_by_mutant(*seed)
            });
            for (seed, broken) in some.iter().zip(broken) {
                if hunted.runs < hunted.most(hunt) {
                    hunted.runs += 1;
                    let case = || self.case(hunt.schedules, *seed);
                    hunted.take(*seed, &broken?, case)?;
                }
            }
        }
        hunted.took = began.elapsed();
        Ok(hunted)
    }
}

impl Hunted {
    /// After how many runs it is over, by what was found so far.
    fn most(&self, hunt: &Hunt) -> u64 {
        match self.runs_until(Level::Judge) {
            Some(_) => self.runs,
            None if self.caught.is_empty() => hunt.most,
            None => hunt.most_judged,
        }
    }

    /// Proves what broke in a run, for each level that has no proof yet.
    fn take(&mut self, seed: Seed, broken: &[Claim], case: impl Fn() -> Case) -> Result<(), ConfigError> {
        for level in [Level::Invariant, Level::Judge] {
            let claim = broken.iter().find(|claim| Level::of(**claim) == level);
            let Some(claim) = claim.filter(|_| self.runs_until(level).is_none()) else {
                continue;
            };
            let caught = Caught::of(&case(), seed, *claim)?;
            if caught.is_proof() {
                self.caught.push((level, self.runs, caught));
            } else {
                self.unproven.get_or_insert(caught);
            }
        }
        Ok(())
    }
}
