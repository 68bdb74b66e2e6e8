//! When batches are sent, and what it costs to go without them.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_sim_check::{Completion, Observation, Promise, Report};
use kafka_sim_cluster::event::Event;
use kafka_sim_core::{ConfigError, Seed};

use super::common::{TOPIC, one_partition, producer_with, seconds};
use super::consumers::{both_protocols, member, millis, two_partitions};
use crate::catalogue::{Finding, Scenario, Variant};
use crate::sim::{ProducerPlan, Run, Sim};

const PROMISES: &[Promise] = &[Promise::AckedSurvives, Promise::NoDuplicates, Promise::InOrder];
const IN_STEP: &[Promise] = &[
    Promise::EveryAckedProcessed,
    Promise::CommitNeverPassesProcessed,
    Promise::Converges,
];
const RECORDS: u32 = 300;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![sending(), consuming()]
}

fn sending() -> Scenario {
    Scenario {
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
    }
}

fn consuming() -> Scenario {
    Scenario {
        name: "consuming-in-batches",
        title: "A group works off a backlog and commits after each poll: one record at a time, or all there are",
        refs: &[],
        advice: &["A5"],
        faults: "none: what is counted are commits and time",
        variants: [
            both_protocols!(weak["weak", "weak-consumer"](
                "max.poll.records",
                [("max.poll.records", "1")],
                IN_STEP,
                backlog,
            )),
            both_protocols!(safe["safe", "safe-consumer"]([("max.poll.records", "500")], IN_STEP, backlog)),
        ]
        .concat()
        .into_iter()
        .map(|variant| variant.looking(committed_one_by_one).harmless())
        .collect(),
    }
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

/// Everything is there before the group comes.
fn backlog(variant: &Variant, seed: Seed) -> Result<Sim, ConfigError> {
    let plan = ProducerPlan::to(TOPIC).records(RECORDS).every(millis(10));
    let group = member(variant)?.starts_after(seconds(6)).processing(millis(1));
    Ok(two_partitions(seed).producer(plan).consumer(group))
}

fn committed_one_by_one(run: &Run, _: &Report) -> Vec<Finding> {
    // A commit is told once for each partition.
    let (mut commits, mut handled) = (BTreeSet::new(), Vec::new());
    for observation in run.history.observations() {
        match observation {
            Observation::Committed {
                at,
                completion: Completion::Ok,
                ..
            } => drop(commits.insert(at)),
            Observation::Processed { at, .. } => handled.push(at),
            _ => {}
        }
    }
    let took = handled
        .last()
        .zip(handled.first())
        .map_or(0, |(last, first)| last - first);
    let took = Duration::from_nanos(took).as_millis();
    let story = format!("{} records took {} commits and {took} ms", handled.len(), commits.len());
    if commits.len() * 2 > RECORDS as usize {
        vec![Finding {
            allowed_by: "max.poll.records",
            story,
        }]
    } else {
        Vec::new()
    }
}
