use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::Batch;

use super::support::*;
use crate::log::{AppendOrigin, LogConfig};

#[test]
fn a_leader_gives_offsets_and_its_epoch() {
    let mut bench = Bench::new(LogConfig::default());
    let first = bench.try_append(records(3), 5).unwrap();
    let second = bench.try_append(records(2), 6).unwrap();
    assert_eq!((first.first_offset, first.last_offset, first.duplicate), (0, 2, false));
    assert_eq!((second.first_offset, second.last_offset), (3, 4));
    assert_eq!(
        (first.log_append_time, first.log_start_offset, first.flushed),
        (-1, 0, None)
    );
    let stored: Vec<_> = bench
        .all()
        .iter()
        .map(|b| (b.header.base_offset, b.header.leader_epoch))
        .collect();
    assert_eq!(stored, [(0, 5), (3, 6)]);
    assert!(
        bench.all().iter().all(Batch::check_crc),
        "stamping leaves the CRC valid"
    );
    assert_eq!((bench.log.log_end_offset(), bench.log.latest_epoch()), (5, Some(6)));
    assert_eq!(bench.log.size_bytes(), (first.bytes + second.bytes) as u64);
}

#[test]
fn an_append_shares_the_bytes_of_the_request() {
    let mut bench = Bench::new(LogConfig::default());
    let request = records(1);
    bench.append(request.clone());
    let stored = bench.all().remove(0);
    assert_eq!(stored.tail().as_ptr(), request[16..].as_ptr());
    let mut follower = Bench::new(LogConfig::default());
    follower
        .log
        .append_as_follower(&mut follower.disk, &[stored], follower.now, NOW_MS)
        .unwrap();
    assert_eq!(follower.all()[0].tail().as_ptr(), request[16..].as_ptr());
}

#[test]
fn no_batch_or_part_of_one_is_a_success_that_writes_nothing() {
    let mut bench = Bench::new(LogConfig::default());
    for bytes in [records(0).slice(..0), records(1).slice(..40), records(1).slice(..70)] {
        let appended = bench.append(bytes);
        assert_eq!(
            (appended.first_offset, appended.last_offset, appended.bytes),
            (-1, -1, 0)
        );
    }
    assert_eq!(bench.log.log_end_offset(), 0);
    let mut trailing = bytes::BytesMut::from(records(2).as_ref());
    trailing.extend_from_slice(&records(1)[..50]);
    assert_eq!(
        bench.append(trailing.freeze()).last_offset,
        1,
        "what is cut off is dropped silently"
    );
}

#[test]
fn a_coordinator_may_write_several_batches_at_once() {
    let mut bench = Bench::new(LogConfig::default());
    let both = bytes::Bytes::from([records(2), records(3)].concat());
    let refused = bench.try_append(both.clone(), 0).unwrap_err();
    assert_eq!(refused.code, ErrorCode::INVALID_RECORD);
    let (now, disk) = (bench.now, &mut bench.disk);
    let appended = bench
        .log
        .append_as_leader(disk, both, 0, now, NOW_MS, AppendOrigin::Coordinator)
        .unwrap();
    assert_eq!((appended.first_offset, appended.last_offset), (0, 4));
    assert_eq!(offsets(&bench.all()), [0, 2]);
}

#[test]
fn a_follower_keeps_the_offsets_and_epochs_of_the_leader() {
    let mut leader = Bench::new(LogConfig::default());
    leader.try_append(records(3), 1).unwrap();
    leader.try_append(records(2), 4).unwrap();
    let mut follower = Bench::new(LogConfig::default());
    let fetched = leader.all();
    let appended = follower
        .log
        .append_as_follower(&mut follower.disk, &fetched, follower.now, NOW_MS)
        .unwrap();
    assert_eq!((appended.first_offset, appended.last_offset), (0, 4));
    assert_eq!(follower.all(), fetched);
    assert_eq!(follower.log.end_offset_for(1), Some((1, 3)));
    assert_eq!(follower.log.latest_epoch(), Some(4));
}

#[test]
fn a_follower_takes_gaps_but_no_overlap() {
    let mut leader = Bench::new(LogConfig::default());
    leader.fill(6);
    let fetched = leader.all();
    let mut follower = Bench::new(LogConfig::default());
    let (disk, log) = (&mut follower.disk, &mut follower.log);
    log.append_as_follower(disk, &fetched[..2], follower.now, NOW_MS)
        .unwrap();
    log.append_as_follower(disk, &fetched[4..5], follower.now, NOW_MS)
        .unwrap();
    assert_eq!(log.log_end_offset(), 5);
    let overlap = log
        .append_as_follower(disk, &fetched[4..], follower.now, NOW_MS)
        .unwrap_err();
    assert_eq!(overlap.code, ErrorCode::UNKNOWN_SERVER_ERROR);
    let backwards = [fetched[5].clone(), fetched[4].clone()];
    assert!(log.append_as_follower(disk, &backwards, follower.now, NOW_MS).is_err());
    assert_eq!(log.log_end_offset(), 5, "nothing was written");
}

#[test]
fn an_empty_follower_may_begin_inside_a_batch() {
    let mut leader = Bench::new(LogConfig::default());
    leader.append(records(2));
    leader.append(records(5));
    let mut follower = Bench::new(LogConfig::default());
    follower
        .log
        .truncate_fully_and_start_at(&mut follower.disk, 4, follower.now)
        .unwrap();
    let batch = leader.all().remove(1);
    follower
        .log
        .append_as_follower(&mut follower.disk, &[batch], follower.now, NOW_MS)
        .unwrap();
    assert_eq!((follower.log.log_start_offset(), follower.log.log_end_offset()), (2, 7));
}

#[test]
fn a_full_disk_refuses_the_append_and_says_that_storage_failed() {
    let mut bench = Bench::new(LogConfig::default());
    bench.fill(1);
    bench.disk.set_full(true);
    let error = bench.try_append(records(1), 0).unwrap_err();
    assert_eq!((error.code, error.storage), (ErrorCode::KAFKA_STORAGE_ERROR, true));
    assert_eq!((bench.log.log_end_offset(), bench.all().len()), (1, 1));
}

#[test]
fn an_epoch_is_recorded_before_the_batch_that_begins_it() {
    let mut bench = Bench::new(LogConfig::default());
    bench.try_append(records(1), 3).unwrap();
    let file = bench.disk.lookup("orders-0/leader-epoch-checkpoint").unwrap();
    assert_eq!(bench.disk.read_bytes(file), "0\n1\n3 0\n");
    let refused = bench.try_append(sequenced(1, 0, 0, 1), 4);
    assert!(refused.is_ok());
    assert_eq!(
        bench.try_append(sequenced(1, 0, 9, 1), 5).unwrap_err().code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        bench.log.latest_epoch(),
        Some(5),
        "a refused batch has begun its epoch all the same"
    );
}
