//! Who leads when the leader is gone (S8).

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, acked, at, follower, healed, leader, power_loss};
use super::setup::{SURVIVES, cluster, workload};
use crate::catalogue::{Scenario, Variant};
use crate::sim::Sim;

const UNCLEAN: &str = "unclean.leader.election.enable";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "unclean-election",
            title: "Only a replica that has fallen behind is left",
            refs: &["S8"],
            advice: &["A19", "A25"],
            faults: "a follower paused from 3 s to 16 s, every in-sync replica killed at 15 s and back at 35 s",
            variants: vec![
                Variant::weak(UNCLEAN, &[(UNCLEAN, "true")], SURVIVES, only_a_lagging_one_left),
                Variant::safe(&[(UNCLEAN, "false")], SURVIVES, only_a_lagging_one_left),
            ],
        },
        Scenario {
            name: "replication-factor",
            title: "The leader's machine loses power",
            refs: &[],
            advice: &["A24"],
            faults: "power loss of the leader at the 20th acknowledgement, power back after 15 s",
            variants: vec![
                Variant::weak(
                    "replication.factor",
                    &[("replication.factor", "1"), ("min.insync.replicas", "1")],
                    SURVIVES,
                    leader_loses_power,
                ),
                Variant::safe(
                    &[("replication.factor", "3"), ("min.insync.replicas", "2")],
                    SURVIVES,
                    leader_loses_power,
                ),
            ],
        },
    ]
}

fn only_a_lagging_one_left(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let lags = healed(Fault::Pause(follower(1)).at(at(3)), 13);
    let kill = healed(Fault::Kill(Role::isr_of(TOPIC, 0)).at(at(15)), 20);
    Ok(cluster(variant, seed)
        .producer(workload(variant)?)
        .faults(vec![lags, kill]))
}

fn leader_loses_power(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let loss = healed(power_loss(leader()).on_nth(20, acked()), 15);
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(vec![loss]))
}
