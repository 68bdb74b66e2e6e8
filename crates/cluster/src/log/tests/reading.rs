use kafka_sim_core::{ErrorCode, Offset};

use super::support::*;
use crate::log::LogConfig;

fn read(bench: &Bench, offset: Offset, max_bytes: usize, bound: Offset, first: bool) -> Vec<Offset> {
    offsets(&bench.log.read(offset, max_bytes, bound, first).unwrap().batches)
}

fn five_batches_of_100_bytes() -> Bench {
    let mut bench = Bench::new(LogConfig::default());
    for _ in 0..5 {
        bench.append(sized(100));
    }
    bench
}

#[test]
fn a_read_stays_within_its_bytes() {
    let bench = five_batches_of_100_bytes();
    assert_eq!(read(&bench, 0, 250, 5, false), [0, 1]);
    assert_eq!(read(&bench, 0, 300, 5, false), [0, 1, 2]);
    assert_eq!(bench.log.read(1, 300, 5, false).unwrap().bytes, 300);
    assert!(read(&bench, 0, 99, 5, false).is_empty());
}

#[test]
fn the_first_batch_comes_whole_even_if_it_is_too_large() {
    let bench = five_batches_of_100_bytes();
    assert_eq!(read(&bench, 2, 1, 5, true), [2]);
    assert_eq!(read(&bench, 2, 0, 5, true), [2]);
}

#[test]
fn nothing_at_or_past_the_bound_is_read() {
    let bench = five_batches_of_100_bytes();
    assert_eq!(read(&bench, 1, 1000, 3, true), [1, 2]);
    assert!(read(&bench, 3, 1000, 3, true).is_empty());
    assert!(read(&bench, 5, 1000, 5, true).is_empty());
}

#[test]
fn out_of_range_is_below_the_start_or_past_the_end() {
    let mut bench = five_batches_of_100_bytes();
    bench.log.raise_log_start(2);
    for offset in [1, -1, 6] {
        assert_eq!(
            bench.log.read(offset, 1000, 5, true),
            Err(ErrorCode::OFFSET_OUT_OF_RANGE)
        );
    }
    assert_eq!(read(&bench, 2, 1000, 5, true), [2, 3, 4]);
}

#[test]
fn a_read_starts_with_the_batch_that_contains_the_offset() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(records(5));
    bench.append(records(5));
    assert_eq!(read(&bench, 7, 10_000, 10, true), [5]);
    bench.log.raise_log_start(3);
    assert_eq!(
        read(&bench, 3, 10_000, 10, true),
        [0, 5],
        "records before the offset are for the client to skip"
    );
}

#[test]
fn a_read_does_not_span_segments() {
    let config = LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    for _ in 0..4 {
        bench.append(sized(100));
    }
    assert_eq!(read(&bench, 0, 10_000, 10, true), [0, 1]);
    assert_eq!(read(&bench, 2, 10_000, 10, true), [2, 3]);
}

#[test]
fn an_offset_in_a_gap_reads_what_comes_next() {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 200,
        ..LogConfig::default()
    });
    let template = {
        let mut other = Bench::new(LogConfig::default());
        other.append(sized(100));
        other.all().remove(0)
    };
    for offset in [0, 5, 20] {
        let mut batch = template.clone();
        batch.stamp(offset, 0);
        bench
            .log
            .append_as_follower(&mut bench.disk, &[batch], bench.now, NOW_MS)
            .unwrap();
    }
    assert_eq!(read(&bench, 2, 10_000, 100, true), [5]);
    assert_eq!(
        read(&bench, 7, 10_000, 100, true),
        [20],
        "the rest of its segment is empty"
    );
}
