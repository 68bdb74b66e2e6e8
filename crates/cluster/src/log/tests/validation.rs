use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::{Batch, BatchBuilder, BatchOptions, Codec, TimestampType};

use super::support::*;
use crate::log::{LogConfig, TopicCompression};

fn refusal(config: LogConfig, records: bytes::Bytes) -> ErrorCode {
    let mut bench = Bench::new(config);
    let error = bench.try_append(records, 0).unwrap_err();
    assert!(!error.storage && error.message.is_some());
    assert_eq!(bench.log.log_end_offset(), 0, "nothing was written");
    error.code
}

#[test]
fn a_batch_must_claim_offset_zero() {
    assert_eq!(
        refusal(LogConfig::default(), forged(&records(1), 0, &1_i64.to_be_bytes())),
        ErrorCode::INVALID_RECORD
    );
}

#[test]
fn a_large_batch_is_refused_before_its_crc_is_looked_at() {
    let config = LogConfig {
        max_message_bytes: 200,
        ..LogConfig::default()
    };
    let mut broken = bytes::BytesMut::from(sized(201).as_ref());
    broken[190] ^= 1;
    assert_eq!(refusal(config.clone(), broken.freeze()), ErrorCode::MESSAGE_TOO_LARGE);
    Bench::new(config).append(sized(200));
}

#[test]
fn a_wrong_crc_is_refused() {
    let mut broken = bytes::BytesMut::from(records(1).as_ref());
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(
        refusal(LogConfig::default(), broken.freeze()),
        ErrorCode::CORRUPT_MESSAGE
    );
}

#[test]
fn a_length_below_the_header_is_refused() {
    let mut broken = bytes::BytesMut::from(records(1).as_ref());
    broken[8..12].copy_from_slice(&5_i32.to_be_bytes());
    assert_eq!(
        refusal(LogConfig::default(), broken.freeze()),
        ErrorCode::CORRUPT_MESSAGE
    );
}

#[test]
fn an_old_format_is_refused() {
    let mut old = bytes::BytesMut::from(records(1).as_ref());
    old[16] = 1;
    assert_eq!(refusal(LogConfig::default(), old.freeze()), ErrorCode::INVALID_RECORD);
}

#[test]
fn counts_must_agree() {
    let cases = [(57, 3_i32), (57, 0), (57, -1), (23, 5), (23, -1)];
    for (at, value) in cases {
        let forged = forged(&records(2), at, &value.to_be_bytes());
        assert_eq!(
            refusal(LogConfig::default(), forged),
            ErrorCode::INVALID_RECORD,
            "{value} at {at}"
        );
    }
    let mut agreed = bytes::BytesMut::from(forged(&records(2), 57, &3_i32.to_be_bytes()).as_ref());
    agreed[23..27].copy_from_slice(&2_i32.to_be_bytes());
    let agreed = forged(&agreed.freeze(), 57, &3_i32.to_be_bytes());
    assert_eq!(
        refusal(LogConfig::default(), agreed),
        ErrorCode::INVALID_RECORD,
        "three claimed, two there"
    );
}

#[test]
fn clients_must_not_write_control_batches() {
    let options = BatchOptions {
        control: true,
        transactional: true,
        producer_id: 1,
        producer_epoch: 0,
        ..BatchOptions::default()
    };
    assert_eq!(
        refusal(LogConfig::default(), with(options, &[NOW_MS])),
        ErrorCode::INVALID_RECORD
    );
}

#[test]
fn an_idempotent_batch_needs_a_sequence_number() {
    assert_eq!(
        refusal(LogConfig::default(), sequenced(1, 0, -1, 1)),
        ErrorCode::INVALID_RECORD
    );
}

#[test]
fn a_compacted_topic_refuses_the_whole_batch_for_one_missing_key() {
    let config = LogConfig {
        cleanup_compact: true,
        ..LogConfig::default()
    };
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW_MS, Some(b"key"), None, &[]);
    builder.append(NOW_MS, None, Some(b"value"), &[]);
    builder.append(NOW_MS, None, Some(b"value"), &[]);
    let batch = builder.build().unwrap();
    let mut bench = Bench::new(config);
    let error = bench.try_append(batch.clone(), 0).unwrap_err();
    assert_eq!(error.code, ErrorCode::INVALID_RECORD);
    let indexes: Vec<i32> = error.record_errors.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [1, 2]);
    Bench::new(LogConfig::default()).append(batch);
}

#[test]
fn timestamps_outside_the_window_are_refused_record_by_record() {
    let config = LogConfig {
        timestamp_before_max_ms: 1000,
        timestamp_after_max_ms: 500,
        ..LogConfig::default()
    };
    let limits = [NOW_MS - 1000, NOW_MS + 500, -1];
    Bench::new(config.clone()).append(stamped(&limits));
    let mut bench = Bench::new(config.clone());
    let error = bench
        .try_append(stamped(&[NOW_MS, NOW_MS - 1001, NOW_MS + 501]), 0)
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::INVALID_TIMESTAMP);
    let indexes: Vec<i32> = error.record_errors.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [1, 2]);
    let by_leader = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..config
    };
    Bench::new(by_leader).append(stamped(&[0, i64::MAX / 2]));
}

#[test]
fn a_timestamp_error_outranks_a_missing_key() {
    let config = LogConfig {
        cleanup_compact: true,
        timestamp_after_max_ms: 0,
        ..LogConfig::default()
    };
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW_MS, None, None, &[]);
    builder.append(NOW_MS + 1, Some(b"key"), None, &[]);
    assert_eq!(refusal(config, builder.build().unwrap()), ErrorCode::INVALID_TIMESTAMP);
}

#[test]
fn only_the_broker_may_claim_log_append_time() {
    let claimed = Batch::parse_one(&records(1), 0)
        .unwrap()
        .with_log_append_time(NOW_MS)
        .to_bytes();
    assert_eq!(refusal(LogConfig::default(), claimed), ErrorCode::INVALID_TIMESTAMP);
}

#[test]
fn log_append_time_stamps_the_batch_and_its_crc() {
    let config = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    };
    let mut bench = Bench::new(config);
    let appended = bench.append(stamped(&[1, 2]));
    assert_eq!(appended.log_append_time, NOW_MS);
    let stored = bench.all().remove(0);
    assert_eq!(stored.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stored.header.max_timestamp, NOW_MS);
    assert!(Batch::parse_one(&stored.to_bytes(), 0).unwrap().check_crc());
}

#[test]
fn a_header_that_is_wrong_about_its_timestamps_is_corrected() {
    let mut bench = Bench::new(LogConfig::default());
    bench.append(forged(&stamped(&[5, 9, 7]), 35, &i64::MAX.to_be_bytes()));
    let stored = bench.all().remove(0);
    assert_eq!(stored.header.max_timestamp, 9);
    assert!(stored.check_crc());
    assert_eq!(stored.records(1 << 20).unwrap().len(), 3);
}

#[test]
fn a_topic_codec_rebuilds_batches_of_any_other() {
    for target in Codec::ALL {
        let config = LogConfig {
            compression: TopicCompression::Codec(target),
            ..LogConfig::default()
        };
        for sent in Codec::ALL {
            let mut bench = Bench::new(config.clone());
            let batch = compressed(sent, 20);
            bench.append(batch.clone());
            let stored = bench.all().remove(0);
            assert_eq!(stored.header.codec().unwrap(), target);
            assert!(stored.check_crc());
            let original = Batch::parse_one(&batch, 0).unwrap();
            assert_eq!(stored.records(1 << 20).unwrap(), original.records(1 << 20).unwrap());
            assert_eq!(
                stored.tail() == original.tail(),
                sent == target,
                "{sent:?} to {target:?}"
            );
        }
    }
}

#[test]
fn a_batch_that_outgrows_the_limit_when_rebuilt_is_refused() {
    let config = LogConfig {
        compression: TopicCompression::Codec(Codec::None),
        max_message_bytes: 800,
        ..LogConfig::default()
    };
    let batch = compressed(Codec::Gzip, 100);
    assert!(batch.len() <= 800);
    assert_eq!(refusal(config, batch), ErrorCode::MESSAGE_TOO_LARGE);
}

#[test]
fn bytes_that_do_not_decompress_are_refused() {
    let batch = compressed(Codec::Gzip, 10);
    let garbage = vec![0xff; batch.len() - 61];
    assert_eq!(
        refusal(LogConfig::default(), forged(&batch, 61, &garbage)),
        ErrorCode::CORRUPT_MESSAGE
    );
}

#[test]
fn offsets_must_be_consecutive_in_a_compressed_batch() {
    let plain = records(3);
    // A record of this batch is "length, attributes, timestamp delta, offset delta, …", each one byte long here.
    let record_size = (plain.len() - 61) / 3;
    let gap = forged(&plain, 61 + record_size + 3, &[2 * 7]);
    Bench::new(LogConfig::default()).append(gap.clone());
    let squeezed = Batch::parse_one(&gap, 0)
        .unwrap()
        .recompressed(Codec::Lz4, 1 << 20)
        .unwrap()
        .to_bytes();
    assert_eq!(refusal(LogConfig::default(), squeezed), ErrorCode::INVALID_RECORD);
}

#[test]
fn a_set_larger_than_a_segment_is_refused() {
    let config = LogConfig {
        segment_bytes: 150,
        ..LogConfig::default()
    };
    assert_eq!(refusal(config.clone(), sized(151)), ErrorCode::RECORD_LIST_TOO_LARGE);
    Bench::new(config).append(sized(150));
}

#[test]
fn compression_names_are_those_of_the_topic_key() {
    assert_eq!(
        TopicCompression::from_name("producer"),
        Some(TopicCompression::Producer)
    );
    assert_eq!(
        TopicCompression::from_name("uncompressed"),
        Some(TopicCompression::Codec(Codec::None))
    );
    assert_eq!(
        TopicCompression::from_name("zstd"),
        Some(TopicCompression::Codec(Codec::Zstd))
    );
    assert_eq!(TopicCompression::from_name("none"), None);
}
