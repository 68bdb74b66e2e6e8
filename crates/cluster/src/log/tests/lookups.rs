use kafka_sim_core::batch::{Codec, TimestampType};

use super::support::*;
use crate::log::LogConfig;

fn spread() -> Bench {
    let mut bench = Bench::new(LogConfig {
        segment_bytes: 250,
        ..LogConfig::default()
    });
    for (epoch, timestamps) in [(0, [10, 30]), (0, [20, 25]), (1, [30, 40]), (2, [50, 5])] {
        bench.try_append(stamped(&timestamps), epoch).unwrap();
    }
    assert!(bench.log.segment_count() > 1);
    bench
}

#[test]
fn the_first_record_at_or_after_a_time_is_found() {
    let bench = spread();
    let cases = [
        (0, Some((0, 10, 0))),
        (10, Some((0, 10, 0))),
        (11, Some((1, 30, 0))),
        (30, Some((1, 30, 0))),
        (31, Some((5, 40, 1))),
        (45, Some((6, 50, 2))),
        (51, None),
    ];
    for (timestamp, expected) in cases {
        assert_eq!(bench.log.offset_for_timestamp(timestamp), expected, "{timestamp}");
    }
}

#[test]
fn records_below_the_log_start_are_not_found() {
    let mut bench = spread();
    bench.log.raise_log_start(2);
    assert_eq!(bench.log.offset_for_timestamp(11), Some((2, 20, 0)));
    assert_eq!(bench.log.offset_for_timestamp(30), Some((4, 30, 1)));
    bench.log.raise_log_start(7);
    assert_eq!(bench.log.offset_for_timestamp(0), Some((7, 5, 2)));
    assert_eq!(bench.log.offset_for_timestamp(6), None);
}

#[test]
fn the_record_with_the_greatest_timestamp_is_the_earliest_of_its_equals() {
    assert_eq!(Bench::new(LogConfig::default()).log.max_timestamp_offset(), None);
    let mut bench = spread();
    assert_eq!(bench.log.max_timestamp_offset(), Some((6, 50)));
    bench.append(stamped(&[1, 50, 50]));
    assert_eq!(bench.log.max_timestamp_offset(), Some((6, 50)));
    bench.append(stamped(&[1, 60, 60]));
    assert_eq!(bench.log.max_timestamp_offset(), Some((12, 60)));
}

#[test]
fn times_are_found_inside_compressed_batches() {
    let mut bench = Bench::new(LogConfig::default());
    let options = kafka_sim_core::batch::BatchOptions {
        codec: Codec::Zstd,
        ..Default::default()
    };
    bench.append(with(options, &[10, 20, 30]));
    assert_eq!(bench.log.offset_for_timestamp(15), Some((1, 20, 0)));
}

#[test]
fn under_log_append_time_all_records_of_a_batch_have_its_time() {
    let config = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    bench.append(stamped(&[10, 20]));
    bench.now_ms += 5;
    bench.append(stamped(&[10, 20]));
    assert_eq!(bench.log.offset_for_timestamp(15), Some((0, NOW_MS, 0)));
    assert_eq!(bench.log.offset_for_timestamp(NOW_MS + 1), Some((2, NOW_MS + 5, 0)));
    assert_eq!(bench.log.max_timestamp_offset(), Some((2, NOW_MS + 5)));
}

#[test]
fn a_log_without_timestamps_has_no_greatest_one() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(stamped(&[-1, -1]));
    assert_eq!(bench.log.max_timestamp_offset(), None);
}
