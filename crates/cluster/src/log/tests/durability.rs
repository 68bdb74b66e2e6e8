use std::time::Duration;

use kafka_sim_core::Seed;

use super::support::*;
use crate::disk::{Survivors, SyncFault, WriteBack};
use crate::log::{Log, LogConfig, OpenOptions, RecoveryReport};

#[test]
fn a_kill_keeps_everything() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 400,
        ..LogConfig::default()
    });
    bench.fill(20);
    let before = bench.all();
    let report = bench.kill(0);
    assert_eq!(bench.all(), before);
    assert_eq!((report.truncated_bytes, report.lost_from), (0, None));
    assert_eq!(report.scanned, bench.log.size_bytes());
    assert_eq!(bench.log.log_end_offset(), 20);
}

#[test]
fn power_loss_without_flush_loses_the_tail() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(3);
    bench.flush();
    bench.fill(3);
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 3);
    bench.power_loss(Survivors::None, 1);
    assert_eq!((bench.log.log_end_offset(), offsets(&bench.all())), (3, vec![0, 1, 2]));
}

#[test]
fn power_loss_after_flush_keeps_everything() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    });
    bench.fill(10);
    bench.flush();
    let before = bench.all();
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 10);
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.all(), before);
}

#[test]
fn power_loss_before_a_flush_is_complete_loses_what_it_was_for() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(3);
    let durable = bench.log.flush(&mut bench.disk, bench.now).unwrap();
    assert_eq!(durable, bench.now + Duration::from_millis(2));
    assert_eq!(bench.log.recovery_point(), 0);
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.log.log_end_offset(), 0);
}

#[test]
fn flush_messages_of_one_makes_every_append_durable() {
    let mut bench = Bench::new(LogConfig {
        flush_messages: 1,
        ..LogConfig::default()
    });
    for end in 1..=5 {
        bench.now = bench.append(records(1)).flushed.expect("each append flushes");
        assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), end);
    }
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.log.log_end_offset(), 5);
}

#[test]
fn flush_messages_counts_records_since_the_last_flush() {
    let mut bench = Bench::new(LogConfig {
        flush_messages: 3,
        ..LogConfig::default()
    });
    let flushed: Vec<bool> = (0..7).map(|_| bench.append(records(1)).flushed.is_some()).collect();
    assert_eq!(flushed, [false, false, true, false, false, true, false]);
}

#[test]
fn flush_ms_flushes_what_has_waited_long_enough() {
    let mut bench = Bench::new(LogConfig {
        flush_ms: 100,
        ..LogConfig::default()
    });
    bench.sleep(Duration::from_millis(200));
    assert_eq!(
        bench.log.flush_if_due(&mut bench.disk, bench.now),
        Ok(None),
        "there is nothing to flush"
    );
    bench.fill(1);
    bench.now = bench
        .log
        .flush_if_due(&mut bench.disk, bench.now)
        .unwrap()
        .expect("200 ms have passed");
    bench.fill(1);
    assert_eq!(bench.log.flush_if_due(&mut bench.disk, bench.now), Ok(None));
    bench.power_loss(Survivors::None, 1);
    assert_eq!(
        bench.log.log_end_offset(),
        1,
        "the window of loss is what came after the last flush"
    );
}

#[test]
fn write_back_saves_what_is_old_enough() {
    let mut bench = Bench::on(WriteBack::Every(Duration::from_secs(30)), LogConfig::default());
    bench.fill(2);
    bench.sleep(Duration::from_secs(20));
    bench.fill(2);
    bench.sleep(Duration::from_secs(10));
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 2);
    assert_eq!(bench.log.recovery_point(), 0, "nobody told Kafka");
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.log.log_end_offset(), 2);
}

#[test]
fn a_failing_fsync_loses_data_even_if_the_next_one_succeeds() {
    let mut bench = Bench::new(LogConfig {
        flush_messages: 1,
        ..LogConfig::default()
    });
    bench.now = bench.append(records(1)).flushed.unwrap();
    bench.disk.set_sync_fault(SyncFault::Fail);
    assert!(bench.try_append(records(1), 0).unwrap_err().storage);
    bench.disk.set_sync_fault(SyncFault::None);
    bench.append(records(1));
    bench.flush();
    bench.sleep(Duration::from_secs(60));
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 1);
    let report = bench.power_loss(Survivors::All, 1);
    assert_eq!(bench.log.log_end_offset(), 1);
    assert!(
        report.truncated_bytes > 0,
        "the batch behind the hole is cut off with it"
    );
}

#[test]
fn a_lying_fsync_loses_what_it_acknowledged() {
    let mut bench = Bench::new(LogConfig {
        flush_messages: 1,
        ..LogConfig::default()
    });
    bench.disk.set_sync_fault(SyncFault::Lie);
    for _ in 0..3 {
        bench.now = bench.append(records(1)).flushed.expect("it claims to have flushed");
    }
    bench.log.settle(bench.now);
    assert_eq!(bench.log.recovery_point(), 3);
    assert_eq!(bench.log.durable_end_offset(&bench.disk, bench.now), 0);
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.log.log_end_offset(), 0);
}

#[test]
fn a_torn_tail_is_cut_at_the_batch_boundary() {
    for seed in 0..20 {
        let mut bench = Bench::new(LogConfig::default());
        bench.fill(4);
        let before = bench.all();
        let report = bench.power_loss(Survivors::TornTail, seed);
        assert_eq!(bench.all(), before[..3]);
        assert_eq!(report.lost_from, Some(3));
        assert!(report.truncated_bytes > 0);
        assert_eq!(bench.append(records(1)).first_offset, 3);
        bench.kill(0);
        assert_eq!(bench.log.log_end_offset(), 4, "the cut is clean");
    }
}

#[test]
fn a_hole_takes_everything_after_it_along_good_segments_included() {
    let mut cut_segments = 0;
    for seed in 0..40 {
        let mut bench = Bench::new(LogConfig {
            segment_bytes: 20_000,
            ..LogConfig::default()
        });
        for _ in 0..9 {
            bench.append(sized(6000));
        }
        // Rolls have flushed two segments, but power is lost before those syncs are complete.
        let before = bench.all();
        let files = bench.files(".log").len();
        let report = bench.power_loss(Survivors::PageSubset, seed);
        let after = bench.all();
        assert_eq!(after, before[..after.len()]);
        cut_segments += files - bench.log.segment_count();
        assert_eq!(bench.log.segment_count(), bench.files(".log").len());
        if report.lost_from.is_some() {
            assert_eq!(report.lost_from, Some(bench.log.log_end_offset()));
        }
    }
    assert!(cut_segments > 0);
}

#[test]
fn segments_below_the_recovery_point_are_trusted() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    });
    for _ in 0..6 {
        bench.append(sized(150));
    }
    let active = bench.log.segments.last().unwrap().size();
    assert_eq!(bench.kill(4).scanned, active);
    assert_eq!(
        bench.kill(3).scanned,
        active + 300,
        "the segment that contains it is scanned"
    );
    assert_eq!(bench.kill(0).scanned, active + 600);
    assert_eq!(bench.log.recovery_point(), 0);
}

#[test]
fn damage_in_the_tail_is_found_by_the_next_unclean_start() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(3);
    assert!(bench.disk.corrupt_tail("orders-0/", &mut Seed(1).stream("disk", 0)));
    assert_eq!(bench.all().len(), 3, "the running process does not notice");
    let report = bench.kill(0);
    assert_eq!((bench.log.log_end_offset(), report.lost_from), (2, Some(2)));
    assert!(
        !Bench::new(LogConfig::default())
            .disk
            .corrupt_tail("orders-0/", &mut Seed(1).stream("disk", 0))
    );
}

#[test]
fn a_clean_stop_and_start_scans_nothing_and_keeps_everything() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    });
    bench.fill(10);
    bench.log.raise_log_start(4);
    let before = bench.all();
    bench.stop_and_start();
    assert_eq!(bench.all(), before);
    let log = &bench.log;
    assert_eq!(
        (log.log_start_offset(), log.log_end_offset(), log.recovery_point()),
        (4, 10, 10)
    );
    bench
        .disk
        .power_loss(bench.now, Survivors::None, &mut Seed(1).stream("disk", 0));
    bench.kill(0);
    assert_eq!(bench.log.log_end_offset(), 10, "everything had been flushed");
}

#[test]
fn a_log_start_that_was_not_checkpointed_brings_deleted_records_back() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(5);
    bench.log.raise_log_start(4);
    bench.kill(0);
    assert_eq!(bench.log.log_start_offset(), 0);
}

#[test]
fn a_log_that_ends_below_its_start_begins_again_there() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(5);
    let options = OpenOptions {
        log_start: 9,
        ..options(false, 0, bench.now)
    };
    let (log, report) = Log::open(&mut bench.disk, DIR, LogConfig::default(), options).unwrap();
    assert!(report.restarted);
    assert_eq!(
        (log.log_start_offset(), log.log_end_offset(), log.size_bytes()),
        (9, 9, 0)
    );
}

#[test]
fn a_new_log_starts_at_its_checkpointed_start() {
    let mut bench = Bench::new(LogConfig::default());
    let options = OpenOptions {
        log_start: 9,
        ..options(true, 0, bench.now)
    };
    let (log, report) = Log::open(&mut bench.disk, "other-1", LogConfig::default(), options).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (9, 9));
    assert_eq!(report, RecoveryReport::default());
}

#[test]
fn a_vanished_tail_before_a_surviving_segment_leaves_a_gap_and_no_error() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 300,
        ..LogConfig::default()
    });
    for _ in 0..4 {
        bench.append(sized(150));
    }
    let first = bench.log.segments[0].file;
    bench.disk.truncate(first, 150, bench.now);
    let report = bench.kill(0);
    assert_eq!(report.lost_from, None);
    assert_eq!(offsets(&bench.all()), [0, 2, 3]);
}

#[test]
fn a_segment_that_was_renamed_for_deletion_is_gone_after_a_restart() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 150,
        ..LogConfig::default()
    });
    for _ in 0..3 {
        bench.append(sized(150));
    }
    bench.log.truncate_to(&mut bench.disk, 1, bench.now).unwrap();
    bench.kill(0);
    assert_eq!(bench.log.log_end_offset(), 1);
    assert!(bench.files(".deleted").is_empty());
}
