//! The catalogue: published advice and known ways to lose data, each as a scenario with a variant that must break and
//! one that must hold under the same faults.

mod runner;
mod scenarios;
mod tally;

use kafka_sim_check::{Promise, Report};
use kafka_sim_core::{ConfigError, Seed};

use crate::sim::{Run, Sim};

pub use runner::{Job, RunResult, run_once, run_variant};
pub use scenarios::all;
pub use tally::Tally;

/// One claim on trial.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Short name, as given on the command line.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub title: &'static str,
    /// Numbers in the catalogue of known losses (`S1` to `S38`), and KIPs.
    pub refs: &'static [&'static str],
    /// Numbers of the published advice it puts on trial (`A1` to `A28`).
    pub advice: &'static [&'static str],
    /// The faults, in words.
    pub faults: &'static str,
    /// At least one that must break and one that must hold.
    pub variants: Vec<Variant>,
}

/// One set of settings under the scenario's faults.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Short name, such as `weak` or `safe`.
    pub name: &'static str,
    /// The settings that make the difference, in Kafka's keys.
    pub settings: &'static [(&'static str, &'static str)],
    /// What must come of it.
    pub expected: Expected,
    /// What is judged.
    pub promises: &'static [Promise],
    /// Builds the run of one seed.
    pub sim: fn(&Variant, Seed) -> Result<Sim, ConfigError>,
    /// Looks at what promises do not cover, such as the number of requests. Every finding counts as a break.
    pub look: Option<fn(&Run, &Report) -> Vec<Finding>>,
    /// A control that meets no danger to the data, and is not expected to.
    pub harmless: bool,
}

/// What must come of a variant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Every run keeps every promise, and met danger while doing so.
    Holds,
    /// At least half of the runs break a promise, and every break is blamed on this key.
    Breaks {
        /// The setting that lets it happen, as explanations name it.
        allowed_by: &'static str,
    },
}

impl Expected {
    /// `holds` or `breaks`.
    pub fn word(self) -> &'static str {
        match self {
            Expected::Holds => "holds",
            Expected::Breaks { .. } => "breaks",
        }
    }
}

/// Something that a run shows and that counts as a break.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The setting behind it.
    pub allowed_by: &'static str,
    /// What was found, in a sentence.
    pub story: String,
}

impl Variant {
    /// A variant that must keep every one of `promises`.
    pub(crate) fn safe(
        settings: &'static [(&'static str, &'static str)],
        promises: &'static [Promise],
        sim: fn(&Variant, Seed) -> Result<Sim, ConfigError>,
    ) -> Variant {
        Variant {
            name: "safe",
            settings,
            expected: Expected::Holds,
            promises,
            sim,
            look: None,
            harmless: false,
        }
    }

    /// A variant that must break one of `promises` because of `allowed_by`.
    pub(crate) fn weak(
        allowed_by: &'static str,
        settings: &'static [(&'static str, &'static str)],
        promises: &'static [Promise],
        sim: fn(&Variant, Seed) -> Result<Sim, ConfigError>,
    ) -> Variant {
        Variant {
            name: "weak",
            settings,
            expected: Expected::Breaks { allowed_by },
            promises,
            sim,
            look: None,
            harmless: false,
        }
    }

    /// Gives it another name than `weak` or `safe`.
    pub(crate) fn named(self, name: &'static str) -> Variant {
        Variant { name, ..self }
    }

    /// Adds what promises do not cover.
    pub(crate) fn looking(self, look: fn(&Run, &Report) -> Vec<Finding>) -> Variant {
        Variant {
            look: Some(look),
            ..self
        }
    }

    /// Marks it as a control that meets no danger.
    pub(crate) fn harmless(self) -> Variant {
        Variant { harmless: true, ..self }
    }

    /// The value of one of the variant's settings.
    ///
    /// # Panics
    /// If the variant does not have it: scenarios only ask for what they list.
    pub(crate) fn setting(&self, key: &str) -> &'static str {
        let found = self.settings.iter().find(|(known, _)| *known == key);
        found
            .unwrap_or_else(|| panic!("the variant {} lists no {key}", self.name))
            .1
    }
}

/// The scenario of that name.
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}
