//! A run made of what a variant lists.

use kafka_sim_check::Promise;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, one_partition};
use crate::catalogue::Variant;
use crate::sim::{ProducerPlan, Sim};

/// What every scenario about storage is judged by.
pub(super) const SURVIVES: &[Promise] = &[Promise::AckedSurvives];

const TOPIC_KEYS: &[&str] = &[
    "min.insync.replicas",
    "flush.messages",
    "flush.ms",
    "unclean.leader.election.enable",
];
const BROKER_KEYS: &[&str] = &[
    "eligible.leader.replicas.enable",
    "replica.lag.time.max.ms",
    "log.flush.scheduler.interval.ms",
];

/// Three brokers and one partition under the variant's settings. `min.insync.replicas` is 2 unless listed,
/// `replication.factor` is 3, and `broker.rack` names the rack of each broker in turn.
pub(super) fn cluster(variant: &Variant, seed: Seed) -> Sim {
    let listed = |key: &str| {
        variant
            .settings
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value)
    };
    let replicas = listed("replication.factor").map_or(3, |factor| factor.parse().expect("scenarios list numbers"));
    let mut topic = one_partition().replicas(replicas).config("min.insync.replicas", "2");
    for (key, value) in variant.settings.iter().filter(|(key, _)| TOPIC_KEYS.contains(key)) {
        topic = topic.config(*key, *value);
    }
    let mut sim = Sim::new(seed).topic(topic);
    for (key, value) in variant.settings.iter().filter(|(key, _)| BROKER_KEYS.contains(key)) {
        sim = sim.broker_config(*key, *value);
    }
    match listed("broker.rack") {
        Some(racks) => sim.racks(racks.split(", ")),
        None => sim,
    }
}

/// 200 records in 20 s, with the variant's `acks` if it lists any.
pub(super) fn workload(variant: &Variant) -> Result<ProducerPlan, ConfigError> {
    if variant.settings.iter().any(|(key, _)| *key == "acks") {
        return super::common::producer(variant, &["acks"]);
    }
    Ok(ProducerPlan::to(TOPIC))
}
