//! What an acknowledgement is worth (S1, S2, S3).

use kafka_sim_check::Promise;
use kafka_sim_cluster::fault::{Fault, Peer};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{acked, at, healed, hold_replication, leader, one_partition, power_loss, producer};
use crate::catalogue::{Scenario, Variant};
use crate::sim::Sim;

const SURVIVES: &[Promise] = &[Promise::AckedSurvives];
const STANDS: &[Promise] = &[Promise::AckedSurvives, Promise::ConsistentOffsets];

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "fire-and-forget",
            title: "The leader loses power, which nobody hears of, and the producer keeps sending to it",
            refs: &["S1"],
            advice: &["A9"],
            faults: "power loss of the leader 2 s into the run, power back after 5 s",
            variants: vec![
                Variant::weak("acks", &[("acks", "0")], SURVIVES, fire_and_forget),
                Variant::safe(
                    &[("acks", "all"), ("min.insync.replicas", "2")],
                    SURVIVES,
                    fire_and_forget,
                ),
            ],
        },
        Scenario {
            name: "leader-dies-before-anyone-fetched",
            title: "The leader acknowledges, and dies before a follower has fetched",
            refs: &["S2"],
            advice: &["A1", "A9"],
            faults: "replication held, kill of the leader at its 8th acknowledgement (or 4 s into the run), restart after 15 s",
            variants: vec![
                Variant::weak("acks", &[("acks", "1")], STANDS, unreplicated),
                Variant::safe(&[("acks", "all"), ("min.insync.replicas", "2")], STANDS, unreplicated),
            ],
        },
        Scenario {
            name: "stale-leader",
            title: "The leader is cut off from everybody but its producer, and goes on acknowledging",
            refs: &["S3"],
            advice: &["A1", "A9"],
            faults: "the leader is parted from brokers and controller for 20 s, clients reach it all the time",
            variants: vec![
                Variant::weak("acks", &[("acks", "1")], STANDS, stale_leader),
                Variant::safe(&[("acks", "all"), ("min.insync.replicas", "2")], STANDS, stale_leader),
            ],
        },
    ]
}

fn topic(variant: &Variant) -> kafka_sim_cluster::Topic {
    let min_isr = variant
        .settings
        .iter()
        .find(|(key, _)| *key == "min.insync.replicas")
        .map_or("2", |(_, value)| *value);
    one_partition().config("min.insync.replicas", min_isr)
}

fn fire_and_forget(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = producer(variant, &["acks"])?.every(std::time::Duration::from_millis(50));
    let loss = healed(power_loss(leader()).at(at(2)), 5);
    Ok(Sim::new(seed).topic(topic(variant)).producer(plan).faults(vec![loss]))
}

fn unreplicated(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let hold = healed(hold_replication().on_nth(5, acked()), 3);
    let kill = healed(Fault::Kill(leader()).on_nth(8, acked()), 15);
    let kill_anyway = healed(Fault::Kill(leader()).at(at(4)), 15);
    let kill = if variant.setting("acks") == "1" {
        kill
    } else {
        kill_anyway
    };
    Ok(Sim::new(seed)
        .topic(topic(variant))
        .producer(producer(variant, &["acks"])?)
        .faults(vec![hold, kill]))
}

fn stale_leader(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let part = Fault::Partition {
        a: vec![Peer::Brokers(leader())],
        b: vec![
            Peer::Brokers(kafka_sim_cluster::fault::Role::AllBrokers),
            Peer::Controller,
        ],
    };
    Ok(Sim::new(seed)
        .topic(topic(variant))
        .producer(producer(variant, &["acks"])?)
        .faults(vec![healed(part.at(at(2)), 20)]))
}
