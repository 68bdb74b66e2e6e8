//! Consumers that read from a follower in their rack (S32).

use std::collections::BTreeMap;

use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, follower, healed};
use super::consumers::{both_protocols, member_of, millis};
use super::setup::{cluster, workload};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim};

const PROCESSED: &[Promise] = &[Promise::AckedSurvives, Promise::EveryAckedProcessed, Promise::Converges];
const UNCLEAN: &str = "unclean.leader.election.enable";
const RACK: &str = "client.rack";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "follower-fetch",
        title: "A consumer reads from the follower in its rack, which falls behind and comes to lead",
        refs: &["S32", "KIP-392"],
        advice: &["A14"],
        faults: "a follower paused from 3 s to 16 s, every in-sync replica killed at 15 s and back at 35 s",
        variants: [
            both_protocols!(weak["weak", "weak-consumer"](
                UNCLEAN,
                [(RACK, "b"), (UNCLEAN, "true")],
                PROCESSED,
                in_its_rack,
            )),
            both_protocols!(safe["safe", "safe-consumer"](
                [(RACK, "b"), (UNCLEAN, "false")],
                PROCESSED,
                in_its_rack,
            ))
            .map(|variant| variant.looking(no_follower_read)),
        ]
        .concat(),
    }]
}

/// One consumer in each rack, each in a group of its own, so that one of them is where the lagging follower is.
fn in_its_rack(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let lags = healed(Fault::Pause(follower(1)).at(at(3)), 13);
    let kill = healed(Fault::Kill(Role::isr_of(TOPIC, 0)).at(at(15)), 20);
    let mut sim = cluster(variant, seed)
        .racks(["a", "b", "c"])
        .broker_config(
            "replica.selector.class",
            "org.apache.kafka.common.replica.RackAwareReplicaSelector",
        )
        .producer(workload(variant)?)
        .faults(vec![lags, kill]);
    for (group, rack) in [("in-a", "a"), ("in-b", variant.setting(RACK)), ("in-c", "c")] {
        let plan = member_of(group, variant)?;
        sim = sim.consumer(plan.set(RACK, rack)?.processing(millis(10)));
    }
    Ok(sim)
}

/// A run in which nobody was served by a follower shows nothing.
fn no_follower_read(run: &Run, _: &Report) -> Vec<Finding> {
    let mut leaders = BTreeMap::new();
    for (_, event) in &run.events {
        match event {
            Event::LeaderElected { tp, leader, .. } => {
                leaders.insert((tp.topic, tp.partition), *leader);
            }
            Event::FetchAnswered {
                broker, tp, from, next, ..
            } if next > from => {
                let leader = leaders.get(&(tp.topic, tp.partition)).copied().flatten();
                if leader.is_some_and(|leader| leader != *broker) {
                    return Vec::new();
                }
            }
            _ => {}
        }
    }
    vec![Finding {
        allowed_by: "nothing: no follower was read",
        story: "every fetch was served by the leader".into(),
    }]
}
