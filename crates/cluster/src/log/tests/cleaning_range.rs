use std::time::Duration;

use super::cleaning_support::*;
use super::support::*;
use crate::log::LogConfig;

#[test]
fn nothing_past_the_last_stable_offset_is_cleaned_nor_the_rest_of_its_segment() {
    let mut log = Compacted::new(compacting());
    log.put_all(&[("a", "1"), ("a", "2")]);
    log.roll();
    log.put_all(&[("a", "3"), ("a", "4")]);
    log.roll();
    let now_ms = log.bench.now_ms;
    let end = |stable| log.bench.log.cleanable(None, stable, now_ms).end;
    assert_eq!((end(4), end(3), end(2), end(1)), (4, 2, 2, 0));
}

#[test]
fn the_active_segment_is_not_cleaned_however_dirty() {
    let mut log = Compacted::new(compacting());
    log.put_all(&[("a", "1"), ("a", "2")]);
    assert_eq!(log.range().cleanable_bytes, 0);
    assert!(!log.range().is_due(log.bench.log.config()));
    log.roll();
    assert!(log.range().is_due(log.bench.log.config()));
}

/// Keys "a" written twice, ten seconds apart, in closed segments.
fn old_and_young(config: LogConfig) -> Compacted {
    let mut log = Compacted::new(config);
    log.put_all(&[("a", "1"), ("a", "2")]);
    log.roll();
    log.bench.sleep(Duration::from_secs(10));
    log.put_all(&[("a", "3"), ("a", "4")]);
    log.roll();
    log
}

#[test]
fn min_compaction_lag_protects_young_records() {
    let mut log = old_and_young(LogConfig {
        min_compaction_lag_ms: 5_000,
        ..compacting()
    });
    assert_eq!(log.clean().to, 2);
    assert_eq!(log.offsets(), [1, 2, 3]);
    log.bench.sleep(Duration::from_secs(5));
    assert_eq!(log.clean().to, 4);
    assert_eq!(log.offsets(), [3]);
}

#[test]
fn without_min_compaction_lag_young_records_go_too() {
    let mut log = old_and_young(compacting());
    log.clean();
    assert_eq!(log.offsets(), [3]);
}

#[test]
fn a_log_is_due_when_more_than_the_ratio_is_dirty() {
    let mut log = old_and_young(LogConfig {
        min_cleanable_dirty_millionths: 500_000,
        ..compacting()
    });
    log.cleaned_to = Some(2);
    let range = log.range();
    assert_eq!(range.clean_bytes, range.cleanable_bytes);
    assert!(!range.is_due(log.bench.log.config()), "exactly half is dirty");
    log.put("a", Some("5"));
    log.roll();
    assert!(log.range().is_due(log.bench.log.config()));
}

#[test]
fn a_record_past_max_compaction_lag_makes_a_log_due_whatever_its_ratio() {
    let config = LogConfig {
        min_cleanable_dirty_millionths: 1_000_000,
        max_compaction_lag_ms: 60_000,
        ..compacting()
    };
    let mut log = old_and_young(config);
    assert!(!log.range().is_due(log.bench.log.config()));
    log.bench.sleep(Duration::from_secs(51));
    assert!(log.range().overdue);
    assert!(log.range().is_due(log.bench.log.config()));
    log.clean();
    assert!(!log.range().is_due(log.bench.log.config()), "nothing dirty is left");
}

#[test]
fn max_compaction_lag_closes_segments_of_compacted_logs_only() {
    for (compact, segments) in [(true, 2), (false, 1)] {
        let mut log = Compacted::new(LogConfig {
            cleanup_compact: compact,
            max_compaction_lag_ms: 1_000,
            ..compacting()
        });
        log.put("a", Some("1"));
        log.bench.sleep(Duration::from_millis(1_001));
        log.put("a", Some("2"));
        assert_eq!(log.bench.log.segment_count(), segments, "compact: {compact}");
        assert_eq!(log.bench.log.take_rolled().len(), segments - 1);
    }
}

#[test]
fn a_checkpoint_outside_of_the_log_is_replaced_by_its_start() {
    let mut log = old_and_young(compacting());
    log.cleaned_to = Some(99);
    let range = log.range();
    assert!(range.reset);
    assert_eq!((range.first_dirty, range.end), (0, 4));
    log.bench.log.raise_log_start(3);
    log.cleaned_to = Some(1);
    assert_eq!((log.range().reset, log.range().first_dirty), (true, 3));
    log.cleaned_to = Some(4);
    assert!(!log.range().reset);
}

#[test]
fn the_dirtier_log_comes_first() {
    let half = old_and_young(compacting());
    let mut whole = old_and_young(compacting());
    whole.cleaned_to = None;
    let mut cleaned = half;
    cleaned.cleaned_to = Some(2);
    assert!(whole.range().is_dirtier_than(&cleaned.range()));
    assert!(!cleaned.range().is_dirtier_than(&whole.range()));
    assert!(!whole.range().is_dirtier_than(&whole.range()));
    assert_eq!(whole.bench.now_ms, NOW_MS + 10_020);
}
