//! What happens when the in-sync replicas become few (S4, S5).

use kafka_sim_cluster::fault::Fault;
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, follower, healed, hold_replication, leader, power_loss};
use super::setup::{SURVIVES, cluster, workload};
use crate::catalogue::{Scenario, Variant};
use crate::sim::Sim;

const ELR: &str = "eligible.leader.replicas.enable";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "isr-shrinks-to-one",
            title: "Followers fall behind until the leader is alone in sync, and then its disk dies",
            refs: &["S4"],
            advice: &["A9"],
            faults: "replication held 3 s into the run for 17 s, the leader's disk wiped at 12 s, the broker back at 27 s",
            variants: vec![
                Variant::weak(
                    "min.insync.replicas",
                    &[("acks", "all"), ("min.insync.replicas", "1")],
                    SURVIVES,
                    shrinks_to_one,
                ),
                Variant::weak(
                    ELR,
                    &[("acks", "all"), ("min.insync.replicas", "2"), (ELR, "false")],
                    SURVIVES,
                    shrinks_to_one,
                )
                .named("without-elr"),
                Variant::safe(
                    &[("acks", "all"), ("min.insync.replicas", "2")],
                    SURVIVES,
                    shrinks_to_one,
                ),
            ],
        },
        Scenario {
            name: "last-replica-standing",
            title: "The last in-sync replica loses power, returns without its tail, and leads",
            refs: &["S5", "KIP-966"],
            advice: &["A4", "A9"],
            faults: "one follower paused at 3 s, the other when the first has left the ISR, power loss of the leader when it is alone, power back after 3 s, followers back later",
            variants: vec![
                Variant::weak(
                    ELR,
                    &[("min.insync.replicas", "2"), (ELR, "false")],
                    SURVIVES,
                    last_replica_standing,
                ),
                Variant::safe(
                    &[("min.insync.replicas", "2"), (ELR, "true")],
                    SURVIVES,
                    last_replica_standing,
                ),
                Variant::safe(
                    &[("min.insync.replicas", "2"), (ELR, "false"), ("flush.messages", "1")],
                    SURVIVES,
                    last_replica_standing,
                )
                .named("flushed"),
            ],
        },
    ]
}

fn shrinks_to_one(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let hold = healed(hold_replication().at(at(3)), 17);
    let wipe = healed(Fault::Wipe(leader()).at(at(12)), 15);
    // The default of 30 s would only make the run longer.
    Ok(cluster(variant, seed)
        .broker_config("replica.lag.time.max.ms", "5000")
        .producer(workload(variant)?)
        .faults(vec![hold, wipe]))
}

fn last_replica_standing(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let shrunk = || MarkKind::IsrShrunk {
        topic: TOPIC.into(),
        partition: 0,
    };
    let first = healed(Fault::Pause(follower(0)).at(at(3)), 45);
    let second = healed(Fault::Pause(follower(0)).on_nth(1, shrunk()), 36);
    let power = healed(power_loss(leader()).on_nth(2, shrunk()), 3);
    Ok(cluster(variant, seed)
        .producer(workload(variant)?)
        .faults(vec![first, second, power]))
}
