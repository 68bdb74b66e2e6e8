//! When batches are sent.

use std::time::Duration;

use kafka_sim_check::{Promise, Report};
use kafka_sim_cluster::event::Event;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{one_partition, producer_with};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{Run, Sim};

const PROMISES: &[Promise] = &[Promise::AckedSurvives, Promise::NoDuplicates, Promise::InOrder];
const RECORDS: u32 = 300;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "batching",
        title: "A batch is sent when it has batch.size bytes or is linger.ms old, whichever comes first",
        refs: &[],
        advice: &["A5", "A10"],
        faults: "none: what is counted are batches",
        variants: vec![
            Variant::weak(
                "linger.ms",
                &[("linger.ms", "0"), ("batch.size", "16384")],
                PROMISES,
                steady,
            )
            .looking(not_lingering)
            .harmless(),
            Variant::weak(
                "batch.size",
                &[("linger.ms", "100"), ("batch.size", "1")],
                PROMISES,
                steady,
            )
            .looking(too_small)
            .harmless()
            .named("tiny"),
            Variant::safe(&[("linger.ms", "100"), ("batch.size", "16384")], PROMISES, steady)
                .looking(not_lingering)
                .harmless(),
            Variant::safe(&[("linger.ms", "30000"), ("batch.size", "1000")], PROMISES, steady)
                .looking(waits_for_linger)
                .harmless()
                .named("full-first"),
        ],
    }]
}

/// A record every 10 ms, which is more than a round trip.
fn steady(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = producer_with(variant)?
        .records(RECORDS)
        .every(Duration::from_millis(10));
    Ok(Sim::new(seed)
        .topic(one_partition().config("min.insync.replicas", "2"))
        .producer(plan))
}

/// Records in each batch, in the order of the log.
fn batches(run: &Run) -> Vec<i64> {
    let sizes = run.events.iter().filter_map(|(_, event)| match event {
        Event::Appended {
            base,
            last,
            duplicate: false,
            ..
        } => Some(last - base + 1),
        _ => None,
    });
    sizes.collect()
}

fn mostly_alone(run: &Run, allowed_by: &'static str) -> Vec<Finding> {
    let batches = batches(run).len();
    let story = format!("{RECORDS} records took {batches} batches");
    if batches * 2 > RECORDS as usize {
        vec![Finding { allowed_by, story }]
    } else {
        Vec::new()
    }
}

fn not_lingering(run: &Run, _: &Report) -> Vec<Finding> {
    mostly_alone(run, "linger.ms")
}

fn too_small(run: &Run, _: &Report) -> Vec<Finding> {
    mostly_alone(run, "batch.size")
}

/// `batch.size` counts bytes: 61 of a batch's head and at least 107 of each record leave room for 8 in 1000.
fn waits_for_linger(run: &Run, _: &Report) -> Vec<Finding> {
    let batches = batches(run);
    let wrong = batches
        .iter()
        .rev()
        .skip(1)
        .filter(|records| !(7..=8).contains(*records))
        .count();
    let story = format!("{wrong} of {} batches were not sent for being full", batches.len());
    if wrong > 0 {
        vec![Finding {
            allowed_by: "nothing: a full batch waited or was too full",
            story,
        }]
    } else {
        Vec::new()
    }
}
