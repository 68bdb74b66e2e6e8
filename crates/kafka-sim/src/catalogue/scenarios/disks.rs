//! What a disk does that it should not (S34, S35, S36).

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, acked, at, healed, leader, power_loss};
use super::setup::{SURVIVES, cluster, workload};
use crate::catalogue::{Scenario, Variant};
use crate::sim::Sim;

const ONE_COPY: &[(&str, &str)] = &[("replication.factor", "1"), ("min.insync.replicas", "1")];
const THREE_COPIES: &[(&str, &str)] = &[("replication.factor", "3"), ("min.insync.replicas", "2")];

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "disk-failure",
            title: "The leader's disk dies and is replaced by an empty one",
            refs: &["S34"],
            advice: &["A24"],
            faults: "wipe of the leader's disk at the 20th acknowledgement, the broker back after 15 s",
            variants: vec![
                Variant::weak("replication.factor", ONE_COPY, SURVIVES, disk_dies),
                Variant::safe(THREE_COPIES, SURVIVES, disk_dies),
            ],
        },
        Scenario {
            name: "fsync-failure",
            title: "fsync fails, or reports success without having done anything, and then the power fails",
            refs: &["S35"],
            advice: &["A4", "A16"],
            faults: "fsync broken on every broker at 1 s for 12 s (not in safe), power loss of every broker at 4 s, power back after 5 s",
            variants: vec![
                Variant::weak(
                    "disk",
                    &[("flush.messages", "1"), ("fsync", "lies")],
                    SURVIVES,
                    fsync_breaks,
                ),
                Variant::safe(&[("flush.messages", "1"), ("fsync", "works")], SURVIVES, fsync_breaks),
                Variant::safe(&[("flush.messages", "1"), ("fsync", "fails")], SURVIVES, fsync_breaks).named("failing"),
            ],
        },
        Scenario {
            name: "corrupt-tail",
            title: "Bits flip in the last batch of the leader's log, and the broker restarts",
            refs: &["S36"],
            advice: &["A24"],
            faults: "bit rot in the leader's tail and a restart of the leader at the 20th acknowledgement",
            variants: vec![
                Variant::weak("replication.factor", ONE_COPY, SURVIVES, tail_rots),
                Variant::safe(THREE_COPIES, SURVIVES, tail_rots),
            ],
        },
    ]
}

fn disk_dies(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let wipe = healed(Fault::Wipe(leader()).on_nth(20, acked()), 15);
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(vec![wipe]))
}

fn fsync_breaks(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let broken = match variant.setting("fsync") {
        "lies" => Some(Fault::LyingFsync(Role::AllBrokers)),
        "fails" => Some(Fault::FailFsync(Role::AllBrokers)),
        _ => None,
    };
    let broken = broken.map(|fault| healed(fault.at(at(1)), 12));
    let loss = healed(power_loss(Role::AllBrokers).at(at(4)), 5);
    let faults: Vec<_> = broken.into_iter().chain([loss]).collect();
    Ok(cluster(variant, seed).producer(workload(variant)?).faults(faults))
}

fn tail_rots(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let rot = Fault::CorruptTail {
        target: leader(),
        topic: TOPIC.into(),
        partition: 0,
    }
    .on_nth(20, acked());
    let restart = Fault::Restart(leader()).on_nth(20, acked());
    Ok(cluster(variant, seed)
        .producer(workload(variant)?)
        .faults(vec![rot, restart]))
}
