//! Applications around the cluster: what the patterns that people are told to use promise, and what their weaker twins
//! lose, in virtual time over a handful of seeds.

mod compacting;
mod consuming;
mod failing;
mod groups;
mod keeping;
mod producers;

use std::time::Duration;

use kafka_sim::{ConsumerPlan, Pattern, Run, Seed, Sim, Topic};

/// Enough to see that a result does not hang on one seed.
const SEEDS: std::ops::Range<u64> = 0..3;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A topic that loses nothing by itself.
fn orders(partitions: i32) -> Topic {
    Topic::named("orders")
        .partitions(partitions)
        .replicas(3)
        .config("min.insync.replicas", "2")
}

/// A group that commits by its own hand unless told otherwise, whose handler takes 30 ms for a record.
fn billing(pattern: Pattern) -> ConsumerPlan {
    let plan = ConsumerPlan::of("billing")
        .topic("orders")
        .pattern(pattern)
        .processing(millis(30));
    let plan = plan.set("enable.auto.commit", "false").expect("it is a key");
    plan.set("auto.offset.reset", "earliest").expect("it is a key")
}

/// The runs of all seeds.
fn runs(sim: impl Fn(Sim) -> Sim) -> impl Iterator<Item = Run> {
    SEEDS.map(move |seed| {
        let run = sim(Sim::new(Seed(seed)))
            .run()
            .expect("tests choose settings that work");
        assert!(run.converged, "seed {seed}");
        run
    })
}
