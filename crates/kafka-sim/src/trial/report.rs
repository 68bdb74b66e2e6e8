//! The answer as text and as JSON.

use std::fmt;

use kafka_sim_cluster::fault::{Fault, Role, Schedule};
use serde::Serialize;

use super::{Broken, Cost, Searched, TrialVerdict};

/// What a trial came to, in a form that is easy to print and to read by programs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TrialReport {
    /// Whether the settings hold within the budget.
    pub holds: bool,
    /// Within the budget.
    pub within: SearchedReport,
    /// Beyond it, if that was searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<SearchedReport>,
}

/// What one search came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SearchedReport {
    /// What faults were tried, in words.
    pub budget: String,
    /// Runs up to the first that broke a claim, or all.
    pub runs: u64,
    /// Runs in which the order was not kept, which was not promised.
    pub reordered: u64,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<BrokenReport>,
}

/// A run that broke a claim.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokenReport {
    /// The claim, in words.
    pub claim: String,
    /// The seed.
    pub seed: u64,
    /// The smallest schedule.
    pub schedule: Schedule,
    /// Faults there were before shrinking.
    pub faults_found: usize,
    /// The single settings each of which would have prevented it, with what they cost.
    pub cures: Vec<CureReport>,
    /// What the settings cost as they are.
    pub cost: Cost,
    /// What no setting does but the placement of replicas would.
    pub placement: bool,
    /// The report on the run, as people read it.
    pub story: String,
}

/// A setting that would have prevented it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CureReport {
    /// The setting, `key=value`.
    pub setting: String,
    /// What all settings cost together with this one.
    pub cost: Cost,
}

impl From<&TrialVerdict> for TrialReport {
    fn from(verdict: &TrialVerdict) -> TrialReport {
        TrialReport {
            holds: verdict.holds(),
            within: (&verdict.within).into(),
            beyond: verdict.beyond.as_ref().map(Into::into),
        }
    }
}

impl From<&Searched> for SearchedReport {
    fn from(searched: &Searched) -> SearchedReport {
        SearchedReport {
            budget: searched.budget.to_string(),
            runs: searched.runs,
            reordered: searched.reordered,
            broken: searched.broken.as_ref().map(Into::into),
        }
    }
}

impl From<&Broken> for BrokenReport {
    fn from(broken: &Broken) -> BrokenReport {
        let cures = broken.cures.iter().zip(&broken.costs.1);
        BrokenReport {
            claim: broken.claim.to_string(),
            seed: broken.seed.0,
            schedule: broken.shrunk.schedule.clone(),
            faults_found: broken.faults_found,
            cures: cures
                .map(|(cure, cost)| CureReport {
                    setting: cure.to_string(),
                    cost: *cost,
                })
                .collect(),
            cost: broken.costs.0,
            placement: broken
                .shrunk
                .schedule
                .faults
                .iter()
                .any(|fault| strikes_all(&fault.fault)),
            story: broken.report.to_string(),
        }
    }
}

/// Machines that share their power: replicas placed apart would not be struck together.
fn strikes_all(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::PowerLoss {
            target: Role::AllBrokers,
            ..
        }
    )
}

impl fmt::Display for TrialReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.holds { "HOLD" } else { "DO NOT HOLD" };
        writeln!(f, "these settings {word} {}", self.within.budget)?;
        write!(f, "{}", self.within)?;
        match &self.beyond {
            Some(beyond) => write!(f, "\n{beyond}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SearchedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.broken {
            None => writeln!(
                f,
                "{}: {} schedules tried, none of them broke anything",
                self.budget, self.runs
            )?,
            Some(broken) => {
                writeln!(f, "{}: broken by schedule {} of those tried", self.budget, self.runs)?;
                write!(f, "{broken}")?;
            }
        }
        if self.reordered > 0 {
            writeln!(
                f,
                "  in {} runs the order was not kept; only max.in.flight.requests.per.connection=1 promises it",
                self.reordered
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for BrokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  untrue: {}", self.claim)?;
        let faults = self.schedule.faults.len();
        writeln!(
            f,
            "  smallest schedule ({faults} of {} faults, seed {}):",
            self.faults_found, self.seed
        )?;
        for fault in &self.schedule.faults {
            writeln!(f, "    {fault}")?;
        }
        if self.schedule.faults.is_empty() {
            writeln!(f, "    none: it breaks when nothing goes wrong")?;
        }
        writeln!(f, "  as it is: {}", self.cost)?;
        if self.cures.is_empty() && !self.placement {
            writeln!(f, "  no single setting would have prevented it")?;
        }
        for cure in &self.cures {
            writeln!(f, "  prevented by {}: then {}", cure.setting, cure.cost)?;
        }
        if self.placement {
            writeln!(
                f,
                "  prevented by placement: replicas on machines that do not lose power together (broker.rack)"
            )?;
        }
        for line in self.story.lines() {
            writeln!(f, "  | {line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |micros: u64| format!("{}.{:03} ms", micros / 1_000, micros % 1_000);
        write!(
            f,
            "acknowledged after {} (p50), {} (p99), {} produce requests, without faults",
            millis(self.ack_p50_us),
            millis(self.ack_p99_us),
            self.produce_requests
        )
    }
}
