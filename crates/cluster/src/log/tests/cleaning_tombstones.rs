use std::time::Duration;

use super::cleaning_support::*;
use super::support::*;
use crate::log::LogConfig;

const RETENTION: Duration = Duration::from_secs(60);

/// A key that was written and deleted, cleaned once.
fn deleted() -> Compacted {
    let mut log = Compacted::new(LogConfig {
        delete_retention_ms: 60_000,
        ..compacting()
    });
    log.put("a", Some("1"));
    log.put("a", None);
    log.put("b", Some("1"));
    log.roll();
    log.clean();
    log
}

/// Another closed segment, so that there is something to clean, and a cleaning.
fn clean_again(log: &mut Compacted) {
    log.put("c", Some("1"));
    log.roll();
    log.clean();
}

#[test]
fn the_first_cleaning_keeps_the_tombstone_and_says_how_long() {
    let log = deleted();
    assert_eq!(log.offsets(), [1, 2]);
    let header = log.bench.all()[0].header;
    let cleaned_at = NOW_MS + 10;
    assert_eq!(header.delete_horizon(), Some(cleaned_at + 60_000));
    assert_eq!(log.bench.all()[1].header.delete_horizon(), None, "b is no tombstone");
}

#[test]
fn the_records_beside_a_tombstone_keep_their_timestamps() {
    let log = deleted();
    let batch = &log.bench.all()[0];
    assert!(batch.check_crc());
    let record = &batch.records(1 << 20).unwrap()[0];
    assert_eq!((record.timestamp, record.value.clone()), (NOW_MS, None));
    assert_eq!(batch.header.max_timestamp, NOW_MS);
}

#[test]
fn a_reader_faster_than_delete_retention_sees_the_tombstone() {
    let mut log = deleted();
    log.bench.sleep(RETENTION - Duration::from_secs(1));
    clean_again(&mut log);
    assert_eq!(log.records()[0], (1, "a".to_owned(), None));
    let horizon = log.bench.all()[0].header.delete_horizon();
    assert_eq!(
        horizon,
        Some(NOW_MS + 10 + 60_000),
        "a later cleaning does not prolong it"
    );
}

#[test]
fn a_slower_reader_misses_the_tombstone_and_keeps_a_key_that_is_gone() {
    let mut log = deleted();
    let mut reader = std::collections::BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    log.bench.sleep(RETENTION);
    clean_again(&mut log);
    assert_eq!(log.offsets(), [2, 3]);
    for (_, key, value) in log.records() {
        match value {
            Some(value) => reader.insert(key, value),
            None => reader.remove(&key),
        };
    }
    assert!(reader.contains_key("a"), "nothing told the reader that it was deleted");
    assert!(!log.state().contains_key("a"));
}

#[test]
fn with_delete_retention_of_nothing_a_tombstone_still_outlives_one_cleaning() {
    let mut log = Compacted::new(LogConfig {
        delete_retention_ms: 0,
        ..compacting()
    });
    log.put("a", None);
    log.put("b", Some("1"));
    log.roll();
    log.clean();
    assert_eq!(log.offsets(), [0, 1]);
    clean_again(&mut log);
    assert_eq!(log.offsets(), [1, 2]);
}

#[test]
fn a_key_that_is_written_again_replaces_its_tombstone() {
    let mut log = deleted();
    log.put("a", Some("2"));
    log.roll();
    log.clean();
    assert_eq!(log.offsets(), [2, 3]);
    assert_eq!(log.state()["a"], "2");
}
