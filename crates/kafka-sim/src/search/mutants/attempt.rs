//! One run of a mutant, and what of it is the mutant's doing.

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};

use super::super::coverage::Coverage;
use super::super::{Claim, World};

/// A run to do, and what it is held to.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) world: World,
    pub(super) schedule: Schedule,
    pub(super) claims: Vec<Claim>,
}

/// Who notices that something is wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// An invariant of replication, looked at from above. Clients may have seen nothing yet.
    Invariant,
    /// A promise to users, judged by what clients saw.
    Judge,
}

impl Level {
    pub(super) fn of(claim: Claim) -> Level {
        match claim {
            Claim::InvariantsHold => Level::Invariant,
            _ => Level::Judge,
        }
    }
}

impl Case {
    /// The claims that break because of the mutant, the gravest first: none if the same run breaks any without it.
    pub(super) fn broken_by_mutant(&self, seed: Seed) -> Result<Vec<Claim>, ConfigError> {
        let broken = self.broken(seed)?;
        self.if_unmutated_survives(seed, broken)
    }

    /// The same, with what the run of the mutant has met.
    pub(super) fn met(&self, seed: Seed) -> Result<(Vec<Claim>, Coverage), ConfigError> {
        let (run, outcome) = self.world.judged(seed, &self.schedule)?;
        let broken = self.of_claims(outcome.broken);
        Ok((self.if_unmutated_survives(seed, broken)?, Coverage::of(&run)))
    }

    /// What breaks, whosever doing it is.
    pub(super) fn broken(&self, seed: Seed) -> Result<Vec<Claim>, ConfigError> {
        let outcome = self.world.outcome(seed, &self.schedule)?;
        Ok(self.of_claims(outcome.broken))
    }

    /// The same run in a cluster without a flaw.
    pub(super) fn unmutated(&self) -> Case {
        Case {
            world: World {
                mutant: None,
                ..self.world.clone()
            },
            ..self.clone()
        }
    }

    fn of_claims(&self, mut broken: Vec<Claim>) -> Vec<Claim> {
        broken.retain(|claim| self.claims.contains(claim));
        broken
    }

    fn if_unmutated_survives(&self, seed: Seed, broken: Vec<Claim>) -> Result<Vec<Claim>, ConfigError> {
        match broken.is_empty() || self.unmutated().broken(seed)?.is_empty() {
            true => Ok(broken),
            false => Ok(Vec::new()),
        }
    }
}
