use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{Seed, SimTime};

use crate::search::{Budget, Claim, Found, Profile, Search, Seeds, World, cures, shrink};

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

#[test]
fn brokers_beyond_the_replicas_and_what_is_aimed_at_them_go_first() {
    let world = World {
        brokers: 5,
        ..Profile::named("acks-one").unwrap().world()
    };
    let acked = kafka_sim_cluster::mark::MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition: 2,
    };
    let kill = Fault::Kill(Role::leader_of("orders", 2)).on_nth(1, acked);
    let idle = Fault::Pause(Role::broker(4)).at(SimTime::from_secs(9));
    let heal = Duration::from_secs(5);
    let schedule = vec![kill.healed_after(heal), idle.healed_after(heal)].into();
    let claim = Claim::AckedSurvives;
    let fails = |seed: &u64| {
        let outcome = world.outcome(Seed(*seed), &schedule).unwrap();
        outcome.broken.contains(&claim)
    };
    let seed = Seed(
        (0..20)
            .find(fails)
            .expect("with acks=1 a leader that dies takes what it acknowledged"),
    );
    let shrunk = shrink(&world, seed, &schedule, claim);
    assert_eq!(
        (shrunk.world.brokers, shrunk.schedule.faults.len()),
        (3, 1),
        "{}",
        shrunk.schedule
    );
}
