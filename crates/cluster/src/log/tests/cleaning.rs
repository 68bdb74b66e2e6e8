use kafka_sim_core::batch::{BatchOptions, Codec};
use kafka_sim_core::{Offset, Seed};

use super::cleaning_support::*;
use super::support::*;
use crate::log::{CleaningError, LogConfig};

/// Two closed segments and an active one.
fn three_segments() -> Compacted {
    let mut log = Compacted::new(compacting());
    log.put_all(&[("a", "1"), ("b", "1"), ("a", "2")]);
    log.roll();
    log.put_all(&[("c", "1"), ("a", "3")]);
    log.roll();
    log.put_all(&[("a", "4"), ("b", "2")]);
    log
}

#[test]
fn of_each_key_the_last_record_below_the_active_segment_stays_where_it_was() {
    let mut log = three_segments();
    let before = log.state();
    let cleaned = log.clean();
    assert_eq!((cleaned.from, cleaned.to), (0, 5));
    assert!(cleaned.bytes_after < cleaned.bytes_before, "{cleaned:?}");
    assert_eq!(
        log.offsets(),
        [1, 3, 4, 5, 6],
        "b@1, c@3 and a@4, and the active segment whole"
    );
    assert_eq!(log.state(), before);
    assert_eq!(
        (log.bench.log.log_start_offset(), log.bench.log.log_end_offset()),
        (0, 7)
    );
}

#[test]
fn without_compaction_every_record_stays() {
    let mut log = three_segments();
    let bench = &mut log.bench;
    bench
        .log
        .apply_retention(&mut bench.disk, bench.now, bench.now_ms, Offset::MAX);
    assert_eq!(log.offsets(), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn small_segments_become_one_and_their_snapshots_go() {
    let mut log = three_segments();
    assert_eq!(log.bench.log.segment_count(), 3);
    log.clean();
    assert_eq!(log.bench.log.segment_count(), 2);
    assert_eq!(
        log.bench.files(".log"),
        ["00000000000000000000.log", "00000000000000000005.log"]
    );
    assert_eq!(log.bench.files(".snapshot"), ["00000000000000000005.snapshot"]);
    assert_eq!(log.bench.files(".cleaned").len() + log.bench.files(".swap").len(), 0);
}

#[test]
fn segments_are_joined_only_up_to_the_size_of_one() {
    let mut log = Compacted::new(LogConfig {
        segment_bytes: 500,
        ..compacting()
    });
    for n in 0..40 {
        log.put(&format!("key-{n}"), Some("value"));
    }
    let before = log.bench.log.segment_count();
    log.clean();
    log.clean();
    let sizes: Vec<u64> = log.bench.log.segments.iter().map(|segment| segment.size()).collect();
    assert!(sizes.iter().all(|size| *size <= 500), "{sizes:?}");
    assert_eq!(
        sizes.len(),
        before,
        "full segments of live keys have no room for another"
    );
    assert_eq!(log.offsets().len(), 40);
}

#[test]
fn a_reader_inside_a_gap_gets_the_next_record() {
    let mut log = three_segments();
    log.clean();
    for (from, first) in [(0, 1), (1, 1), (2, 3), (4, 4), (5, 5)] {
        let read = log.bench.log.read(from, usize::MAX, Offset::MAX, true).unwrap();
        assert_eq!(read.batches[0].header.base_offset, first, "from {from}");
    }
}

#[test]
fn what_there_is_no_memory_for_is_cleaned_the_next_time() {
    let mut log = three_segments();
    log.max_keys = 3;
    let first = log.clean();
    assert_eq!(
        (first.from, first.to),
        (0, 4),
        "three keys are known, and a full map takes no other record"
    );
    assert_eq!(log.offsets(), [1, 2, 3, 4, 5, 6]);
    let second = log.clean();
    assert_eq!((second.from, second.to), (4, 5));
    assert_eq!(log.offsets(), [1, 3, 4, 5, 6]);
}

#[test]
fn a_batch_of_any_codec_keeps_its_codec_and_what_is_left_of_it() {
    for codec in Codec::ALL {
        let mut log = Compacted::new(compacting());
        let options = BatchOptions {
            codec,
            ..BatchOptions::default()
        };
        log.bench.append(keyed(
            options,
            NOW_MS,
            &[("a", Some("1")), ("b", Some("1")), ("a", Some("2"))],
        ));
        log.put("a", Some("3"));
        log.roll();
        log.clean();
        assert_eq!(log.offsets(), [1, 3], "{codec}");
        let batch = &log.bench.all()[0];
        assert!(batch.check_crc());
        assert_eq!(batch.header.codec(), Ok(codec));
        assert_eq!(
            (batch.header.base_offset, batch.header.last_offset()),
            (0, 2),
            "{codec}"
        );
    }
}

#[test]
fn the_end_of_the_cleaned_part_keeps_a_header_when_its_record_goes() {
    let mut log = Compacted::new(compacting());
    log.put("a", Some("1"));
    log.put("a", None);
    log.roll();
    log.clean();
    log.bench.sleep(std::time::Duration::from_millis(86_400_001));
    log.put("b", Some("1"));
    log.roll();
    log.clean();
    log.clean();
    let end = log.bench.all().last().unwrap().header.next_offset();
    assert_eq!(end, log.bench.log.log_end_offset());
}

#[test]
fn a_follower_copies_a_compacted_log_gaps_and_all() {
    let mut leader = three_segments();
    leader.clean();
    let mut follower = Bench::new(compacting());
    let batches = leader.bench.all();
    let (now, now_ms) = (follower.now, follower.now_ms);
    for batch in &batches {
        let fetched = std::slice::from_ref(batch);
        follower
            .log
            .append_as_follower(&mut follower.disk, fetched, now, now_ms)
            .unwrap();
    }
    assert_eq!(follower.all(), batches);
    assert_eq!(follower.log.log_end_offset(), 7);
}

#[test]
fn a_truncation_into_a_gap_ends_the_log_there() {
    let mut log = three_segments();
    log.clean();
    let bench = &mut log.bench;
    bench.log.truncate_to(&mut bench.disk, 2, bench.now).unwrap();
    assert_eq!(log.offsets(), [1]);
    assert_eq!(log.bench.log.log_end_offset(), 2);
    assert_eq!(log.put("d", Some("1")), 2);
}

#[test]
fn a_truncation_below_the_active_segment_stops_a_cleaning_and_one_inside_it_does_not() {
    for (to, goes_on) in [(4, false), (6, true)] {
        let mut log = three_segments();
        log.begin().unwrap();
        assert_eq!(log.bench.files(".cleaned").len(), 1);
        let bench = &mut log.bench;
        bench.log.truncate_to(&mut bench.disk, to, bench.now).unwrap();
        assert_eq!(log.bench.log.is_being_cleaned(), goes_on, "truncated to {to}");
        assert_eq!(log.bench.files(".cleaned").len(), usize::from(goes_on));
    }
}

#[test]
fn records_arrive_while_a_cleaning_waits_for_the_disk() {
    let mut log = three_segments();
    log.begin().unwrap();
    log.put("a", Some("5"));
    log.roll();
    log.put("a", Some("6"));
    while log.bench.log.is_being_cleaned() {
        log.bench.sleep(std::time::Duration::from_millis(5));
        log.step().unwrap();
    }
    assert_eq!(log.offsets(), [1, 3, 4, 5, 6, 7, 8]);
    assert_eq!(log.state()["a"], "6");
}

#[test]
fn a_batch_that_cannot_be_read_ends_the_cleaning_and_leaves_the_log_alone() {
    let mut damaged = 0;
    for seed in 0..20 {
        let mut log = Compacted::new(compacting());
        let options = BatchOptions {
            codec: Codec::Gzip,
            ..BatchOptions::default()
        };
        log.bench.append(keyed(options, NOW_MS, &[("a", Some("1"))]));
        log.put("a", Some("2"));
        log.roll();
        log.put("b", Some("1"));
        let before = log.bench.all();
        let prefix = format!("{DIR}/00000000000000000000.log");
        assert!(log.bench.disk.corrupt_tail(&prefix, &mut Seed(seed).stream("rot", 0)));
        if let Err(error) = log.try_clean() {
            assert!(matches!(error, CleaningError::Damaged(_)), "{error}");
            assert!(!log.bench.log.is_being_cleaned());
            assert_eq!(log.bench.all(), before);
            assert_eq!(log.bench.files(".cleaned").len(), 0);
            damaged += 1;
        }
    }
    assert!(damaged > 0, "no bit made the batch unreadable");
}

#[test]
fn records_of_a_segment_with_a_rotten_value_are_copied_as_if_nothing_were_wrong() {
    let mut log = Compacted::new(compacting());
    log.bench.append(keyed(
        BatchOptions::default(),
        NOW_MS,
        &[("a", Some("1")), ("b", Some(&"x".repeat(4000)))],
    ));
    log.put("a", Some("2"));
    log.roll();
    let file = log
        .bench
        .disk
        .lookup(&format!("{DIR}/00000000000000000000.log"))
        .unwrap();
    let batch = log.bench.all()[0].clone();
    let mut bytes = bytes::BytesMut::from(batch.to_bytes().as_ref());
    let at = bytes.len() - 100;
    bytes[at] = b'!';
    let rest = log.bench.all()[1].to_bytes();
    let bench = &mut log.bench;
    bench.disk.truncate(file, 0, bench.now);
    for part in [bytes.freeze(), rest] {
        bench
            .disk
            .append(file, crate::disk::Chunk::Plain(part), bench.now)
            .unwrap();
    }
    log.clean();
    let copied = &log.bench.all()[0];
    assert!(copied.check_crc(), "the copy has a checksum of its own");
    assert!(log.state()["b"].contains('!'), "the damage is in it for good");
}
