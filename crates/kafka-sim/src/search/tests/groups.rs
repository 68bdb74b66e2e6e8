//! Groups under the schedules of a search: what a replicated offsets topic keeps, and what one replica does not.

use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_core::{Seed, SimTime};

use crate::search::{Budget, Claim, Profile, Search, Seeds, TOPIC, Tally};

fn search(profile: &str, first: u64, seeds: u64) -> Tally {
    let search = Search {
        world: Profile::named(profile).unwrap().world(),
        budget: Budget::Within,
        seeds: Seeds::from_first(first, seeds),
        threads: 2,
        keep_going: true,
    };
    search.run(&|_| ()).unwrap()
}

#[test]
fn commits_stay_and_partitions_have_one_owner_within_the_budget_whatever_the_protocol() {
    for profile in ["groups", "groups-consumer"] {
        let tally = search(profile, 0, 12);
        assert_eq!(tally.found, [], "{profile}");
        let met = |danger: &str| tally.dangers[danger];
        assert!(met("consumers_died") > 0 && met("handovers") > 0 && met("leader_changes") > 0);
    }
}

/// The twin: nothing else is different but the replicas of the offsets topic.
#[test]
fn an_answered_commit_is_lost_with_the_only_replica_of_the_offsets_topic() {
    let tally = search("groups-offsets-alone", 9, 3);
    let lost = |claim| tally.found.iter().any(|found| found.claim == claim);
    assert!(lost(Claim::AckedCommitsStay), "{:?}", tally.found);
}

/// What a search over thousands of seeds has found: the coordinator cannot be reached while it answers the JoinGroups of a
/// rebalance, and the connections do not survive that. The Java client waits for such an answer for
/// `max.poll.interval.ms` and five seconds more.
#[test]
fn a_join_that_is_never_answered_keeps_its_group_waiting_for_the_poll_interval() {
    let broken = |poll_interval_ms: &str| {
        let mut world = Profile::named("groups").unwrap().world();
        let settings = &mut world.settings.consumer;
        settings.insert("max.poll.interval.ms".to_owned(), poll_interval_ms.to_owned());
        let isolation = Fault::Isolate(Role::follower_of(TOPIC, 1, 1)).at(SimTime::from_millis(63_717));
        let kill = Fault::KillClient("consumer-2".to_owned()).at(SimTime::from_millis(58_190));
        let faults = vec![
            isolation.healed_after(Duration::from_millis(500)),
            kill.healed_after(Duration::from_millis(100)),
        ];
        world.outcome(Seed(1_875), &faults.into()).unwrap().broken
    };
    assert!(broken("300000").contains(&Claim::Converges), "it is the default");
    assert_eq!(broken("60000"), []);
}
