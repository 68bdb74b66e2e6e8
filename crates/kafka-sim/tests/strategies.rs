//! Properties over schedules, settings and whole worlds: what settings promise they keep, and what breaks gets small.
#![cfg(feature = "proptest")]

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_sim::search::{Budget, Claim, Settings, World};
use kafka_sim::strategy::{Topology, beyond_budget, promised, settings, within_budget, worlds};
use kafka_sim::{Fault, Schedule, Seed, SimTime, Trigger};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

/// The same cases in every run of the tests; `PROPTEST_RNG_SEED` chooses others.
fn config(cases: u32) -> ProptestConfig {
    let chosen = ProptestConfig::default();
    ProptestConfig {
        cases,
        rng_seed: match chosen.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            fixed => fixed,
        },
        failure_persistence: None,
        ..chosen
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn whatever_the_settings_what_they_promise_is_kept_within_the_budget(
        seed in any::<u64>().no_shrink(),
        (world, faults) in worlds(Budget::Within),
    ) {
        let outcome = world.outcome(Seed(seed), &faults).expect("only settings that fit together are made");
        let promised = promised(&world.settings);
        let broken: Vec<Claim> = outcome.broken.into_iter().filter(|claim| promised.contains(claim)).collect();
        prop_assert!(broken.is_empty(), "{broken:?} by {:?} under seed {seed} and\n{}", world.settings, faults.to_rust());
    }
}

/// The twin: what settings do not promise breaks under some of them.
#[test]
fn what_settings_do_not_promise_breaks_under_some_of_them() {
    let mut runner = TestRunner::new(config(1));
    let mut broken = BTreeSet::new();
    for seed in 0..120 {
        let (world, faults) = worlds(Budget::Within)
            .new_tree(&mut runner)
            .expect("nothing is rejected")
            .current();
        let outcome = world
            .outcome(Seed(seed), &faults)
            .expect("only settings that fit together are made");
        broken.extend(outcome.broken);
    }
    assert!(broken.contains(&Claim::AckedSurvives), "{broken:?}");
    assert!(broken.contains(&Claim::NoDuplicates), "{broken:?}");
}

#[test]
fn the_simplest_settings_promise_everything_and_all_values_occur() {
    let simplest = |settings: &Settings| promised(settings).len() == Claim::ALL.len();
    let error = TestRunner::new(config(64)).run(&settings(), |_| Err(TestCaseError::fail("every value")));
    let Err(TestError::Fail(_, smallest)) = error else {
        panic!("the property fails for every value")
    };
    assert!(simplest(&smallest), "{smallest:?}");
    let mut runner = TestRunner::new(config(1));
    let made = |_| settings().new_tree(&mut runner).expect("nothing is rejected").current();
    let made: Vec<Settings> = (0..200).map(made).collect();
    let of = |settings: &Settings| settings.producer.get("acks").cloned();
    assert_eq!(made.iter().map(of).collect::<BTreeSet<_>>().len(), 3);
    assert!(made.iter().any(|settings| !simplest(settings)));
}

fn smallest(strategy: &impl Strategy<Value = Schedule>, wanted: impl Fn(&Schedule) -> bool) -> Schedule {
    let mut runner = TestRunner::new(config(500));
    let error = runner.run(strategy, |schedule| match wanted(&schedule) {
        true => Err(TestCaseError::fail("wanted")),
        false => Ok(()),
    });
    match error {
        Err(TestError::Fail(_, smallest)) => smallest,
        other => panic!("500 schedules had none of the wanted: {other:?}"),
    }
}

#[test]
fn what_breaks_shrinks_to_one_fault_at_the_beginning() {
    let topology = || Topology::brokers(3).topic("orders", 2);
    let minute = Duration::from_secs(60);
    let killed = |schedule: &Schedule| {
        schedule
            .faults
            .iter()
            .any(|fault| matches!(fault.fault, Fault::Kill(_)))
    };
    for smallest in [
        smallest(&within_budget(topology(), minute), killed),
        smallest(&beyond_budget(topology(), minute), killed),
    ] {
        assert_eq!(smallest.faults.len(), 1, "{smallest}");
        assert_eq!(smallest.faults[0].at, Trigger::At(SimTime::ZERO), "{smallest}");
        assert_eq!(
            smallest.faults[0].heal_after,
            Some(Duration::from_millis(100)),
            "{smallest}"
        );
    }
}

#[test]
fn what_breaks_in_any_world_shrinks_to_a_small_one() {
    let mut runner = TestRunner::new(config(100));
    let error = runner.run(&worlds(Budget::Within), |_| Err(TestCaseError::fail("every value")));
    let Err(TestError::Fail(_, (world, schedule))) = error else {
        panic!("the property fails for every value")
    };
    let World {
        partitions,
        brokers,
        records,
        ..
    } = world;
    assert_eq!((partitions, brokers, records), (1, 3, 10));
    assert_eq!(schedule, Schedule::default());
}

#[test]
fn schedules_wait_for_marks_as_well_as_for_time() {
    let mut runner = TestRunner::new(config(1));
    let strategy = within_budget(Topology::brokers(3), Duration::from_secs(120));
    let made = (0..200).flat_map(|_| {
        strategy
            .new_tree(&mut runner)
            .expect("nothing is rejected")
            .current()
            .faults
    });
    let (timed, marked): (Vec<_>, Vec<_>) = made.partition(|fault| matches!(fault.at, Trigger::At(_)));
    assert!(
        timed.len() > marked.len() && marked.len() > 50,
        "{} and {}",
        timed.len(),
        marked.len()
    );
}

#[test]
fn clients_are_struck_in_every_way_where_they_are_named_and_nowhere_else() {
    let mut runner = TestRunner::new(config(1));
    let minute = Duration::from_secs(60);
    let mut struck = |topology: Topology| {
        let strategy = within_budget(topology, minute);
        let made = (0..200).flat_map(|_| {
            let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
            tree.current().faults
        });
        let kinds = made.filter_map(|fault| match fault.fault {
            Fault::PauseClient(host) => Some(("pause", host)),
            Fault::KillClient(host) => Some(("kill", host)),
            Fault::PowerLossClient { host, .. } => Some(("power loss", host)),
            _ => None,
        });
        kinds.collect::<BTreeSet<_>>()
    };
    assert_eq!(struck(Topology::brokers(3)), BTreeSet::new());
    let of_two = struck(Topology::brokers(3).clients(["producer-0", "consumer-0"]));
    assert_eq!(of_two.len(), 6, "{of_two:?}");
}
