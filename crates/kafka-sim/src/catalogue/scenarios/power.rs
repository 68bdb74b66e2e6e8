//! What a loss of power takes that the death of a process does not (S6, S7, S38).

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{acked, at, follower, healed, leader, power_loss};
use super::setup::{SURVIVES, cluster, workload};
use crate::catalogue::{Scenario, Variant};
use crate::sim::Sim;

const ELR: &str = "eligible.leader.replicas.enable";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "correlated-power-loss",
            title: "A rack loses power while acknowledged records are only in page caches",
            refs: &["S6"],
            advice: &["A4", "A15"],
            faults: "power loss of every broker in rack a at the 30th acknowledgement, power back after 5 s",
            variants: vec![
                Variant::weak(
                    "flush.messages",
                    &[
                        ("acks", "all"),
                        ("min.insync.replicas", "2"),
                        ("broker.rack", "a, a, a"),
                    ],
                    SURVIVES,
                    rack_loses_power,
                ),
                Variant::safe(
                    &[
                        ("acks", "all"),
                        ("min.insync.replicas", "2"),
                        ("broker.rack", "a, a, a"),
                        ("flush.messages", "1"),
                    ],
                    SURVIVES,
                    rack_loses_power,
                ),
                Variant::safe(
                    &[
                        ("acks", "all"),
                        ("min.insync.replicas", "2"),
                        ("broker.rack", "a, b, c"),
                    ],
                    SURVIVES,
                    rack_loses_power,
                )
                .named("spread"),
            ],
        },
        Scenario {
            name: "kill-is-not-power-loss",
            title: "Every process dies at once, or every machine",
            refs: &["S7"],
            advice: &["A4"],
            faults: "all brokers killed (safe) or without power (weak) 3.05 s into the run, back after 5 s",
            variants: vec![
                Variant::weak(
                    "flush.messages",
                    &[("acks", "all"), ("min.insync.replicas", "2"), ("flush.messages", NEVER)],
                    SURVIVES,
                    all_lose_power,
                ),
                Variant::safe(
                    &[("acks", "all"), ("min.insync.replicas", "2"), ("flush.messages", NEVER)],
                    SURVIVES,
                    all_are_killed,
                ),
                Variant::safe(&[("acks", "1"), ("flush.messages", NEVER)], SURVIVES, all_are_killed).named("acks-one"),
            ],
        },
        Scenario {
            name: "cold-start-order",
            title: "A data centre goes down in good order but for its last broker, which is the first to start again",
            refs: &["S38", "KIP-966"],
            advice: &["A4"],
            faults: "followers shut down in a controlled way at 2 s and 3 s, power loss of the leader at 4 s; it is back after 3 s, they after 30 s",
            variants: vec![
                Variant::weak(
                    ELR,
                    &[("min.insync.replicas", "2"), (ELR, "false")],
                    SURVIVES,
                    cold_start,
                ),
                Variant::safe(&[("min.insync.replicas", "2"), (ELR, "true")], SURVIVES, cold_start),
            ],
        },
    ]
}

/// The default of `flush.messages`.
const NEVER: &str = "9223372036854775807";

fn rack_loses_power(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let loss = healed(power_loss(Role::Rack("a".into())).on_nth(30, acked()), 5);
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(vec![loss]))
}

/// Between two records, so that nothing is on its way to a follower: with acks=1 that would be another story.
const QUIET_MOMENT: kafka_sim_core::SimTime = kafka_sim_core::SimTime::from_millis(3050);

fn all_are_killed(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let kill = healed(Fault::Kill(Role::AllBrokers).at(QUIET_MOMENT), 5);
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(vec![kill]))
}

fn all_lose_power(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let loss = healed(power_loss(Role::AllBrokers).at(QUIET_MOMENT), 5);
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(vec![loss]))
}

fn cold_start(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let first = healed(Fault::ControlledStop(follower(0)).at(at(2)), 32);
    let second = healed(Fault::ControlledStop(follower(0)).at(at(3)), 31);
    let last = healed(power_loss(leader()).at(at(4)), 3);
    Ok(cluster(variant, seed)
        .producer(workload(variant)?)
        .faults(vec![first, second, last]))
}
