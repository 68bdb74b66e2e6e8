//! What retries are worth, and what they cost (S15, S18).

use std::time::Duration;

use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::fault::{Fault, Filter};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{at, few_in_sync, healed, leader, one_partition, producer_with, seconds, unwritten};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim};

const ONCE: &[Promise] = &[Promise::AckedSurvives, Promise::NoDuplicates];
const DELIVERED: &[Promise] = &[Promise::AckedSurvives, Promise::SendsResolved];
const PRODUCE: i16 = 0;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "retry-duplicates",
            title: "The records are in the log, but the response is lost, so the producer sends them again",
            refs: &["S15"],
            advice: &["A1", "A23", "A27"],
            faults: "the response to a produce request is lost 2 s, 4 s and 6 s into the run",
            variants: vec![
                Variant::weak(
                    "enable.idempotence",
                    &[("enable.idempotence", "false")],
                    ONCE,
                    lost_responses,
                ),
                Variant::weak("enable.idempotence", &[("acks", "1")], ONCE, lost_responses).named("acks-one"),
                Variant::safe(&[("enable.idempotence", "true")], ONCE, lost_responses),
                Variant::safe(
                    &[("enable.idempotence", "false"), ("retries", "0")],
                    ONCE,
                    lost_responses,
                )
                .named("no-retries"),
            ],
        },
        Scenario {
            name: "producer-state-lost",
            title: "A retry arrives when the broker has forgotten the producer",
            refs: &["S18", "KIP-360"],
            advice: &["A27"],
            faults: "a produce response is lost 2 s into the run, and the leader refuses connections for 10 s",
            variants: vec![
                Variant::weak(
                    "producer.id.expiration.ms",
                    &[("producer.id.expiration.ms", "3000")],
                    ONCE,
                    forgotten_producer,
                ),
                Variant::safe(&[("producer.id.expiration.ms", "130000")], ONCE, forgotten_producer),
            ],
        },
        Scenario {
            name: "retries-too-few",
            title: "Too few replicas are in sync for longer than all retries take together",
            refs: &[],
            advice: &["A7"],
            faults: "controlled shutdown of both followers 2.05 s into the run, restart after 12 s; short: after 0.5 s",
            variants: vec![
                Variant::weak(
                    "retries",
                    &[("retries", "3"), ("retry.backoff.ms", "1000")],
                    DELIVERED,
                    long_outage,
                )
                .looking(sends_failed),
                Variant::weak(
                    "retries",
                    &[("retries", "3"), ("retry.backoff.ms", "300")],
                    DELIVERED,
                    long_outage,
                )
                .looking(sends_failed)
                .named("300-ms"),
                Variant::safe(&[], DELIVERED, long_outage).looking(sends_failed),
                Variant::safe(
                    &[("retries", "3"), ("retry.backoff.ms", "1000")],
                    DELIVERED,
                    short_outage,
                )
                .looking(sends_failed)
                .named("short"),
            ],
        },
    ]
}

fn lost_responses(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let lost = [2, 4, 6].map(|second| Fault::DropResponse(Filter::next(1).api(PRODUCE)).at(at(second)));
    let plan = producer_with(variant)?.records(100);
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(lost.to_vec()))
}

fn forgotten_producer(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let lost = Fault::DropResponse(Filter::next(1).api(PRODUCE)).at(at(2));
    let refuse = healed(Fault::RefuseConnections(leader()).at(at(2)), 10);
    let sim = Sim::new(seed).broker_config("producer.id.expiration.check.interval.ms", "500");
    let sim = sim.broker_config(
        "producer.id.expiration.ms",
        variant.setting("producer.id.expiration.ms"),
    );
    let plan = producer_with(variant)?.records(100);
    Ok(sim
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan)
        .faults(vec![lost, refuse]))
}

fn long_outage(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    outage(variant, seed, seconds(12))
}

fn short_outage(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    outage(variant, seed, Duration::from_millis(500))
}

fn outage(variant: &Variant, seed: Seed, lasts: Duration) -> Result<Sim, ConfigError> {
    let topic = one_partition().config("min.insync.replicas", "2");
    Ok(Sim::new(seed)
        .topic(topic)
        .producer(producer_with(variant)?)
        .faults(few_in_sync(lasts)))
}

fn sends_failed(run: &Run, _: &Report) -> Vec<Finding> {
    let refused = run
        .events
        .iter()
        .any(|(_, event)| matches!(event, Event::NotEnoughReplicas { .. }));
    let no_outage = Finding {
        allowed_by: "nothing: no produce was ever refused",
        story: "the outage harmed nobody".into(),
    };
    if refused {
        unwritten(run, "retries")
    } else {
        vec![no_outage]
    }
}
