//! A user's own settings on trial.
//!
//! A [`Trial`] searches schedules within a budget, and then beyond it, for one that makes the settings lose, repeat or
//! withhold messages. What it finds is shrunk to the few faults that matter, and run again with one setting changed at a
//! time, which tells what would have prevented it, and at what price.
//!
//! ```
//! use kafka_sim::search::{Budget, World};
//! use kafka_sim::trial::{Given, Trial};
//!
//! let given = Given::new().producer([("acks", "1")])?.topic("orders", 3, 3, [("min.insync.replicas", "2")])?;
//! let trial = Trial { world: given.world, budget: Budget::OneBroker, seeds: 60, threads: 2 };
//! let verdict = trial.run(&|| ())?;
//! let broken = verdict.within.broken.expect("the leader may die before a follower has fetched");
//! assert_eq!(broken.cures[0].to_string(), "acks=all");
//! # Ok::<(), kafka_sim::ConfigError>(())
//! ```

mod cost;
mod given;
mod report;

use kafka_sim_check::Report;
use kafka_sim_core::{ConfigError, Seed};

use crate::search::{Budget, Claim, Seeds, Setting, Shrunk, World, cures, parallel, schedule, shrink};

pub use cost::Cost;
pub use given::Given;
pub use report::TrialReport;

/// Seeds that a search does between two looks at what was found.
const CHUNK: usize = 64;

/// Settings on trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The cluster, the applications and their settings.
    pub world: World,
    /// What the settings are to survive.
    pub budget: Budget,
    /// How many schedules to try, each from a seed of its own, from 0 on.
    pub seeds: u64,
    /// On how many threads. What is found does not depend on it.
    pub threads: usize,
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct TrialVerdict {
    /// Within the budget.
    pub within: Searched,
    /// Beyond it: everything at any time. Not searched if the budget was that already.
    pub beyond: Option<Searched>,
}

/// What came of one search.
#[derive(Clone, Debug)]
pub struct Searched {
    /// What faults were tried.
    pub budget: Budget,
    /// Runs up to the first that broke a claim, or all.
    pub runs: u64,
    /// The first run that broke a claim.
    pub broken: Option<Broken>,
    /// Runs that stored messages of a producer in another order than it sent them, though these settings do not promise
    /// the order: it takes one request in flight.
    pub reordered: u64,
}

/// A run that broke a claim, made as small as possible.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The seed.
    pub seed: Seed,
    /// The claim.
    pub claim: Claim,
    /// Faults there were before shrinking.
    pub faults_found: usize,
    /// The smallest world and schedule.
    pub shrunk: Shrunk,
    /// What the run says.
    pub report: Report,
    /// The single settings each of which would have prevented it, found by running it again.
    pub cures: Vec<Setting>,
    /// What the settings cost as they are, and with each cure, in the same order.
    pub costs: (Cost, Vec<Cost>),
}

impl TrialVerdict {
    /// Whether the settings hold within the budget.
    pub fn holds(&self) -> bool {
        self.within.broken.is_none()
    }
}

impl Trial {
    /// Searches, shrinks and compares. `ran` is called after each run of a search.
    ///
    /// # Errors
    /// A setting that no cluster or client can run with.
    pub fn run(&self, ran: &(dyn Fn() + Sync)) -> Result<TrialVerdict, ConfigError> {
        let within = self.search(self.budget, ran)?;
        let further = self.budget != Budget::Beyond && within.broken.is_none();
        let beyond = if further {
            Some(self.search(Budget::Beyond, ran)?)
        } else {
            None
        };
        Ok(TrialVerdict { within, beyond })
    }

    fn search(&self, budget: Budget, ran: &(dyn Fn() + Sync)) -> Result<Searched, ConfigError> {
        let mut searched = Searched {
            budget,
            runs: 0,
            broken: None,
            reordered: 0,
        };
        let mut seeds = Seeds::from_first(0, self.seeds).iter();
        loop {
            let some: Vec<Seed> = seeds.by_ref().take(CHUNK).collect();
            if some.is_empty() {
                return Ok(searched);
            }
            for (seed, broken) in some.iter().zip(self.try_all(&some, budget, ran)?) {
                searched.runs += 1;
                searched.reordered += u64::from(broken.contains(&Claim::InOrder));
                if let Some(claim) = self.gravest(&broken) {
                    searched.broken = Some(self.examine(*seed, budget, claim)?);
                    return Ok(searched);
                }
            }
        }
    }

    /// The claims that each seed breaks.
    fn try_all(&self, seeds: &[Seed], budget: Budget, ran: &(dyn Fn() + Sync)) -> Result<Vec<Vec<Claim>>, ConfigError> {
        let outcomes = parallel::map(seeds, self.threads, |seed| {
            let outcome = self.world.outcome(*seed, &schedule(*seed, budget, &self.world));
            ran();
            outcome
        });
        let broken = outcomes
            .into_iter()
            .map(|outcome| outcome.map(|outcome| outcome.broken));
        broken.collect()
    }

    /// What everybody expects of settings. The order is expected only of those that promise it.
    fn gravest(&self, broken: &[Claim]) -> Option<Claim> {
        let ordered = self
            .world
            .settings
            .producer
            .get("max.in.flight.requests.per.connection");
        let ordered = ordered.is_some_and(|most| most == "1");
        broken.iter().copied().find(|claim| *claim != Claim::InOrder || ordered)
    }

    fn examine(&self, seed: Seed, budget: Budget, claim: Claim) -> Result<Broken, ConfigError> {
        let found = schedule(seed, budget, &self.world);
        let shrunk = shrink(&self.world, seed, &found, claim);
        let run = shrunk.world.sim(seed, &shrunk.schedule)?.run()?;
        // What else is untrue follows from the gravest.
        let report = run.check(&Vec::from_iter(claim.promise()));
        let cures = cures(&shrunk.world, seed, &shrunk.schedule, claim);
        let cost = |settings| {
            Cost::of(&World {
                settings,
                ..self.world.clone()
            })
        };
        let with_cures = cures.iter().map(|cure| cost(self.world.settings.clone().with(cure)));
        Ok(Broken {
            costs: (
                cost(self.world.settings.clone())?,
                with_cures.collect::<Result<_, _>>()?,
            ),
            faults_found: found.faults.len(),
            seed,
            claim,
            shrunk,
            report,
            cures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: [(&str, &str); 2] = [("acks", "all"), ("enable.idempotence", "true")];

    fn verdict(given: Given) -> TrialVerdict {
        let trial = Trial {
            world: given.world,
            budget: Budget::OneBroker,
            seeds: 60,
            threads: 2,
        };
        trial.run(&|| ()).expect("the settings are valid")
    }

    fn given(producer: &[(&str, &str)], min_in_sync: &str) -> Given {
        let given = Given::new()
            .producer(producer.iter().copied())
            .expect("they are settings");
        let topic = given.topic("payments", 2, 3, [("min.insync.replicas", min_in_sync)]);
        topic.expect("it is a topic")
    }

    fn cures(verdict: &TrialVerdict) -> Vec<String> {
        let broken = verdict
            .within
            .broken
            .as_ref()
            .expect("something broke within the budget");
        assert!(broken.shrunk.schedule.faults.len() <= 3, "{:?}", broken.shrunk.schedule);
        broken.cures.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn acks_one_does_not_hold_and_acks_is_the_cure() {
        let cures = cures(&verdict(given(&[("acks", "1")], "2")));
        assert!(cures.contains(&"acks=all".to_owned()), "{cures:?}");
    }

    #[test]
    fn one_replica_in_sync_does_not_hold_and_two_are_the_cure() {
        let cures = cures(&verdict(given(&SAFE, "1")));
        assert!(cures.contains(&"min.insync.replicas=2".to_owned()), "{cures:?}");
    }

    #[test]
    fn a_worker_pool_with_automatic_commits_does_not_hold_and_the_commit_strategy_is_the_cure() {
        let settings = [("enable.auto.commit", "true"), ("auto.offset.reset", "earliest")];
        let given = given(&SAFE, "2").consumer(settings, Some("worker-pool"));
        let verdict = verdict(given.expect("they are settings"));
        assert_eq!(cures(&verdict), ["commit strategy=process-then-commit"]);
    }

    #[test]
    fn safe_settings_hold_and_flushing_is_what_lies_beyond() {
        let verdict = verdict(given(&SAFE, "2"));
        assert!(verdict.holds());
        let beyond = verdict.beyond.and_then(|beyond| beyond.broken);
        let beyond = beyond.expect("correlated power loss breaks them");
        assert_eq!(beyond.cures[0].to_string(), "flush.messages=1");
    }

    #[test]
    fn a_pattern_that_is_not_there_is_refused_with_the_nearest_name() {
        let error = Given::new().consumer([("group.id", "a")], Some("worker-pol"));
        assert!(error.unwrap_err().to_string().contains("did you mean worker-pool?"));
    }
}
