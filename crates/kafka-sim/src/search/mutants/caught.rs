//! The proof that a mutant was found.

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::{ConfigError, Seed};

use super::super::shrink::shrink_while;
use super::super::{Claim, World};
use super::attempt::Case;

/// Faults that a planted flaw may take when it is shrunk.
const MOST_FAULTS: usize = 3;

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

    /// Shrinks a run in which a claim breaks because of the mutant, and repeats what is left.
    pub(super) fn of(case: &Case, seed: Seed, claim: Claim) -> Result<Caught, ConfigError> {
        let smaller = |world: &World, schedule: &Schedule| Case {
            world: world.clone(),
            schedule: schedule.clone(),
            claims: case.claims.clone(),
        };
        let fails = |world: &World, schedule: &Schedule| {
            let broken = smaller(world, schedule).broken_by_mutant(seed);
            broken.is_ok_and(|broken| broken.contains(&claim))
        };
        let shrunk = shrink_while(&case.world, &case.schedule, &fails);
        let (run, report) = shrunk.world.run(seed, &shrunk.schedule)?;
        let written = serde_json::to_string(&shrunk.schedule).expect("schedules can be written");
        let read: Schedule = serde_json::from_str(&written).expect("what was written can be read");
        let again = shrunk.world.outcome(seed, &read)?;
        let told = { report.explanations.iter() }.find(|told| claim.promise() == Some(told.violation.promise()));
        Ok(Caught {
            seed,
            claim,
            faults_found: case.schedule.faults.len(),
            story: match told {
                Some(told) => std::iter::once(told.violation.to_string())
                    .chain(told.story.clone())
                    .collect(),
                None => run.breaches.iter().map(ToString::to_string).collect(),
            },
            reproduces: again.trace_hash == run.trace_hash && again.broken.contains(&claim),
            unmutated_survives: smaller(&shrunk.world, &read).unmutated().broken(seed)?.is_empty(),
            world: shrunk.world,
            schedule: shrunk.schedule,
        })
    }
}
