use std::time::Duration;

use kafka_sim_core::Offset;

use super::support::*;
use crate::log::{LogConfig, RetentionReason};

fn segments_of_one(config: LogConfig, timestamps: &[i64]) -> Bench {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 100,
        timestamp_after_max_ms: i64::MAX,
        ..config
    });
    for timestamp in timestamps {
        bench.append(stamped(&[*timestamp]));
    }
    assert_eq!(bench.log.segment_count(), timestamps.len());
    bench
}

fn sweep(bench: &mut Bench, high_watermark: Offset) -> Vec<(Offset, RetentionReason)> {
    let retired = bench
        .log
        .apply_retention(&mut bench.disk, bench.now, bench.now_ms, high_watermark);
    retired.iter().map(|gone| (gone.base_offset, gone.reason)).collect()
}

#[test]
fn old_segments_go_by_record_time_and_stop_at_the_first_young_one() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[NOW_MS - 1001, NOW_MS - 2000, NOW_MS - 1000, NOW_MS - 5000]);
    let gone = sweep(&mut bench, 4);
    assert_eq!(gone, [(0, RetentionReason::Time), (1, RetentionReason::Time)]);
    assert_eq!((bench.log.log_start_offset(), bench.log.segment_count()), (2, 2));
    assert_eq!(sweep(&mut bench, 4), []);
}

#[test]
fn one_record_from_the_future_pins_its_segment_and_all_later_ones() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[NOW_MS - 5000, NOW_MS + 1_000_000, NOW_MS - 5000]);
    assert_eq!(sweep(&mut bench, 3), [(0, RetentionReason::Time)]);
}

#[test]
fn nothing_past_the_high_watermark_goes() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[0, 0, 0]);
    assert_eq!(sweep(&mut bench, 0), []);
    assert_eq!(sweep(&mut bench, 1).len(), 1);
    assert_eq!(bench.log.log_start_offset(), 1);
}

#[test]
fn if_all_segments_go_an_empty_one_is_left_at_the_end() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[0, 0, 0]);
    assert_eq!(sweep(&mut bench, 3).len(), 3);
    assert_eq!((bench.log.log_start_offset(), bench.log.log_end_offset()), (3, 3));
    assert_eq!((bench.log.segment_count(), bench.log.size_bytes()), (1, 0));
    assert_eq!(sweep(&mut bench, 3), [], "the empty active segment stays");
    assert_eq!(bench.append(records(1)).first_offset, 3);
}

#[test]
fn retention_by_size_never_leaves_less_than_it_allows() {
    let mut bench = segments_of_one(LogConfig::default(), &[NOW_MS; 5]);
    let size = bench.log.size_bytes() / 5;
    let limit = i64::try_from(2 * size + 1).unwrap();
    bench.log.update_config(LogConfig {
        retention_bytes: limit,
        ..bench.log.config().clone()
    });
    assert_eq!(
        sweep(&mut bench, 5),
        [(0, RetentionReason::Size), (1, RetentionReason::Size)]
    );
    assert_eq!(bench.log.size_bytes(), 3 * size);
}

#[test]
fn deleted_records_go_with_the_sweep_whatever_the_policy() {
    let config = LogConfig {
        cleanup_delete: false,
        cleanup_compact: true,
        retention_ms: 1,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[0, 0, 0]);
    assert_eq!(
        sweep(&mut bench, 3),
        [],
        "retention.ms does not count for a compacted topic"
    );
    assert!(bench.log.raise_log_start(2));
    assert!(!bench.log.raise_log_start(1));
    assert_eq!(bench.log.segment_count(), 3, "the bytes are still there");
    assert_eq!(
        sweep(&mut bench, 3),
        [(0, RetentionReason::LogStart), (1, RetentionReason::LogStart)]
    );
}

#[test]
fn without_timestamps_the_last_write_counts() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[-1, -1]);
    bench.sleep(Duration::from_millis(1000));
    assert_eq!(sweep(&mut bench, 2), []);
    bench.kill(0);
    bench.sleep(Duration::from_millis(1));
    assert_eq!(sweep(&mut bench, 2).len(), 2, "a restart does not make a file young");
}

#[test]
fn a_deleted_segment_keeps_its_space_for_a_while() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[0, NOW_MS]);
    let before = bench.disk.used_bytes();
    sweep(&mut bench, 2);
    assert_eq!(bench.files(".deleted"), ["00000000000000000000.log.deleted"]);
    assert_eq!(bench.disk.used_bytes(), before);
    bench.sleep(Duration::from_secs(60));
    bench.log.update_config(LogConfig {
        retention_ms: -1,
        ..bench.log.config().clone()
    });
    sweep(&mut bench, 2);
    assert!(bench.files(".deleted").is_empty());
    assert!(bench.disk.used_bytes() < before);
}

#[test]
fn retention_drops_the_snapshots_and_epochs_below() {
    let config = LogConfig {
        retention_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = segments_of_one(config, &[0, 0, NOW_MS]);
    assert_eq!(bench.files(".snapshot").len(), 2);
    sweep(&mut bench, 3);
    assert_eq!(bench.files(".snapshot"), ["00000000000000000002.snapshot"]);
    assert_eq!(bench.log.end_offset_for(-1), None);
    assert_eq!(bench.log.epoch_at(1), None);
    assert_eq!(bench.log.epoch_at(2), Some(0));
}
