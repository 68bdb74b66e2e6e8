//! Any schedule of faults against a closed world: nothing panics, the schedule survives its file, the run is the same
//! when it is repeated, and once everything is healed the cluster comes to rest and can be read to its end.
#![no_main]

use std::time::Duration;

use kafka_sim::{ProducerPlan, Run, Schedule, Seed, Sim, Topic};
use libfuzzer_sys::fuzz_target;

fn run(schedule: &Schedule) -> Run {
    Sim::new(Seed(1))
        .topic(
            Topic::named("orders")
                .partitions(3)
                .replicas(3)
                .config("min.insync.replicas", "2"),
        )
        .producer(ProducerPlan::to("orders").records(60).every(Duration::from_secs(1)))
        .faults(schedule.clone())
        .keep_events(false)
        .run()
        .expect("the settings are valid")
}

fuzz_target!(|schedule: Schedule| {
    let json = serde_json::to_string(&schedule).expect("a schedule has string keys");
    let read: Schedule = serde_json::from_str(&json).expect("what was written is read");
    assert_eq!(read, schedule);
    let first = run(&schedule);
    assert!(first.converged, "not at rest after everything was healed:\n{schedule}");
    assert_eq!(
        first.trace_hash,
        run(&schedule).trace_hash,
        "another run under\n{schedule}"
    );
});
