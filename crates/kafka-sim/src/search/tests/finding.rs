use kafka_sim_core::Seed;

use crate::search::{Budget, Claim, Profile, Search, Seeds, Tally, schedule};

fn search(profile: &str, budget: Budget, seeds: u64) -> Search {
    Search {
        world: Profile::named(profile).unwrap().world(),
        budget,
        seeds: Seeds::from_first(0, seeds),
        threads: 2,
        keep_going: false,
    }
}

fn first_broken(profile: &str, budget: Budget, seeds: u64) -> Claim {
    let tally = search(profile, budget, seeds).run(&|_| ()).unwrap();
    assert_eq!(tally.failures, 1, "{profile} survived {seeds} seeds");
    tally.found[0].claim
}

#[test]
fn the_safe_profile_survives_thirty_seeds_within_the_budget() {
    let tally = search("safe", Budget::Within, 30).run(&|_| ()).unwrap();
    assert_eq!(tally.found, []);
    assert_eq!((tally.runs, tally.done), (30, 30));
    assert!(tally.endangered > 20, "only {} runs met danger", tally.endangered);
}

#[test]
fn acks_one_loses_an_ack_within_the_budget_and_forty_seeds() {
    assert_eq!(first_broken("acks-one", Budget::Within, 40), Claim::AckedSurvives);
}

#[test]
fn without_idempotence_retries_are_stored_twice_or_out_of_order_within_the_budget_and_forty_seeds() {
    let broken = first_broken("no-idempotence", Budget::Within, 40);
    assert!(matches!(broken, Claim::NoDuplicates | Claim::InOrder), "{broken}");
}

#[test]
fn beyond_the_budget_an_ack_is_lost_within_forty_seeds_whatever_the_replicas_are_set_to() {
    for profile in ["safe", "min-isr-one", "elr-off"] {
        assert_eq!(first_broken(profile, Budget::Beyond, 40), Claim::AckedSurvives);
    }
}

#[test]
fn what_is_found_does_not_depend_on_threads() {
    let counted = |threads: usize, keep_going: bool| {
        let search = Search {
            threads,
            keep_going,
            ..search("acks-one", Budget::Within, 24)
        };
        let tally = search.run(&|_| ()).unwrap();
        Tally {
            done: 0,
            done_virtual_time: Default::default(),
            ..tally
        }
    };
    assert_eq!(counted(1, false), counted(3, false));
    assert_eq!(counted(1, true), counted(3, true));
}

#[test]
fn a_run_without_its_events_is_the_same_run_and_is_judged_the_same() {
    let world = Profile::named("acks-one").unwrap().world();
    for seed in (0..8).map(Seed) {
        let schedule = schedule(seed, Budget::Within, &world);
        let (run, report) = world.run(seed, &schedule).unwrap();
        let outcome = world.outcome(seed, &schedule).unwrap();
        assert_eq!(outcome.trace_hash, run.trace_hash);
        assert_eq!(outcome.dangers, run.dangers());
        let told = Claim::ALL.into_iter().filter_map(Claim::promise);
        let broken = told.filter(|promise| report.verdict.violations_of(*promise).next().is_some());
        let found = outcome.broken.iter().filter_map(|claim| claim.promise());
        assert_eq!(found.collect::<Vec<_>>(), broken.collect::<Vec<_>>());
    }
}
