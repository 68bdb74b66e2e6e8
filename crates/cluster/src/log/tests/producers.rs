use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::{BatchOptions, TimestampType};

use super::support::*;
use crate::log::{AppendOrigin, LogConfig};

const OUT_OF_ORDER: ErrorCode = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;

fn with_batches(count: i32) -> Bench {
    let mut bench = Bench::new(LogConfig::default());
    for sequence in 0..count {
        bench.append(sequenced(7, 0, sequence, 1));
    }
    bench
}

#[test]
fn a_duplicate_within_the_last_five_batches_gets_its_old_offsets() {
    let mut bench = with_batches(6);
    for sequence in 1..6 {
        let again = bench.append(sequenced(7, 0, sequence, 1));
        assert!(again.duplicate);
        assert_eq!(
            (again.first_offset, again.last_offset),
            (i64::from(sequence), i64::from(sequence))
        );
        assert_eq!((again.bytes, again.log_append_time), (0, NOW_MS));
    }
    assert_eq!(bench.log.log_end_offset(), 6);
}

#[test]
fn a_duplicate_of_the_sixth_last_batch_is_refused() {
    let mut bench = with_batches(6);
    assert_eq!(
        bench.try_append(sequenced(7, 0, 0, 1), 0).unwrap_err().code,
        OUT_OF_ORDER
    );
}

#[test]
fn part_of_a_known_batch_is_not_a_duplicate() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(sequenced(7, 0, 0, 4));
    assert_eq!(
        bench.try_append(sequenced(7, 0, 0, 2), 0).unwrap_err().code,
        OUT_OF_ORDER
    );
    assert!(bench.append(sequenced(7, 0, 0, 4)).duplicate);
}

#[test]
fn a_gap_in_the_sequence_is_refused_and_the_missing_batch_then_fits() {
    let mut bench = with_batches(1);
    assert_eq!(
        bench.try_append(sequenced(7, 0, 2, 1), 0).unwrap_err().code,
        OUT_OF_ORDER
    );
    bench.append(sequenced(7, 0, 1, 1));
    bench.append(sequenced(7, 0, 2, 1));
}

#[test]
fn an_unknown_producer_may_start_anywhere() {
    let mut bench = Bench::new(LogConfig::default());
    assert!(!bench.append(sequenced(7, 0, 1000, 1)).duplicate);
    bench.append(sequenced(7, 0, 1001, 1));
}

#[test]
fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
    let mut bench = with_batches(3);
    assert_eq!(
        bench.try_append(sequenced(7, 1, 3, 1), 0).unwrap_err().code,
        OUT_OF_ORDER
    );
    bench.append(sequenced(7, 1, 0, 1));
    assert_eq!(
        bench.try_append(sequenced(7, 0, 3, 1), 0).unwrap_err().code,
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    let old = bench.try_append(sequenced(7, 0, 2, 1), 0).unwrap_err();
    assert_eq!(
        old.code,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        "the old epoch's batches are forgotten"
    );
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(sequenced(7, 0, i32::MAX - 1, 3));
    let again = bench.append(sequenced(7, 0, i32::MAX - 1, 3));
    assert!(again.duplicate, "a batch across the wrap is recognised");
    bench.append(sequenced(7, 0, 1, 1));
}

#[test]
fn a_coordinator_is_checked_for_its_epoch_only() {
    let mut bench = with_batches(1);
    let now = bench.now;
    let mut append = |epoch, sequence| {
        let records = sequenced(7, epoch, sequence, 1);
        bench
            .log
            .append_as_leader(&mut bench.disk, records, 0, now, NOW_MS, AppendOrigin::Coordinator)
    };
    assert!(!append(1, 50).unwrap().duplicate);
    assert_eq!(append(0, 51).unwrap_err().code, ErrorCode::INVALID_PRODUCER_EPOCH);
}

#[test]
fn followers_learn_what_the_leader_knows_and_never_refuse() {
    let mut leader = with_batches(2);
    let mut follower = Bench::new(LogConfig::default());
    follower
        .log
        .append_as_follower(&mut follower.disk, &leader.all(), follower.now, NOW_MS)
        .unwrap();
    assert!(
        follower.append(sequenced(7, 0, 0, 1)).duplicate,
        "as a new leader it would deduplicate"
    );
    leader.append(sequenced(7, 3, 0, 1));
    let mut stale = leader.all().remove(0);
    stale.stamp(2, 0);
    follower
        .log
        .append_as_follower(&mut follower.disk, &[stale], follower.now, NOW_MS)
        .unwrap();
}

#[test]
fn an_idle_producer_is_forgotten_by_its_own_timestamps() {
    let config = LogConfig {
        producer_id_expiration_ms: 1000,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(sequenced(7, 0, 0, 1));
    bench.log.expire_producers(NOW_MS + 999);
    assert_eq!(bench.log.producer_count(), 1);
    bench.log.expire_producers(NOW_MS + 1000);
    assert_eq!(bench.log.producer_count(), 0);
    assert!(
        !bench.append(sequenced(7, 0, 0, 1)).duplicate,
        "its retry is appended a second time"
    );
}

#[test]
fn a_clean_restart_remembers_one_batch_per_producer() {
    let mut bench = with_batches(5);
    bench.stop_and_start();
    assert_eq!(bench.files(".snapshot"), ["00000000000000000005.snapshot"]);
    assert!(bench.append(sequenced(7, 0, 4, 1)).duplicate);
    assert_eq!(
        bench.try_append(sequenced(7, 0, 3, 1), 0).unwrap_err().code,
        OUT_OF_ORDER
    );
    bench.append(sequenced(7, 0, 5, 1));
}

#[test]
fn a_killed_process_rebuilds_from_the_batches() {
    let mut bench = with_batches(5);
    bench.kill(0);
    for sequence in 0..5 {
        assert!(bench.append(sequenced(7, 0, sequence, 1)).duplicate, "{sequence}");
    }
}

#[test]
fn truncation_forgets_the_batches_that_were_undone() {
    let mut bench = with_batches(5);
    bench.log.truncate_to(&mut bench.disk, 3, bench.now).unwrap();
    assert!(bench.append(sequenced(7, 0, 2, 1)).duplicate);
    let again = bench.append(sequenced(7, 0, 3, 1));
    assert_eq!((again.duplicate, again.first_offset), (false, 3));
    bench.log.truncate_to(&mut bench.disk, 0, bench.now).unwrap();
    assert_eq!(bench.log.producer_count(), 0);
}

#[test]
fn truncation_behind_a_roll_starts_from_the_snapshot() {
    let mut bench = with_batches(3);
    let config = LogConfig {
        segment_bytes: bench.log.size_bytes(),
        ..LogConfig::default()
    };
    bench.log.update_config(config);
    for sequence in 3..6 {
        bench.append(sequenced(7, 0, sequence, 1));
    }
    assert_eq!(bench.files(".snapshot"), ["00000000000000000003.snapshot"]);
    bench.log.truncate_to(&mut bench.disk, 4, bench.now).unwrap();
    assert!(bench.append(sequenced(7, 0, 3, 1)).duplicate);
    assert!(bench.append(sequenced(7, 0, 2, 1)).duplicate);
    let before_snapshot = bench.try_append(sequenced(7, 0, 1, 1), 0).unwrap_err();
    assert_eq!(
        before_snapshot.code, OUT_OF_ORDER,
        "the snapshot has only the last batch"
    );
    bench.log.truncate_to(&mut bench.disk, 2, bench.now).unwrap();
    assert!(bench.files(".snapshot").is_empty(), "snapshots past the end are gone");
}

#[test]
fn raising_the_log_start_forgets_nobody() {
    let mut bench = with_batches(3);
    assert!(bench.log.raise_log_start(3));
    assert!(bench.append(sequenced(7, 0, 2, 1)).duplicate);
}

#[test]
fn a_duplicate_under_log_append_time_reports_the_original_time() {
    let config = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(sequenced(7, 0, 0, 1));
    bench.now_ms += 5000;
    assert_eq!(bench.append(sequenced(7, 0, 0, 1)).log_append_time, NOW_MS);
}

#[test]
fn a_transactional_batch_is_appended_like_an_idempotent_one() {
    let mut bench = Bench::new(LogConfig::default());
    let options = BatchOptions {
        producer_id: 7,
        producer_epoch: 0,
        base_sequence: 0,
        transactional: true,
        ..BatchOptions::default()
    };
    assert_eq!(bench.append(with(options, &[NOW_MS])).producer, (7, 0, 0));
    assert!(bench.append(with(options, &[NOW_MS])).duplicate);
}
