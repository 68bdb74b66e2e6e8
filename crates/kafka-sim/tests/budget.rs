//! Any schedule within the budget is survived by the settings that promise so.
#![cfg(feature = "proptest")]

use std::time::Duration;

use kafka_sim::strategy::{Topology, beyond_budget, within_budget};
use kafka_sim::{Fault, Peer, ProducerPlan, Promise, Role, Schedule, Seed, Sim, SimTime, Survivors, Topic};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// What idempotence alone promises. The order is not among it, see `KEEPS_ORDER`.
const PROMISES: [Promise; 4] = [
    Promise::AckedSurvives,
    Promise::NoDuplicates,
    Promise::NothingRefusedAppears,
    Promise::SendsResolved,
];
/// What is promised by one request in flight on top of that. With more of them a new leader that knows nothing of the
/// producer accepts its second request although the first is still on its way to the old leader.
const KEEPS_ORDER: [Promise; 2] = [Promise::AckedSurvives, Promise::InOrder];

fn run(seed: u64, in_flight: &str, faults: Schedule) -> kafka_sim::Run {
    let plan = ProducerPlan::to("orders")
        .set("acks", "all")
        .and_then(|plan| plan.set("max.in.flight.requests.per.connection", in_flight))
        .expect("they are producer settings")
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

fn holds(run: &kafka_sim::Run, promises: &[Promise]) -> Result<(), TestCaseError> {
    let report = run.check(promises);
    prop_assert!(report.verdict.holds(), "{report}\n{}", run.pinned());
    prop_assert!(run.breaches.is_empty(), "{report}\n{}", run.pinned());
    prop_assert!(run.converged, "the cluster did not come to rest\n{}", run.pinned());
    Ok(())
}

/// The same cases in every run of the test; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose others.
fn cases() -> ProptestConfig {
    let chosen = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() {
            chosen.cases
        } else {
            48
        },
        rng_seed: match chosen.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            fixed => fixed,
        },
        failure_persistence: None,
        ..chosen
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn acks_all_with_two_in_sync_replicas_keeps_every_ack(
        seed in any::<u64>().no_shrink(),
        faults in within_budget(
            Topology::brokers(3).topic("orders", 2).clients(["producer-0"]),
            Duration::from_secs(120),
        ),
    ) {
        holds(&run(seed, "5", faults), &PROMISES)?;
    }

    #[test]
    fn one_request_in_flight_keeps_the_order(
        seed in any::<u64>().no_shrink(),
        faults in within_budget(Topology::brokers(3).topic("orders", 2), Duration::from_secs(120)),
    ) {
        holds(&run(seed, "1", faults), &KEEPS_ORDER)?;
    }
}

/// The schedule that the property found for five requests in flight, within the budget.
fn first_records_overtaken(in_flight: &str) -> kafka_sim::Run {
    let dark = Fault::PowerLoss {
        target: Role::leader_of("orders", 0),
        survivors: Survivors::All,
    };
    let reset = Fault::Reset {
        a: Peer::Clients,
        b: Peer::Brokers(Role::broker(1)),
    };
    let faults = vec![
        dark.at(SimTime::from_millis(9))
            .healed_after(Duration::from_millis(3997)),
        reset
            .at(SimTime::from_millis(8995))
            .healed_after(Duration::from_millis(1)),
    ];
    run(16_012_773_605_381_772_896, in_flight, faults.into())
}

#[test]
fn an_idempotent_producer_with_five_requests_in_flight_can_be_overtaken_by_itself() {
    let report = first_records_overtaken("5").check(&KEEPS_ORDER);
    assert!(report.counts.reordered > 0 && report.counts.lost == 0, "{report}");
    let blamed = &report.explanations[0].cause.setting_prevents[0];
    assert_eq!(blamed.key, "max.in.flight.requests.per.connection", "{report}");
}

#[test]
fn with_one_request_in_flight_the_same_faults_reorder_nothing() {
    let report = first_records_overtaken("1").check(&KEEPS_ORDER);
    assert!(report.verdict.holds(), "{report}");
}

/// The twin: what no setting promises to survive is found by the same kind of search.
#[test]
fn beyond_the_budget_some_schedule_loses_an_ack() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let schedules = beyond_budget(Topology::brokers(3).topic("orders", 2), Duration::from_secs(60));
    let lost = (0..40).find(|seed| {
        let faults = schedules.new_tree(&mut runner).expect("nothing is rejected").current();
        let run = run(*seed, "5", faults);
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
