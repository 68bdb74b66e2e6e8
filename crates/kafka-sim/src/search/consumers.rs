//! Who consumes in a searched world.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_sim_core::ConfigError;
use kafka_sim_core::keys::nearest;
use serde::{Deserialize, Serialize};

use super::settings::COMMIT_STRATEGY;
use crate::sim::{ConsumerPlan, Pattern};

/// A group of consuming applications.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumers {
    /// `group.id`.
    pub group: String,
    /// How many processes.
    pub members: u32,
    /// Milliseconds of virtual time that the handler takes for a record.
    pub processing_ms: u64,
    /// What they do with records, by its [name](Consumers::patterns).
    pub pattern: String,
    /// Runs are held to all that is promised of groups, not only to every message being processed, and messages have keys:
    /// effects take place once if the pattern sees to that, commits never pass what was processed, keys keep their order,
    /// partitions have one owner, groups come to rest, and commits that were answered stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every_promise: bool,
}

/// Name, value, Rust source.
type Named = (&'static str, Pattern, &'static str);

const KNOWN: &[Named] = &[
    (
        "process-then-commit",
        Pattern::ProcessThenCommit,
        "Pattern::ProcessThenCommit",
    ),
    (
        "commit-then-process",
        Pattern::CommitThenProcess,
        "Pattern::CommitThenProcess",
    ),
    ("auto-commit", Pattern::AutoCommitInline, "Pattern::AutoCommitInline"),
    (
        "worker-pool",
        Pattern::AutoCommitQueue { workers: 4 },
        "Pattern::AutoCommitQueue { workers: 4 }",
    ),
    (
        "worker-pool-commit",
        Pattern::WorkersCommitWhole { workers: 4 },
        "Pattern::WorkersCommitWhole { workers: 4 }",
    ),
    ("partial-ack", Pattern::PartialAck, "Pattern::PartialAck"),
    (
        "flag-store",
        Pattern::FlagStore { atomic: true },
        "Pattern::FlagStore { atomic: true }",
    ),
    (
        "flag-store-split",
        Pattern::FlagStore { atomic: false },
        "Pattern::FlagStore { atomic: false }",
    ),
    (
        "flag-after-effect",
        Pattern::FlagAfterEffect,
        "Pattern::FlagAfterEffect",
    ),
];

impl Consumers {
    /// Two processes of `group` whose handler takes 500 ms. With `enable.auto.commit=true`, which is Kafka's default, and
    /// no pattern named, records are processed inline and commits are left to the consumer.
    ///
    /// # Errors
    /// An unknown pattern; the error names the nearest.
    pub fn of(group: impl Into<String>, pattern: &str) -> Result<Consumers, ConfigError> {
        known(pattern)?;
        Ok(Consumers {
            group: group.into(),
            members: 2,
            processing_ms: 500,
            pattern: pattern.to_owned(),
            every_promise: false,
        })
    }

    /// The pattern knows what it has done, so that nothing is done twice.
    pub(super) fn has_effects_once(&self) -> bool {
        self.pattern == "flag-store"
    }

    /// The names of all patterns.
    pub fn patterns() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|(name, ..)| *name)
    }

    /// The application under these settings. The setting that stands for the commit strategy names another pattern, with
    /// automatic commits off.
    pub(super) fn plan(&self, topic: &str, settings: &BTreeMap<String, String>) -> Result<ConsumerPlan, ConfigError> {
        let pattern = settings.get(COMMIT_STRATEGY).unwrap_or(&self.pattern);
        let (_, pattern, _) = known(pattern)?;
        let mut plan = ConsumerPlan::of(self.group.as_str())
            .topic(topic)
            .pattern(*pattern)
            .members(self.members)
            .processing(Duration::from_millis(self.processing_ms));
        for (key, value) in settings.iter().filter(|(key, _)| *key != COMMIT_STRATEGY) {
            plan = plan.set(key, value)?;
        }
        if settings.contains_key(COMMIT_STRATEGY) {
            plan = plan.set("enable.auto.commit", "false")?;
        }
        Ok(plan)
    }

    /// The hosts of the processes, as faults name them.
    pub(super) fn hosts(&self) -> impl Iterator<Item = String> {
        (0..self.members).map(|index| format!("consumer-{index}"))
    }

    /// Rust source of the plan, without its settings.
    pub(super) fn to_rust(&self, topic: &str) -> String {
        let pattern = known(&self.pattern).map_or("Pattern::ProcessThenCommit", |(_, _, source)| source);
        format!(
            "ConsumerPlan::of({:?}).topic({topic:?}).pattern({pattern}).members({}).processing(Duration::from_millis({}))",
            self.group, self.members, self.processing_ms
        )
    }
}

fn known(name: &str) -> Result<&'static Named, ConfigError> {
    let found = KNOWN.iter().find(|(known, ..)| *known == name);
    found.ok_or_else(|| {
        let hint = nearest(name, Consumers::patterns())
            .map(|near| format!(", did you mean {near}?"))
            .unwrap_or_default();
        let all: Vec<&str> = Consumers::patterns().collect();
        ConfigError::invalid_value("pattern", name, format!("one of {}{hint}", all.join(", ")))
    })
}
