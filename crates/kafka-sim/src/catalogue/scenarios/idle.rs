//! Connections that something in the middle has forgotten.

use std::time::Duration;

use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::ClusterConfig;
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::net::{LinkConfig, NetConfig};
use kafka_sim_core::{ConfigError, Seed};

use super::common::{at, healed, hold_replication, one_partition, producer_with, unwritten};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{ProducerPlan, Run, Sim};

const PROMISES: &[Promise] = &[Promise::AckedSurvives, Promise::NoDuplicates, Promise::SendsResolved];

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "idle-connections",
        title: "A virtual IP forgets connections that were idle for 30 s, and a producer sends every 40 s",
        refs: &[],
        advice: &["A8"],
        faults: "client connections are forgotten after 30 s without traffic; the next byte is answered with a reset; slow: replication is held from 39 s on for 35 s",
        variants: vec![
            Variant::weak(
                "retries",
                &[("retries", "0"), ("connections.max.idle.ms", "540000")],
                PROMISES,
                rarely,
            )
            .looking(sends_failed)
            .harmless(),
            Variant::safe(&[("connections.max.idle.ms", "540000")], PROMISES, rarely)
                .looking(survives_resets)
                .harmless(),
            Variant::safe(&[("enable.idempotence", "false")], PROMISES, rarely)
                .looking(survives_resets)
                .harmless()
                .named("not-idempotent"),
            Variant::safe(
                &[("retries", "0"), ("connections.max.idle.ms", "25000")],
                PROMISES,
                rarely,
            )
            .looking(sends_failed)
            .harmless()
            .named("closes-first"),
            Variant::weak(
                "enable.idempotence",
                &[("enable.idempotence", "false"), ("request.timeout.ms", "60000")],
                PROMISES,
                slow_answer,
            )
            .named("slow-answer"),
            Variant::safe(
                &[("enable.idempotence", "true"), ("request.timeout.ms", "60000")],
                PROMISES,
                slow_answer,
            )
            .harmless()
            .named("slow-safe"),
        ],
    }]
}

fn rarely(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    Ok(behind_virtual_ip(producer_with(variant)?, seed))
}

/// A request that the broker works on for longer than the virtual IP remembers: the answer finds no way back.
fn slow_answer(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let hold = healed(hold_replication().at(at(39)), 35);
    Ok(behind_virtual_ip(producer_with(variant)?, seed).faults(vec![hold]))
}

fn behind_virtual_ip(plan: ProducerPlan, seed: Seed) -> Sim {
    let links = ClusterConfig::simulated(3).network;
    let virtual_ip = LinkConfig {
        idle_timeout: Some(Duration::from_secs(30)),
        ..links.client_broker
    };
    let plan = plan.records(6).every(Duration::from_secs(40));
    let topic = one_partition().config("min.insync.replicas", "2");
    Sim::new(seed)
        .topic(topic)
        .network(NetConfig {
            client_broker: virtual_ip,
            ..links
        })
        .producer(plan)
}

fn sends_failed(run: &Run, _: &Report) -> Vec<Finding> {
    unwritten(run, "retries")
}

/// Nothing fails, and yet connections were forgotten.
fn survives_resets(run: &Run, report: &Report) -> Vec<Finding> {
    // The producer is the first client of the world, and a connection's number begins with its client's.
    let opened = run
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::ConnectionOpened { conn, .. } if conn.0 >> 32 == 0))
        .count();
    let story = format!(
        "the producer opened {opened} connections for {} sends",
        report.counts.sent
    );
    if opened < 6 {
        vec![Finding {
            allowed_by: "nothing: no connection was forgotten",
            story,
        }]
    } else {
        sends_failed(run, report)
    }
}
