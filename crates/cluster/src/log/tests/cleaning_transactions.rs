//! Batches of transactions and their markers, written as a coordinator would write them.

use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::Offset;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions};

use super::cleaning_support::*;
use super::support::*;
use crate::log::LogConfig;

const ABORT: u8 = 0;
const COMMIT: u8 = 1;

fn transactional(producer: i64, sequence: i32, key: &str, value: &str) -> Bytes {
    let options = BatchOptions {
        producer_id: producer,
        producer_epoch: 0,
        base_sequence: sequence,
        transactional: true,
        ..BatchOptions::default()
    };
    keyed(options, NOW_MS, &[(key, Some(value))])
}

fn marker(producer: i64, kind: u8) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        producer_id: producer,
        producer_epoch: 0,
        transactional: true,
        control: true,
        ..BatchOptions::default()
    });
    builder.append(NOW_MS, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]);
    builder.build().unwrap()
}

fn log() -> Compacted {
    Compacted::new(LogConfig {
        delete_retention_ms: 60_000,
        ..compacting()
    })
}

fn markers(log: &Compacted) -> Vec<Offset> {
    let all = log.bench.all();
    let control = all
        .iter()
        .filter(|b| b.header.is_control() && b.header.record_count > 0);
    control.map(|b| b.header.base_offset).collect()
}

/// Another closed segment and a cleaning.
fn clean_again(log: &mut Compacted) {
    log.put("filler", Some("1"));
    log.roll();
    log.clean();
}

#[test]
fn records_of_an_aborted_transaction_go_and_do_not_replace_older_ones() {
    let mut log = log();
    log.put("a", Some("good"));
    log.coordinate(transactional(5, 0, "a", "bad"));
    log.coordinate(marker(5, ABORT));
    log.roll();
    log.clean();
    let records = log.records();
    assert_eq!(records, [(0, "a".to_owned(), Some("good".to_owned()))]);
}

#[test]
fn records_of_a_committed_transaction_replace_older_ones() {
    let mut log = log();
    log.put("a", Some("old"));
    log.coordinate(transactional(5, 0, "a", "new"));
    log.coordinate(marker(5, COMMIT));
    log.roll();
    log.clean();
    assert_eq!(log.offsets(), [1]);
    assert_eq!(markers(&log), [2], "a record of the transaction is left");
}

#[test]
fn a_commit_marker_outlives_its_records_by_delete_retention() {
    let mut log = log();
    log.coordinate(transactional(5, 0, "a", "1"));
    log.coordinate(marker(5, COMMIT));
    log.put("a", Some("2"));
    log.roll();
    log.clean();
    assert_eq!((log.offsets(), markers(&log)), (vec![2], vec![1]));
    // The header that is kept for the sequence number still counts as a batch of the transaction.
    log.bench.log.expire_producers(NOW_MS + 86_400_000);
    clean_again(&mut log);
    assert_eq!(markers(&log), [1]);
    clean_again(&mut log);
    assert_eq!(markers(&log), [1], "no record is left, and the marker has a horizon");
    log.bench.sleep(Duration::from_secs(61));
    clean_again(&mut log);
    assert_eq!(markers(&log), Vec::<Offset>::new());
}

#[test]
fn a_producer_without_records_keeps_its_last_marker_for_its_epoch() {
    let mut log = log();
    log.coordinate(marker(5, ABORT));
    log.put("a", Some("1"));
    log.roll();
    log.clean();
    log.bench.sleep(Duration::from_secs(61));
    clean_again(&mut log);
    clean_again(&mut log);
    let all = log.bench.all();
    let control: Vec<_> = all
        .iter()
        .filter(|b| b.header.is_control())
        .map(|b| b.header.record_count)
        .collect();
    assert_eq!(control, [0], "the record went, the header with the epoch stays");
}

#[test]
fn only_the_aborted_one_of_two_transactions_of_a_producer_goes() {
    let mut log = log();
    log.coordinate(transactional(5, 0, "a", "bad"));
    log.coordinate(marker(5, ABORT));
    log.roll();
    log.clean();
    log.coordinate(transactional(5, 1, "a", "good"));
    log.coordinate(marker(5, COMMIT));
    log.roll();
    log.clean();
    assert_eq!(log.state()["a"], "good");
}

#[test]
fn a_marker_in_a_segment_that_is_not_cleaned_decides_as_well() {
    let mut log = log();
    log.coordinate(transactional(5, 0, "a", "bad"));
    log.put("b", Some("1"));
    log.roll();
    log.coordinate(marker(5, ABORT));
    log.clean();
    assert_eq!(log.offsets(), [1]);
}
