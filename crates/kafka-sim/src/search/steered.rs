//! Search steered by what runs have met: schedules that reach something new are changed further (greybox search).
//!
//! Runs come in generations of fixed size. A generation is made from what earlier ones have found, is run on any number
//! of threads, and is taken in in the order of its seeds, so that the result does not depend on threads.

use kafka_sim_cluster::fault::ScheduleDraft;
use kafka_sim_core::{ConfigError, Seed, SimRng};

use super::coverage::Coverage;
use super::generate::{NETWORK, draft, fault, number};
use super::hunt::{Search, Tally, Trial};
use super::{Found, parallel};

/// Runs of a generation.
const GENERATION: usize = 32;
/// Schedules that are kept; the one that was changed most often makes room.
const KEPT: usize = 256;

/// A schedule that reached something new.
#[derive(Clone, Debug)]
struct Kept {
    draft: ScheduleDraft,
    /// How often it was changed further.
    used: u32,
}

/// What was reached so far.
#[derive(Debug, Default)]
struct Corpus {
    seen: Coverage,
    kept: Vec<Kept>,
}

impl Search {
    /// Tries the seeds, each with a schedule that is new or made from one that has reached something new. `seen` is
    /// called after each run, in no particular order, by several threads.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run_steered(&self, seen: &(dyn Fn(&Trial) + Sync)) -> Result<Tally, ConfigError> {
        let mut tally = Tally::default();
        let mut corpus = Corpus::default();
        let mut seeds = self.seeds.iter();
        loop {
            let candidates: Vec<(Seed, ScheduleDraft)> = { seeds.by_ref().take(GENERATION) }
                .map(|seed| (seed, corpus.candidate(seed, self)))
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
                corpus.take(draft, &coverage);
                tally.combinations = corpus.seen.len() as u64;
                if tally.failures > 0 && !self.keep_going {
                    return Ok(tally);
                }
            }
        }
    }
}

impl Corpus {
    /// The schedule to try next: every fourth is new, the others are made from kept ones.
    fn candidate(&mut self, seed: Seed, search: &Search) -> ScheduleDraft {
        let rng = &mut seed.stream("search-steering", 0);
        if self.kept.is_empty() || rng.chance(1, 4) {
            return draft(seed, search.budget);
        }
        // Of two, the one that was used less.
        let (a, b) = (rng.index(self.kept.len()), rng.index(self.kept.len()));
        let parent = if self.kept[a].used <= self.kept[b].used { a } else { b };
        self.kept[parent].used += 1;
        let mut child = self.kept[parent].draft.clone();
        for _ in 0..rng.between(1, 3) {
            let other = rng.index(self.kept.len());
            mutate(&mut child, &self.kept[other].draft, rng);
        }
        child
    }

    fn take(&mut self, draft: ScheduleDraft, coverage: &Coverage) {
        if self.seen.add(coverage) == 0 {
            return;
        }
        if self.kept.len() == KEPT {
            let most = (0..KEPT).max_by_key(|index| self.kept[*index].used).unwrap_or_default();
            self.kept.remove(most);
        }
        self.kept.push(Kept { draft, used: 0 });
    }
}

/// One change: another instant, kind, role or trigger of a fault, a fault more or less, or a part of another schedule.
fn mutate(draft: &mut ScheduleDraft, other: &ScheduleDraft, rng: &mut SimRng) {
    match rng.below(8) {
        0..=3 => change_one(draft, rng),
        4 => add_or_remove_broker_fault(draft, rng),
        5 if !draft.network.is_empty() && rng.chance(1, 2) => {
            draft.network.remove(rng.index(draft.network.len()));
        }
        5 => draft.network.push(fault(rng)),
        6 => splice(draft, other, rng),
        _ if rng.chance(1, 2) => draft.broker_kinds = number(rng),
        _ => draft.network_kinds = number(rng),
    }
    draft.network.truncate(usize::try_from(NETWORK).expect("it is small"));
}

fn change_one(draft: &mut ScheduleDraft, rng: &mut SimRng) {
    let faults: Vec<_> = draft.brokers.iter_mut().flatten().chain(&mut draft.network).collect();
    let count = faults.len();
    let Some(fault) = (count > 0)
        .then(|| rng.index(count))
        .and_then(|at| faults.into_iter().nth(at))
    else {
        return;
    };
    let numbers = [
        &mut fault.at,
        &mut fault.lasts,
        &mut fault.kind,
        &mut fault.target,
        &mut fault.broker,
        &mut fault.partition,
        &mut fault.survivors,
        &mut fault.trigger,
        &mut fault.count,
    ];
    let which = rng.index(numbers.len());
    for (index, changed) in numbers.into_iter().enumerate() {
        if index == which {
            // A little earlier or later, a neighbouring kind or role; or anything else.
            let step = number(rng) >> rng.between(4, 10);
            *changed = match rng.below(3) {
                0 => number(rng),
                1 => changed.saturating_add(step),
                _ => changed.saturating_sub(step),
            };
        }
    }
}

fn add_or_remove_broker_fault(draft: &mut ScheduleDraft, rng: &mut SimRng) {
    if draft.brokers.is_empty() {
        return;
    }
    let at = rng.index(draft.brokers.len());
    draft.brokers[at] = match draft.brokers[at] {
        Some(_) if rng.chance(1, 2) => None,
        _ => Some(fault(rng)),
    };
}

/// Every fault comes from one schedule or the other.
fn splice(draft: &mut ScheduleDraft, other: &ScheduleDraft, rng: &mut SimRng) {
    for (mine, others) in draft.brokers.iter_mut().zip(&other.brokers) {
        if rng.chance(1, 2) {
            *mine = *others;
        }
    }
    let mut pool = std::mem::take(&mut draft.network);
    pool.extend(&other.network);
    draft.network = pool.into_iter().filter(|_| rng.chance(1, 2)).collect();
    draft.broker_kinds |= other.broker_kinds;
    draft.network_kinds |= other.network_kinds;
}
