use std::time::Duration;

use super::support::*;
use crate::disk::{IoError, SyncFault};
use crate::log::LogConfig;

#[test]
fn a_segment_is_closed_before_it_would_outgrow_its_size() {
    let config = LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    for _ in 0..4 {
        bench.append(sized(150));
    }
    assert_eq!(
        bench.files(".log"),
        ["00000000000000000000.log", "00000000000000000002.log"]
    );
    assert_eq!(bench.log.segment_count(), 2);
}

#[test]
fn a_segment_is_closed_by_message_time_not_by_the_clock() {
    let config = LogConfig {
        segment_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(stamped(&[NOW_MS]));
    bench.sleep(Duration::from_secs(3600));
    bench.append(stamped(&[NOW_MS + 1000]));
    assert_eq!(bench.log.segment_count(), 1, "an hour on the clock does not count");
    bench.append(stamped(&[NOW_MS + 1001]));
    assert_eq!(bench.log.segment_count(), 2);
}

#[test]
fn without_timestamps_a_segment_is_closed_by_the_clock() {
    let config = LogConfig {
        segment_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(stamped(&[-1]));
    bench.sleep(Duration::from_millis(1000));
    bench.append(stamped(&[-1]));
    assert_eq!(bench.log.segment_count(), 1);
    bench.sleep(Duration::from_millis(1));
    bench.append(stamped(&[-1]));
    assert_eq!(bench.log.segment_count(), 2);
}

#[test]
fn a_full_index_closes_a_segment() {
    let config = LogConfig {
        segment_index_bytes: 24,
        index_interval_bytes: 1,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.fill(10);
    assert!(bench.log.segment_count() > 1);
}

#[test]
fn an_offset_too_far_from_the_base_starts_a_segment() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(1);
    let mut far = bench.all().remove(0);
    for offset in [i64::from(i32::MAX), i64::from(i32::MAX) + 1] {
        far.stamp(offset, 0);
        bench
            .log
            .append_as_follower(&mut bench.disk, &[far.clone()], bench.now, NOW_MS)
            .unwrap();
    }
    assert_eq!(
        bench.files(".log"),
        ["00000000000000000000.log", "00000000002147483648.log"]
    );
}

#[test]
fn a_roll_flushes_what_lies_below_and_takes_a_snapshot_without_anyone_waiting() {
    let config = LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    for _ in 0..3 {
        assert_eq!(bench.append(sized(150)).flushed, None);
    }
    assert_eq!(bench.files(".snapshot"), ["00000000000000000002.snapshot"]);
    assert_eq!(bench.log.recovery_point(), 0, "the flush is under way");
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 0);
    bench.sleep(Duration::from_millis(2));
    bench.log.settle(bench.now);
    assert_eq!(bench.log.recovery_point(), 2);
    assert_eq!(
        bench.log.durable_end_offset(&bench.disk, bench.now),
        2,
        "the active segment is not flushed"
    );
}

#[test]
fn a_flush_that_fails_behind_a_roll_shows_at_the_next_append() {
    let config = LogConfig {
        segment_bytes: 150,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(sized(150));
    bench.disk.set_sync_fault(SyncFault::Fail);
    bench.append(sized(150));
    assert_eq!(bench.log.failure(), Some(IoError::SyncFailed));
    let error = bench.try_append(sized(150), 0).unwrap_err();
    assert!(error.storage);
}
