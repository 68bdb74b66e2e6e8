//! What was reached so far, and what to try next.

use std::collections::BTreeMap;

use kafka_sim_core::{Seed, SimRng};

use super::super::coverage::Coverage;
use super::Genome;

/// Runs that are kept; the one with the least energy makes room.
const KEPT: usize = 256;
/// Of that many runs one is new instead of made from a kept one.
const ONE_IN: u32 = 3;
/// A kept run is chosen as the best of so many.
const TOURNAMENT: usize = 4;
/// Energy of a feature that no other run has.
const RARE: u64 = 1 << 20;

/// A run that reached something new.
#[derive(Clone, Debug)]
struct Kept<G> {
    genome: G,
    met: Coverage,
    /// How often it was changed further.
    used: u64,
    /// How rare what it reached is, as of the last generation.
    energy: u64,
}

/// What was reached so far.
#[derive(Debug)]
pub(in crate::search) struct Corpus<G> {
    /// In how many runs each feature was met.
    hits: BTreeMap<u64, u64>,
    kept: Vec<Kept<G>>,
}

impl<G: Genome> Corpus<G> {
    pub(in crate::search) fn new() -> Corpus<G> {
        Corpus {
            hits: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    /// How many features were met.
    pub(in crate::search) fn features(&self) -> u64 {
        self.hits.len() as u64
    }

    /// What to run under a seed: something new, or a kept run changed further. A kept run does not keep its seed, which
    /// was tried and found no more.
    pub(in crate::search) fn candidate(&mut self, seed: Seed, fresh: impl Fn(Seed) -> G) -> (Seed, G) {
        let rng = &mut seed.stream("search-steering", 0);
        if self.kept.is_empty() || rng.chance(1, ONE_IN) {
            return (seed, fresh(seed));
        }
        let parent = self.choose(rng);
        self.kept[parent].used += 1;
        let mut child = self.kept[parent].genome.clone();
        if rng.chance(1, 4) {
            let other = self.choose(rng);
            child.mix(&self.kept[other].genome, rng);
        }
        for _ in 0..1 << rng.below(4) {
            child.change(rng);
        }
        (seed, child)
    }

    /// The one with the most energy for each time it was used, of a few.
    fn choose(&self, rng: &mut SimRng) -> usize {
        let some = (0..TOURNAMENT).map(|_| rng.index(self.kept.len()));
        let worth = |index: &usize| self.kept[*index].energy / (1 + self.kept[*index].used);
        some.max_by_key(worth).unwrap_or_default()
    }

    /// Takes in what a run has met.
    pub(in crate::search) fn take(&mut self, genome: G, met: Coverage) {
        let mut new = false;
        for feature in met.features() {
            let hits = self.hits.entry(*feature).or_default();
            new |= *hits == 0;
            *hits += 1;
        }
        if new {
            self.kept.push(Kept {
                genome,
                met,
                used: 0,
                energy: 0,
            });
        }
    }

    /// Looks anew at how rare things are. To be called after every generation.
    pub(in crate::search) fn settle(&mut self) {
        for kept in &mut self.kept {
            let rarity = |feature: &u64| RARE / self.hits.get(feature).copied().unwrap_or(1).pow(2);
            kept.energy = kept.met.features().map(rarity).sum();
        }
        if self.kept.len() > KEPT {
            self.kept
                .sort_by_key(|kept| std::cmp::Reverse(kept.energy / (1 + kept.used)));
            self.kept.truncate(KEPT);
        }
    }
}
