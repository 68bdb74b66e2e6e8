//! What applications make of the outcome of a send (S17).

use std::time::Duration;

use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::fault::Fault;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{at, few_in_sync, healed, leader, one_partition, producer_with, seconds, unwritten};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Handling, ProducerPlan, Run, Sim};

const ONCE: &[Promise] = &[Promise::AckedSurvives, Promise::OncePerBusinessKey];
const HONEST: &[Promise] = &[
    Promise::AckedSurvives,
    Promise::SendsResolved,
    Promise::NothingRefusedAppears,
];
const SEND_AGAIN: Handling = Handling::SendAgain {
    after: Duration::from_secs(1),
    at_most: 20,
};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "indeterminate-send",
            title: "A send is reported as failed, the application sends the same again, and both arrive",
            refs: &["S17"],
            advice: &["A1", "A23", "A27"],
            faults: "both followers paused 2 s into the run, for 15 s",
            variants: vec![
                Variant::weak(
                    "application",
                    &[
                        ("application", "sends again"),
                        ("delivery.timeout.ms", "3000"),
                        ("request.timeout.ms", "2000"),
                        ("linger.ms", "0"),
                    ],
                    ONCE,
                    sends_again,
                ),
                Variant::weak(
                    "application",
                    &[
                        ("application", "sends again"),
                        ("retries", "0"),
                        ("request.timeout.ms", "2000"),
                        ("enable.idempotence", "false"),
                    ],
                    ONCE,
                    sends_again,
                )
                .named("no-retries"),
                Variant::safe(
                    &[
                        ("application", "sends again"),
                        ("delivery.timeout.ms", "120000"),
                        ("request.timeout.ms", "2000"),
                    ],
                    ONCE,
                    sends_again,
                ),
                Variant::safe(
                    &[
                        ("application", "takes note"),
                        ("delivery.timeout.ms", "3000"),
                        ("request.timeout.ms", "2000"),
                        ("linger.ms", "0"),
                    ],
                    ONCE,
                    takes_note,
                )
                .named("takes-note"),
            ],
        },
        Scenario {
            name: "handles-results",
            title: "Sends fail during a long outage, and the application looks or does not look",
            refs: &[],
            advice: &["A20"],
            faults: "controlled shutdown of both followers 2.05 s into the run, restart after 15 s",
            variants: vec![
                Variant::weak(
                    "application",
                    &[
                        ("application", "ignores send results"),
                        ("delivery.timeout.ms", "4000"),
                        ("request.timeout.ms", "2000"),
                    ],
                    HONEST,
                    ignored_outage,
                ),
                Variant::safe(
                    &[
                        ("application", "sends again"),
                        ("delivery.timeout.ms", "4000"),
                        ("request.timeout.ms", "2000"),
                    ],
                    HONEST,
                    handled_outage,
                )
                .looking(content_missing),
                Variant::safe(
                    &[
                        ("application", "ignores send results"),
                        ("delivery.timeout.ms", "120000"),
                    ],
                    HONEST,
                    ignored_outage,
                )
                .named("patient"),
            ],
        },
        Scenario {
            name: "buffer-memory",
            title: "The leader cannot be reached, the buffer fills up, and sends block until max.block.ms",
            refs: &[],
            advice: &["A11"],
            faults: "isolation of the leader from everybody 2 s into the run, for 25 s",
            variants: vec![
                Variant::weak(
                    "application",
                    &[
                        ("application", "ignores send results"),
                        ("buffer.memory", "5000"),
                        ("batch.size", "1000"),
                        ("max.block.ms", "2000"),
                    ],
                    HONEST,
                    full_and_ignored,
                ),
                Variant::safe(
                    &[
                        ("application", "takes note"),
                        ("buffer.memory", "5000"),
                        ("batch.size", "1000"),
                        ("max.block.ms", "2000"),
                    ],
                    HONEST,
                    full_and_noted,
                )
                .looking(never_full),
                Variant::safe(
                    &[
                        ("application", "ignores send results"),
                        ("buffer.memory", "33554432"),
                        ("batch.size", "1000"),
                        ("max.block.ms", "2000"),
                    ],
                    HONEST,
                    full_and_ignored,
                )
                .named("large"),
            ],
        },
    ]
}

fn sends_again(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    stalled(seed, producer_with(variant)?.handling(SEND_AGAIN))
}

fn takes_note(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    stalled(seed, producer_with(variant)?.handling(Handling::Note))
}

/// The leader appends, and for a while nobody fetches.
fn stalled(seed: Seed, plan: ProducerPlan) -> Result<Sim, ConfigError> {
    let pause = |nth| healed(Fault::Pause(super::common::follower(nth)).at(at(2)), 15);
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(vec![pause(0), pause(1)]))
}

fn ignored_outage(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    outage(seed, producer_with(variant)?.handling(Handling::Ignore))
}

fn handled_outage(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    outage(seed, producer_with(variant)?.handling(SEND_AGAIN))
}

fn outage(seed: Seed, plan: ProducerPlan) -> Result<Sim, ConfigError> {
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(few_in_sync(seconds(15))))
}

fn content_missing(run: &Run, _: &Report) -> Vec<Finding> {
    unwritten(run, "application")
}

fn full_and_ignored(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    unreachable_leader(seed, producer_with(variant)?.handling(Handling::Ignore))
}

fn full_and_noted(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    unreachable_leader(seed, producer_with(variant)?.handling(Handling::Note))
}

fn unreachable_leader(seed: Seed, plan: ProducerPlan) -> Result<Sim, ConfigError> {
    let isolate = healed(Fault::Isolate(leader()).at(at(2)), 25);
    let plan = plan
        .set("request.timeout.ms", "5000")?
        .records(300)
        .every(Duration::from_millis(20));
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(vec![isolate]))
}

/// A run in which the buffer never filled up shows nothing.
fn never_full(_: &Run, report: &Report) -> Vec<Finding> {
    let finding = Finding {
        allowed_by: "nothing: the buffer never filled up",
        story: "no send was refused".into(),
    };
    if report.counts.refused == 0 {
        vec![finding]
    } else {
        Vec::new()
    }
}
