//! Any schedule within the budget is survived by the settings that promise so.
#![cfg(feature = "proptest")]

use std::time::Duration;

use kafka_sim::strategy::{Topology, beyond_budget, within_budget};
use kafka_sim::{ProducerPlan, Promise, Schedule, Seed, Sim, Topic};
use proptest::prelude::*;

const PROMISES: [Promise; 5] = [
    Promise::AckedSurvives,
    Promise::NoDuplicates,
    Promise::InOrder,
    Promise::NothingRefusedAppears,
    Promise::SendsResolved,
];

fn run(seed: u64, faults: Schedule) -> kafka_sim::Run {
    let plan = ProducerPlan::to("orders")
        .set("acks", "all")
        .expect("acks is a producer setting")
        .every(Duration::from_millis(500));
    Sim::new(Seed(seed))
        .topic(
            Topic::named("orders")
                .partitions(2)
                .replicas(3)
                .config("min.insync.replicas", "2"),
        )
        .producer(plan.records(240))
        .faults(faults)
        .run()
        .expect("the settings are valid")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn acks_all_with_two_in_sync_replicas_keeps_every_ack(
        seed in any::<u64>().no_shrink(),
        faults in within_budget(Topology::brokers(3).topic("orders", 2), Duration::from_secs(120)),
    ) {
        let run = run(seed, faults);
        let report = run.check(&PROMISES);
        prop_assert!(report.verdict.holds(), "{report}\n{}", run.pinned());
        prop_assert!(run.breaches.is_empty(), "{report}\n{}", run.pinned());
        prop_assert!(run.converged, "the cluster did not come to rest\n{}", run.pinned());
    }
}

/// The twin: what no setting promises to survive is found by the same kind of search.
#[test]
fn beyond_the_budget_some_schedule_loses_an_ack() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let schedules = beyond_budget(Topology::brokers(3).topic("orders", 2), Duration::from_secs(60));
    let lost = (0..40).find(|seed| {
        let faults = schedules.new_tree(&mut runner).expect("nothing is rejected").current();
        let run = run(*seed, faults);
        assert_eq!(
            run.breaches,
            [],
            "what is beyond the budget excuses it\n{}",
            run.pinned()
        );
        run.check(&PROMISES).counts.lost > 0
    });
    assert!(lost.is_some(), "40 schedules of power losses of everybody lost nothing");
}
