//! What flushing more often saves, and what it costs.

use std::time::Duration;

use kafka_sim_check::{Outcome, Report};
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::fault::Role;
use kafka_sim_core::{ConfigError, Seed, SimTime};

use super::common::{healed, power_loss};
use super::setup::{SURVIVES, cluster, workload};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim};

const EVERY: Duration = Duration::from_millis(20);
/// Batches that were handed over but whose flush had not begun when the window closed.
const UNDER_WAY: u64 = 5;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "flush-window",
        title: "Every machine loses power: what was not flushed in time is lost",
        refs: &["S6"],
        advice: &["A15", "A16"],
        faults: "power loss of all brokers 5 to 6 s into the run, power back after 5 s",
        variants: vec![
            Variant::weak(
                "flush.messages",
                &[("flush.messages", "9223372036854775807")],
                SURVIVES,
                all_lose_power,
            ),
            Variant::weak("flush.messages", &[("flush.messages", "10")], SURVIVES, all_lose_power)
                .named("every-10")
                .looking(|_, report| exceeds(report, 10 + UNDER_WAY)),
            Variant::weak(
                "flush.ms",
                &[("flush.ms", "1000"), ("log.flush.scheduler.interval.ms", "500")],
                SURVIVES,
                all_lose_power,
            )
            .named("every-1s")
            .looking(|_, report| exceeds(report, 75 + UNDER_WAY)),
            Variant::safe(&[("flush.messages", "1")], SURVIVES, all_lose_power).looking(|run, _| costs_a_sync(run)),
        ],
    }]
}

fn all_lose_power(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let moment = seed.stream("scenario", 0).between(5_000, 6_000);
    let loss = healed(power_loss(Role::AllBrokers).at(SimTime::from_millis(moment)), 5);
    let plan = workload(variant)?.set("linger.ms", "0")?.records(400).every(EVERY);
    Ok(cluster(variant, seed).producer(plan).faults(vec![loss]))
}

/// More was lost than the flush settings leave unflushed.
fn exceeds(report: &Report, window: u64) -> Vec<Finding> {
    let lost = report.counts.lost;
    let story = format!("{lost} acknowledged records were lost, although at most {window} can have been unflushed");
    if lost > window {
        vec![Finding {
            allowed_by: "nothing: the window of loss is not what it should be",
            story,
        }]
    } else {
        Vec::new()
    }
}

/// An acknowledgement that came sooner than its fsync can have been done.
fn costs_a_sync(run: &Run) -> Vec<Finding> {
    let sync = u64::try_from(DiskConfig::default().sync_latency.as_nanos()).unwrap_or(u64::MAX);
    let waits = run.history.messages().filter_map(|message| match message.outcome {
        Some(Outcome::Acked { at, .. }) => Some(at - message.sent_at),
        _ => None,
    });
    let shortest = waits.min().unwrap_or(sync);
    let story = format!(
        "an acknowledgement came after {:?}, sooner than the fsync it needs",
        Duration::from_nanos(shortest)
    );
    if shortest < sync {
        vec![Finding {
            allowed_by: "nothing: the fsync cost no time",
            story,
        }]
    } else {
        Vec::new()
    }
}
