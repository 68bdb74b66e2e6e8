use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::search::{Budget, FoundReport, MergeError, Profile, Search, SearchReport, Seeds, Shard};

/// The report of one shard of a search in which every run that fails is told.
fn report(profile: &str, shard: &str) -> SearchReport {
    let search = Search {
        world: Profile::named(profile).unwrap().world(),
        budget: Budget::Within,
        seeds: Seeds::from_first(3, 26).shard(shard.parse::<Shard>().unwrap()),
        threads: 2,
        keep_going: true,
    };
    let tally = search.run(&|_| ()).unwrap();
    let found = tally.found.iter().map(|found| FoundReport {
        seed: found.seed.0,
        broken: found.claim,
        faults: found.schedule.faults.len(),
        cures: Vec::new(),
        file: format!("{}.json", found.seed),
        reproduce: String::new(),
    });
    let found = found.collect();
    SearchReport::of(profile, &search, false, &tally, Duration::from_secs(2), found)
}

fn shards(profile: &str, count: usize) -> Vec<(PathBuf, SearchReport)> {
    let shard = |index| {
        (
            format!("{index}.json").into(),
            report(profile, &format!("{index}/{count}")),
        )
    };
    (0..count).map(shard).collect()
}

/// What does not depend on how fast a machine is.
fn without_speed(report: SearchReport) -> SearchReport {
    SearchReport {
        core_seconds: 0.0,
        runs_per_second_per_core: 0.0,
        virtual_seconds_per_second: 0.0,
        ..report
    }
}

#[test]
fn shards_together_are_the_whole_search() {
    let whole = report("acks-one", "0/1");
    assert!(whole.failures > 1, "nothing to merge: {whole:?}");
    for count in [1, 3] {
        let mut parts = shards("acks-one", count);
        parts.reverse();
        let merged = SearchReport::merge(&parts).unwrap();
        assert_eq!(without_speed(merged), without_speed(whole.clone()));
    }
}

#[test]
fn speeds_of_shards_add_up_over_cores_and_machines() {
    let merged = SearchReport::merge(&shards("safe", 2)).unwrap();
    assert_eq!(merged.core_seconds, 8.0);
    assert_eq!(merged.runs_per_second_per_core, 3.25);
}

#[test]
fn a_missing_shard_is_named() {
    let mut parts = shards("safe", 3);
    parts.remove(1);
    assert_eq!(
        SearchReport::merge(&parts).unwrap_err().to_string(),
        "shard 1/3 is missing"
    );
    assert_eq!(SearchReport::merge(&[]), Err(MergeError::Nothing));
}

#[test]
fn a_shard_given_twice_is_named_with_both_files() {
    let mut parts = shards("safe", 2);
    parts.push(("again.json".into(), parts[1].1.clone()));
    assert_eq!(
        SearchReport::merge(&parts).unwrap_err().to_string(),
        "again.json and 1.json are both shard 1/2"
    );
}

#[test]
fn reports_of_different_searches_are_not_merged() {
    let parts = shards("safe", 2);
    let refused = |change: fn(&mut SearchReport)| {
        let mut parts = parts.clone();
        change(&mut parts[1].1);
        SearchReport::merge(&parts).unwrap_err().to_string()
    };
    let profile = refused(|report| report.profile = "acks-one".into());
    assert_eq!(profile, "1.json: the profile differs from that of 0.json");
    assert!(refused(|report| report.seeds = 5).contains("the range of seeds"));
    assert!(refused(|report| report.budget = Budget::Beyond).contains("the budget"));
    assert!(refused(|report| report.shard = "1/3".into()).contains("the number of shards"));
}

#[test]
fn a_report_survives_its_file_and_anything_else_is_refused_by_name() {
    let report = report("safe", "1/2");
    let text = serde_json::to_string(&report).unwrap();
    let path = Path::new("shard.json");
    assert_eq!(SearchReport::parse(path, text.as_bytes()).unwrap(), report);
    let refused = |text: &str| SearchReport::parse(path, text.as_bytes()).unwrap_err().to_string();
    let expected = "shard.json: not a report that kafka-sim soak --json has written: ";
    assert!(refused("{}").starts_with(expected));
    assert!(refused(&text.replace("1/2", "2/2")).contains("expected I/N"));
}
