//! Groups under the schedules of a search: what a replicated offsets topic keeps, and what one replica does not.

use crate::search::{Budget, Claim, Profile, Search, Seeds, Tally};

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
