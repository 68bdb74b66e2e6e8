use std::collections::BTreeSet;

use kafka_sim_core::Seed;

use crate::search::coverage::Coverage;
use crate::search::{Budget, Claim, Profile, Search, Seeds, Tally, schedule};

fn search(profile: &str, seeds: u64) -> Search {
    Search {
        world: Profile::named(profile).unwrap().world(),
        budget: Budget::Within,
        seeds: Seeds::from_first(0, seeds),
        threads: 2,
        keep_going: true,
    }
}

#[test]
fn what_a_steered_search_finds_does_not_depend_on_threads() {
    let counted = |threads: usize| {
        let search = Search {
            threads,
            ..search("acks-one", 40)
        };
        search.run_steered(&|_| ()).unwrap()
    };
    let (one, three) = (counted(1), counted(3));
    assert_eq!(one, three);
    assert!(one.failures > 0 && one.combinations > 100, "{one:?}");
}

#[test]
fn a_steered_search_that_stops_counts_the_seeds_up_to_the_first_failure() {
    let all = search("acks-one", 40).run_steered(&|_| ()).unwrap();
    let stopped = Search {
        keep_going: false,
        ..search("acks-one", 40)
    };
    let stopped: Tally = stopped.run_steered(&|_| ()).unwrap();
    assert_eq!((stopped.failures, stopped.found.len()), (1, 1));
    assert_eq!(stopped.found[0], all.found[0]);
    assert_eq!(stopped.found[0].claim, Claim::AckedSurvives);
}

#[test]
fn a_failure_of_a_steered_search_is_repeated_by_its_seed_and_schedule() {
    let search = search("acks-one", 40);
    for found in search.run_steered(&|_| ()).unwrap().found {
        let outcome = search.world.outcome(found.seed, &found.schedule).unwrap();
        assert_eq!(outcome.broken.first(), Some(&found.claim), "seed {}", found.seed);
    }
}

#[test]
fn changed_schedules_stay_within_the_budget() {
    let steered = search("safe", 64).run_steered(&|_| ()).unwrap();
    assert_eq!(steered.found, [], "the safe profile broke a promise");
    assert!(steered.endangered > 40, "{steered:?}");
}

#[test]
fn different_runs_have_met_different_things_and_equal_runs_the_same() {
    let world = Profile::ALL[0].world();
    let met = |seed: u64| {
        let (run, _) = world
            .judged(Seed(seed), &schedule(Seed(seed), Budget::Within, &world))
            .unwrap();
        Coverage::of(&run)
    };
    let new = |all: &mut BTreeSet<u64>, seed| {
        let before = all.len();
        all.extend(met(seed).features());
        all.len() - before
    };
    let mut all = BTreeSet::new();
    assert!(new(&mut all, 1) > 20);
    assert_eq!(new(&mut all, 1), 0, "the same run again has met something new");
    assert!(
        (2..6).any(|seed| new(&mut all, seed) > 0),
        "four other runs have met nothing new"
    );
}
