//! Whole runs per second of processor time, measured in one go so that the figures can be compared with each other even
//! on a busy machine. Linux only: processor time comes from /proc. `--runs N` sets how many runs each figure takes.

mod world;

use std::time::Instant;

use kafka_sim::Promise;
use kafka_sim::search::{Budget, Profile, schedule};

const PROMISES: [Promise; 5] = [
    Promise::AckedSurvives,
    Promise::NoDuplicates,
    Promise::InOrder,
    Promise::ConsistentOffsets,
    Promise::SendsResolved,
];

/// Nanoseconds this thread has spent on a processor.
fn on_cpu() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

#[allow(clippy::print_stdout, reason = "the output is the result")]
fn measure(name: &str, runs: u64, mut run: impl FnMut(u64)) {
    run(0);
    let (began, before) = (Instant::now(), on_cpu());
    (1..=runs).for_each(&mut run);
    let wall = runs as f64 / began.elapsed().as_secs_f64();
    match (before, on_cpu()) {
        (Some(before), Some(after)) => {
            let cpu = runs as f64 / ((after - before) as f64 / 1e9);
            println!("{name:<34} {cpu:>7.0} runs per processor second, {wall:>7.0} per second");
        }
        _ => println!("{name:<34} {wall:>7.0} runs per second"),
    }
}

fn main() {
    let mut args = std::env::args();
    let test = std::env::args().any(|arg| arg == "--test");
    let asked = args.find(|arg| arg == "--runs").and_then(|_| args.next());
    let runs = asked
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(if test { 3 } else { 1_000 });
    measure("run", runs, |seed| drop(world::run(seed, false)));
    measure("run and judge", runs, |seed| {
        drop(world::run(seed, false).check(&PROMISES))
    });
    measure("run and judge, every event kept", runs, |seed| {
        drop(world::run(seed, true).check(&PROMISES))
    });
    let world = Profile::ALL[0].world();
    measure("trial of a search", runs, |seed| {
        let seed = kafka_sim::Seed(seed);
        let outcome = world.outcome(seed, &schedule(seed, Budget::Within, &world));
        drop(outcome.expect("the profile is valid"));
    });
}
