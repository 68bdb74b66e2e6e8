use kafka_sim_core::Seed;

use crate::search::{Budget, Found, Profile, Search, Seeds, cures, shrink};

/// The first loss of an acknowledged message that a profile suffers within the budget.
pub(super) fn first_failure(profile: &str) -> Found {
    let search = Search {
        world: Profile::named(profile).unwrap().world(),
        budget: Budget::Within,
        seeds: Seeds::from_first(0, 40),
        threads: 2,
        keep_going: false,
    };
    search.run(&|_| ()).unwrap().found.remove(0)
}

#[test]
fn a_loss_by_acks_one_shrinks_to_three_faults_at_most_and_still_fails_alone() {
    let world = Profile::named("acks-one").unwrap().world();
    let Found { seed, schedule, claim } = first_failure("acks-one");
    let shrunk = shrink(&world, seed, &schedule, claim);
    assert!(shrunk.schedule.faults.len() <= 3, "{}", shrunk.schedule);
    assert!(shrunk.schedule.faults.len() <= schedule.faults.len());
    let outcome = shrunk.world.outcome(seed, &shrunk.schedule).unwrap();
    assert!(outcome.broken.contains(&claim));
    assert_eq!(
        shrink(&world, seed, &schedule, claim),
        shrunk,
        "shrinking is not deterministic"
    );
}

#[test]
fn the_cure_of_a_loss_by_acks_one_is_acks_all() {
    let world = Profile::named("acks-one").unwrap().world();
    let Found { seed, schedule, claim } = first_failure("acks-one");
    let cures = cures(&world, seed, &schedule, claim);
    assert!(cures.iter().any(|cure| cure.to_string() == "acks=all"), "{cures:?}");
}

#[test]
fn what_does_not_fail_is_left_as_it_is() {
    let world = Profile::named("safe").unwrap().world();
    let schedule = crate::search::schedule(Seed(3), Budget::Within, &world);
    let shrunk = shrink(&world, Seed(3), &schedule, crate::search::Claim::AckedSurvives);
    assert_eq!((shrunk.schedule, shrunk.world), (schedule, world));
}
