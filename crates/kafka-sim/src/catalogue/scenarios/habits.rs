//! Habits of consuming applications: what they do with a record that fails, and how they look at a topic.

use kafka_sim_check::{Observation, Promise, Report};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::Fault;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, at, healed, leader, seconds};
use super::consumers::{GROUP, both_protocols, listed, member, member_of, millis, two_partitions};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{OnFailure, ProducerPlan, Run, Sim, Spread};

const IN_STEP: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::Converges,
];
const ORDERED: &[Promise] = &[Promise::OrderPerKey, Promise::Converges];
const STRATEGY: &str = "commit strategy";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "partial-batch",
            title: "One record of a batch fails: go on, or stop and acknowledge what has succeeded",
            refs: &[],
            advice: &["A5"],
            faults: "the handler fails three times for one record",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    "application",
                    [("application", "skips what failed"), (STRATEGY, "after processing")],
                    IN_STEP,
                    poisoned,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [
                        ("application", "stops at what failed"),
                        (STRATEGY, "what succeeded, in order"),
                    ],
                    IN_STEP,
                    poisoned,
                )),
                both_protocols!(safe["whole", "whole-consumer"](
                    [("application", "rewinds the batch"), (STRATEGY, "after processing")],
                    IN_STEP,
                    poisoned,
                )),
            ]
            .concat(),
        },
        Scenario {
            name: "second-group",
            title: "Somebody wants to look at the messages while a group is consuming them",
            refs: &[],
            advice: &["A6"],
            faults: "another consumer comes 10 s into the run and reads everything",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    "group.id",
                    [("group.id", "the same")],
                    IN_STEP,
                    looked_at,
                ))
                .map(|variant| variant.looking(disturbed)),
                both_protocols!(safe["safe", "safe-consumer"](
                    [("group.id", "another")],
                    IN_STEP,
                    looked_at,
                ))
                .map(|variant| variant.looking(disturbed).harmless()),
            ]
            .concat(),
        },
        Scenario {
            name: "strict-order",
            title: "A topic grows while the group lags, and later its only replica is gone for a while",
            refs: &["S23"],
            advice: &["A12", "A13"],
            faults: "growth from one to two partitions 10 s into the run, kill of the leader at 20 s, restart after 8 s",
            variants: [
                both_protocols!(weak["weak", "weak-consumer"](
                    "partitions",
                    [("partitioner", "by key")],
                    ORDERED,
                    in_order,
                )),
                both_protocols!(safe["safe", "safe-consumer"](
                    [("partitioner", "one partition")],
                    ORDERED,
                    in_order,
                ))
                .map(|variant| variant.looking(nothing_failed)),
            ]
            .concat(),
        },
    ]
}

fn poisoned(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let on_failure = match variant.setting("application") {
        "skips what failed" => OnFailure::Skip,
        _ => OnFailure::Rewind,
    };
    let group = member(variant)?
        .processing(millis(80))
        .poison(0, 30, 3)
        .on_failure(on_failure);
    Ok(two_partitions(seed).producer(ProducerPlan::to(TOPIC)).consumer(group))
}

fn looked_at(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let group = match listed(variant, "group.id") {
        Some("the same") => GROUP,
        _ => "audit",
    };
    Ok(two_partitions(seed)
        .producer(ProducerPlan::to(TOPIC))
        .consumer(member(variant)?)
        .consumer(member_of(group, variant)?.starts_after(seconds(10))))
}

/// A finding if the first consumer had to give a partition up.
fn disturbed(run: &Run, _: &Report) -> Vec<Finding> {
    let mut first = None;
    for observation in run.history.observations() {
        match observation {
            Observation::Joined { reader, .. } if first.is_none() => first = Some(reader),
            Observation::Released {
                at,
                reader,
                topic,
                partition,
            } if Some(reader) == first => {
                let at = kafka_sim_check::Moment(at);
                return vec![Finding {
                    allowed_by: "group.id",
                    story: format!("{at} the first consumer gave up {topic}-{partition}, for somebody who only looks"),
                }];
            }
            _ => {}
        }
    }
    Vec::new()
}

/// The group lags, and the second member has nothing to do until the second partition comes.
fn in_order(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let spread = match variant.setting("partitioner") {
        "by key" => Spread::Keyed(5),
        _ => Spread::KeyedIn { partition: 0, keys: 5 },
    };
    let plan = ProducerPlan::to(TOPIC)
        .set("metadata.max.age.ms", "1000")?
        .set("delivery.timeout.ms", "4000")?
        .set("request.timeout.ms", "2000")?
        .spread(spread)
        .records(300);
    let group = member(variant)?
        .set("metadata.max.age.ms", "1000")?
        .members(2)
        .processing(millis(200));
    let growth = Fault::AddPartitions {
        topic: TOPIC.into(),
        total: 2,
    };
    Ok(Sim::new(seed)
        .topic(Topic::named(TOPIC).partitions(1).replicas(1))
        .producer(plan)
        .consumer(group)
        .faults(vec![growth.at(at(10)), healed(Fault::Kill(leader()).at(at(20)), 8)]))
}

/// Order in one partition has its price: while the partition has no leader, sends fail.
fn nothing_failed(_: &Run, report: &Report) -> Vec<Finding> {
    let finding = Finding {
        allowed_by: "nothing: no send failed",
        story: "every send was acknowledged although the partition had no leader for 8 s".into(),
    };
    if report.counts.refused + report.counts.unknown == 0 {
        vec![finding]
    } else {
        Vec::new()
    }
}
