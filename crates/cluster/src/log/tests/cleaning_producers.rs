use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::BatchOptions;

use super::cleaning_support::*;
use super::support::*;

fn sequenced_put(log: &mut Compacted, sequence: i32, key: &str) {
    let records = by_producer(sequence, key);
    log.bench.append(records);
}

fn by_producer(sequence: i32, key: &str) -> bytes::Bytes {
    let options = BatchOptions {
        producer_id: 7,
        producer_epoch: 0,
        base_sequence: sequence,
        ..BatchOptions::default()
    };
    keyed(options, NOW_MS, &[(key, Some("1"))])
}

/// A producer whose every record was replaced by somebody else's.
fn overwritten() -> Compacted {
    let mut log = Compacted::new(compacting());
    for sequence in 0..3 {
        sequenced_put(&mut log, sequence, "a");
    }
    log.put("a", Some("2"));
    log.roll();
    log
}

/// Opens the log without any snapshot, so that only its batches can say what the producers did.
fn reopen_from_batches(log: &mut Compacted) {
    for name in log.bench.files(".snapshot") {
        let file = log.bench.disk.lookup(&format!("{DIR}/{name}")).unwrap();
        log.bench.disk.remove(file);
    }
    log.bench.kill(0);
}

#[test]
fn the_last_batch_of_an_active_producer_stays_without_records() {
    let mut log = overwritten();
    log.clean();
    let batches = log.bench.all();
    let headers: Vec<_> = batches
        .iter()
        .map(|b| (b.header.base_offset, b.header.record_count))
        .collect();
    assert_eq!(headers, [(2, 0), (3, 1)]);
    assert_eq!(batches[0].header.last_sequence(), 2);
    reopen_from_batches(&mut log);
    assert!(
        log.bench.append(by_producer(2, "a")).duplicate,
        "its last batch is recognised"
    );
    sequenced_put(&mut log, 3, "a");
}

#[test]
fn of_a_producer_that_is_forgotten_nothing_stays_and_it_begins_anew() {
    let mut log = overwritten();
    log.bench.log.expire_producers(NOW_MS + 86_400_000);
    log.clean();
    assert_eq!(offsets(&log.bench.all()), [3]);
    reopen_from_batches(&mut log);
    let refused = log.bench.try_append(by_producer(3, "a"), 0);
    assert_eq!(
        refused.map(|appended| appended.duplicate),
        Ok(false),
        "an unknown producer may go on anywhere, so a batch sent twice would be taken twice"
    );
}

#[test]
fn a_batch_sent_again_after_a_restart_is_refused_because_its_header_was_kept() {
    let mut log = overwritten();
    log.clean();
    reopen_from_batches(&mut log);
    let refused = log.bench.try_append(by_producer(0, "a"), 0).unwrap_err();
    assert_eq!(refused.code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

#[test]
fn sequence_numbers_survive_repeated_cleanings() {
    let mut log = overwritten();
    for round in 0..4 {
        log.clean();
        sequenced_put(&mut log, 3 + round, "b");
        log.put("b", Some("2"));
        log.roll();
    }
    log.clean();
    reopen_from_batches(&mut log);
    sequenced_put(&mut log, 7, "b");
    let empty = log.bench.all().iter().filter(|b| b.header.record_count == 0).count();
    assert_eq!(empty, 1, "only the last batch is kept for its numbers");
}
