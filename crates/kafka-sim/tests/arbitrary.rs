//! Schedules from the bytes of a fuzzer.
#![cfg(feature = "arbitrary")]

use arbitrary::{Arbitrary as _, Unstructured};
use kafka_sim::{ProducerPlan, Schedule, Seed, Sim, Topic};

fn bytes(seed: u64, count: u64) -> Vec<u8> {
    let mut rng = Seed(seed).stream("bytes", 0);
    (0..count)
        .map(|_| u8::try_from(rng.below(256)).expect("it is below 256"))
        .collect()
}

fn schedule(bytes: &[u8]) -> Schedule {
    Schedule::arbitrary(&mut Unstructured::new(bytes)).expect("any bytes make a schedule")
}

#[test]
fn any_bytes_make_a_schedule_that_survives_its_file_and_names_what_is_there() {
    let mut faults = 0;
    for seed in 0..300 {
        let schedule = schedule(&bytes(seed, 4 * seed));
        faults += schedule.faults.len();
        assert!(schedule.faults.len() <= 32, "{schedule}");
        let json = serde_json::to_string(&schedule).expect("its keys are strings");
        assert_eq!(
            serde_json::from_str::<Schedule>(&json).expect("what was written is read"),
            schedule
        );
        for unknown in ["broker 3", "orders-3"] {
            assert!(!schedule.to_string().contains(unknown), "{schedule}");
        }
    }
    assert!(faults > 300, "{faults} faults in 300 schedules");
    assert_eq!(schedule(&[]), schedule(&[]));
}

#[test]
fn a_cluster_comes_to_rest_after_any_of_them() {
    for seed in 0..6 {
        let schedule = schedule(&bytes(seed, 600));
        let run = Sim::new(Seed(seed))
            .topic(Topic::named("orders").partitions(3).replicas(3))
            .producer(ProducerPlan::to("orders").records(30))
            .faults(schedule.clone())
            .run()
            .expect("the settings are valid");
        assert!(run.converged, "{schedule}");
    }
}
