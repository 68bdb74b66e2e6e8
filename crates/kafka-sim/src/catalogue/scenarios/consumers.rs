//! What scenarios with consuming applications share.

use std::time::Duration;

use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, ScheduledFault};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, healed};
use crate::catalogue::Variant;
use crate::sim::{ConsumerPlan, Pattern, Sim};

/// The group of every scenario that has one.
pub(super) const GROUP: &str = "billing";

/// One variant under the classic group protocol, and the same under the consumer protocol (KIP-848).
macro_rules! both_protocols {
    (safe[$classic:literal, $consumer:literal]([$($setting:expr),* $(,)?], $promises:expr, $sim:expr $(,)?)) => {{
        use $crate::catalogue::Variant;
        [
            Variant::safe(&[("group.protocol", "classic"), $($setting),*], $promises, $sim).named($classic),
            Variant::safe(&[("group.protocol", "consumer"), $($setting),*], $promises, $sim).named($consumer),
        ]
    }};
    (weak[$classic:literal, $consumer:literal](
        $allowed:expr, [$($setting:expr),* $(,)?], $promises:expr, $sim:expr $(,)?
    )) => {{
        use $crate::catalogue::Variant;
        [
            Variant::weak($allowed, &[("group.protocol", "classic"), $($setting),*], $promises, $sim).named($classic),
            Variant::weak($allowed, &[("group.protocol", "consumer"), $($setting),*], $promises, $sim)
                .named($consumer),
        ]
    }};
}
pub(super) use both_protocols;

/// The keys of a variant that are the consumer's.
const CONSUMER_KEYS: &[&str] = &[
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "enable.auto.commit",
    "group.protocol",
    "max.poll.interval.ms",
    "max.poll.records",
];

pub(super) fn listed(variant: &Variant, key: &str) -> Option<&'static str> {
    let mut settings = variant.settings.iter();
    settings.find(|(known, _)| *known == key).map(|(_, value)| *value)
}

/// A member of the group with every consumer setting that the variant lists, and its habits. It commits by itself, and
/// begins at the beginning, unless the variant lists otherwise.
pub(super) fn member(variant: &Variant) -> Result<ConsumerPlan, ConfigError> {
    member_of(GROUP, variant)
}

pub(super) fn member_of(group: &'static str, variant: &Variant) -> Result<ConsumerPlan, ConfigError> {
    let plan = ConsumerPlan::of(group)
        .topic(TOPIC)
        .set("enable.auto.commit", "false")?
        .set("auto.offset.reset", "earliest")?
        .pattern(habit(variant));
    let mut listed = variant.settings.iter().filter(|(key, _)| CONSUMER_KEYS.contains(key));
    listed.try_fold(plan, |plan, (key, value)| plan.set(key, value))
}

/// What the variant's `commit strategy` and `flag store` stand for.
fn habit(variant: &Variant) -> Pattern {
    match (listed(variant, "flag store"), listed(variant, "commit strategy")) {
        (Some("flag and effect in one transaction"), _) => Pattern::FlagStore { atomic: true },
        (Some("flag before effect"), _) => Pattern::FlagStore { atomic: false },
        (Some("flag after effect"), _) => Pattern::FlagAfterEffect,
        (_, Some("before processing")) => Pattern::CommitThenProcess,
        (_, Some("after all workers")) => Pattern::WorkersCommitWhole { workers: 8 },
        (_, Some("what succeeded, in order")) => Pattern::PartialAck,
        (_, Some("left to the consumer, records in a queue")) => Pattern::AutoCommitQueue { workers: 8 },
        (_, Some("left to the consumer")) => Pattern::AutoCommitInline,
        (_, None | Some("after processing")) => Pattern::ProcessThenCommit,
        (_, Some(other)) => panic!("the variant {} lists an unknown commit strategy: {other}", variant.name),
    }
}

/// Two partitions on three brokers that do not lose what was acknowledged.
pub(super) fn two_partitions(seed: Seed) -> Sim {
    let topic = Topic::named(TOPIC).partitions(2).replicas(3);
    Sim::new(seed).topic(topic.config("min.insync.replicas", "2"))
}

/// The process of the first consumer dies, and another one is started in its place.
pub(super) fn kill_of_the_first(at_seconds: u64) -> ScheduledFault {
    healed(Fault::KillClient("consumer-0".into()).at(at(at_seconds)), 3)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
