use std::time::Duration;

use super::support::*;
use crate::disk::Survivors;
use crate::log::LogConfig;

fn epochs() -> Bench {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    });
    for (epoch, batches) in [(1, 2), (3, 2), (4, 2)] {
        for _ in 0..batches {
            bench.try_append(sized(100), epoch).unwrap();
        }
    }
    bench
}

#[test]
fn truncation_drops_segments_batches_and_epochs() {
    let mut bench = epochs();
    assert_eq!(bench.log.segment_count(), 3);
    bench.log.truncate_to(&mut bench.disk, 3, bench.now).unwrap();
    assert_eq!((bench.log.log_end_offset(), bench.log.latest_epoch()), (3, Some(3)));
    assert_eq!(offsets(&bench.all()), [0, 1, 2]);
    assert_eq!(
        bench.files(".log"),
        ["00000000000000000000.log", "00000000000000000002.log"]
    );
    assert_eq!(bench.files(".deleted"), ["00000000000000000004.log.deleted"]);
    bench.log.truncate_to(&mut bench.disk, 2, bench.now).unwrap();
    assert_eq!(
        (bench.log.latest_epoch(), bench.log.end_offset_for(1)),
        (Some(1), Some((1, 2)))
    );
    assert_eq!(bench.log.segment_count(), 2, "the segment at the target stays, empty");
    let file = bench.disk.lookup("orders-0/leader-epoch-checkpoint").unwrap();
    assert_eq!(bench.disk.read_bytes(file), "0\n1\n1 0\n");
}

#[test]
fn truncation_at_or_past_the_end_takes_no_record() {
    let mut bench = epochs();
    bench.log.truncate_to(&mut bench.disk, 6, bench.now).unwrap();
    bench.log.truncate_to(&mut bench.disk, 100, bench.now).unwrap();
    assert_eq!(bench.log.log_end_offset(), 6);
}

#[test]
fn truncation_at_the_end_forgets_an_epoch_that_never_got_a_record() {
    let mut bench = epochs();
    bench.log.assign_epoch(&mut bench.disk, 7, 6, bench.now).unwrap();
    bench.log.truncate_to(&mut bench.disk, 6, bench.now).unwrap();
    assert_eq!((bench.log.log_end_offset(), bench.log.latest_epoch()), (6, Some(4)));
}

#[test]
fn truncation_inside_a_batch_drops_all_of_it_and_ends_the_log_there() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(records(3));
    bench.append(records(3));
    bench.log.truncate_to(&mut bench.disk, 4, bench.now).unwrap();
    assert_eq!((bench.log.log_end_offset(), offsets(&bench.all())), (4, vec![0]));
    assert_eq!(bench.append(records(1)).first_offset, 4);
}

#[test]
fn truncation_takes_the_recovery_point_along() {
    let mut bench = epochs();
    bench.flush();
    assert_eq!(bench.log.recovery_point(), 6);
    bench.log.truncate_to(&mut bench.disk, 3, bench.now).unwrap();
    assert_eq!(bench.log.recovery_point(), 3);
}

#[test]
fn starting_over_leaves_an_empty_log_there() {
    let mut bench = epochs();
    bench
        .log
        .truncate_fully_and_start_at(&mut bench.disk, 50, bench.now)
        .unwrap();
    let log = &bench.log;
    assert_eq!(
        (log.log_start_offset(), log.log_end_offset(), log.recovery_point()),
        (50, 50, 50)
    );
    assert_eq!(
        (log.latest_epoch(), log.size_bytes(), log.segment_count()),
        (None, 0, 1)
    );
    assert_eq!(bench.files(".log"), ["00000000000000000050.log"]);
    bench.log.truncate_to(&mut bench.disk, 20, bench.now).unwrap();
    assert_eq!(
        (bench.log.log_start_offset(), bench.log.log_end_offset()),
        (20, 20),
        "below the first segment"
    );
}

#[test]
fn an_epoch_without_records_is_remembered_by_its_start() {
    let mut bench = epochs();
    bench.log.assign_epoch(&mut bench.disk, 9, 6, bench.now).unwrap();
    assert_eq!((bench.log.latest_epoch(), bench.log.epoch_at(6)), (Some(9), Some(9)));
    assert_eq!(bench.log.end_offset_for(4), Some((4, 6)));
    assert_eq!(bench.log.end_offset_for(9), Some((9, 6)));
    let durable = bench.log.assign_epoch(&mut bench.disk, 9, 6, bench.now).unwrap();
    assert_eq!(durable, bench.now, "known already");
}

#[test]
fn a_kill_relearns_epochs_from_the_batches() {
    let mut bench = epochs();
    let file = bench.disk.lookup("orders-0/leader-epoch-checkpoint").unwrap();
    bench.disk.remove(file);
    bench.kill(0);
    assert_eq!(bench.log.latest_epoch(), Some(4));
    assert_eq!(bench.log.end_offset_for(1), Some((1, 2)));
}

#[test]
fn a_stale_epoch_file_is_cut_when_the_log_is_opened() {
    let mut bench = epochs();
    bench.flush();
    bench.sleep(Duration::from_secs(1));
    bench.log.assign_epoch(&mut bench.disk, 9, 6, bench.now).unwrap();
    bench.sleep(Duration::from_secs(1));
    let mut longer = bench
        .disk
        .read_bytes(bench.disk.lookup("orders-0/leader-epoch-checkpoint").unwrap())
        .to_vec();
    longer.splice(2..3, *b"5");
    longer.extend_from_slice(b"12 90\n");
    bench
        .disk
        .write_checkpoint("orders-0/leader-epoch-checkpoint", longer.into(), bench.now)
        .unwrap();
    bench.kill(0);
    assert_eq!(
        bench.log.latest_epoch(),
        Some(4),
        "epochs at or past the log end are dropped"
    );
}

#[test]
fn an_unsynced_truncation_lets_the_old_records_return_after_a_power_loss() {
    let mut bench = epochs();
    bench.flush();
    bench.log.truncate_to(&mut bench.disk, 5, bench.now).unwrap();
    let mut killed = Bench {
        disk: bench.disk.clone(),
        log: bench.log.clone(),
        ..bench
    };
    killed.kill(0);
    assert_eq!(killed.log.log_end_offset(), 5, "the page cache is cut");
    bench.power_loss(Survivors::None, 1);
    assert_eq!(bench.log.log_end_offset(), 6, "the platter is not");
}
