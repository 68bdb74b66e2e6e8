use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, Record as TheirRecord, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType as TheirTimestampType,
};

use super::*;
use crate::{Seed, SimRng};

const LIMIT: usize = 1 << 20;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn codecs_of_this_build() -> impl Iterator<Item = Codec> {
    Codec::ALL
        .into_iter()
        .filter(|codec| compress(*codec, b"") != Err(BatchError::CodecDisabled(*codec)))
}

/// Three records: with everything, with nulls, and with empty fields.
fn three_records(options: BatchOptions) -> Batch {
    let mut builder = BatchBuilder::new(options);
    let headers = [(bytes("trace"), Some(bytes("abc"))), (bytes("flag"), None)];
    builder.append(1_000, Some(b"key"), Some(b"value"), &headers);
    builder.append(990, None, None, &[]);
    builder.append(1_200, Some(b""), Some(b""), &[]);
    let built = builder.build().unwrap();
    Batch::parse_one(&built, 0).unwrap()
}

fn idempotent() -> BatchOptions {
    BatchOptions {
        producer_id: 77,
        producer_epoch: 3,
        base_sequence: 9,
        ..BatchOptions::default()
    }
}

#[test]
fn records_come_back_as_they_went_in() {
    let mut batch = three_records(idempotent());
    batch.stamp(500, 4);
    let records = batch.records(LIMIT).unwrap();
    let expected = [
        Record {
            offset: 500,
            timestamp: 1_000,
            key: Some(bytes("key")),
            value: Some(bytes("value")),
            headers: vec![(bytes("trace"), Some(bytes("abc"))), (bytes("flag"), None)],
        },
        Record {
            offset: 501,
            timestamp: 990,
            key: None,
            value: None,
            headers: vec![],
        },
        Record {
            offset: 502,
            timestamp: 1_200,
            key: Some(bytes("")),
            value: Some(bytes("")),
            headers: vec![],
        },
    ];
    assert_eq!(records, expected);
}

#[test]
fn the_header_says_what_the_builder_was_told() {
    let options = BatchOptions {
        transactional: true,
        ..idempotent()
    };
    let header = three_records(options).header;
    assert_eq!((header.base_offset, header.leader_epoch, header.magic), (0, -1, 2));
    assert_eq!(
        (header.producer_id, header.producer_epoch, header.base_sequence),
        (77, 3, 9)
    );
    assert_eq!((header.base_timestamp, header.max_timestamp), (1_000, 1_200));
    assert_eq!((header.last_offset_delta, header.record_count), (2, 3));
    assert_eq!(
        (header.last_offset(), header.next_offset(), header.last_sequence()),
        (2, 3, 11)
    );
    assert!(header.is_transactional() && !header.is_control() && header.has_producer_id());
    assert_eq!(header.timestamp_type(), TimestampType::CreateTime);
    assert_eq!(header.codec(), Ok(Codec::None));

    let plain = three_records(BatchOptions {
        control: true,
        ..BatchOptions::default()
    })
    .header;
    assert!(plain.is_control() && !plain.is_transactional() && !plain.has_producer_id());
    assert_eq!(plain.last_sequence(), NO_SEQUENCE);
}

#[test]
fn sequence_numbers_wrap_to_zero() {
    let mut header = three_records(idempotent()).header;
    header.base_sequence = i32::MAX - 1;
    assert_eq!(header.last_sequence(), 0);
    header.base_sequence = i32::MAX - 2;
    assert_eq!(header.last_sequence(), i32::MAX);
}

#[test]
fn another_implementation_reads_what_the_builder_writes() {
    let mut batch = three_records(idempotent());
    batch.stamp(40, 6);
    let set = RecordBatchDecoder::decode(&mut batch.to_bytes()).unwrap();
    assert_eq!(set.records.len(), 3);
    for (theirs, ours) in set.records.iter().zip(batch.records(LIMIT).unwrap()) {
        assert_eq!((theirs.offset, theirs.timestamp), (ours.offset, ours.timestamp));
        assert_eq!((&theirs.key, &theirs.value), (&ours.key, &ours.value));
        assert_eq!((theirs.producer_id, theirs.producer_epoch), (77, 3));
        assert_eq!(theirs.partition_leader_epoch, 6);
        let headers: Vec<_> = theirs
            .headers
            .iter()
            .map(|(key, value)| (key.clone().into_bytes(), value.clone()))
            .collect();
        assert_eq!(headers, ours.headers);
    }
    assert_eq!(set.records[2].sequence, 11);
}

#[test]
fn what_another_implementation_writes_is_read_and_rebuilt_to_the_same_bytes() {
    let record = |offset: i64, value: &'static str| TheirRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 5,
        producer_epoch: 1,
        timestamp_type: TheirTimestampType::Creation,
        offset,
        sequence: 100 + offset as i32,
        timestamp: 2_000 + offset * 7,
        key: Some(bytes("k")),
        value: Some(bytes(value)),
        headers: [("h".into(), Some(bytes("v")))].into_iter().collect(),
    };
    let records = [record(0, "a"), record(1, "bb"), record(2, "ccc")];
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut theirs = BytesMut::new();
    RecordBatchEncoder::encode(&mut theirs, &records, &options).unwrap();

    let batch = Batch::parse_one(&theirs.clone().freeze(), 0).unwrap();
    assert!(batch.check_crc());
    let options = BatchOptions {
        producer_id: 5,
        producer_epoch: 1,
        base_sequence: 100,
        ..BatchOptions::default()
    };
    let mut builder = BatchBuilder::new(options);
    for record in batch.records(LIMIT).unwrap() {
        builder.append(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
    }
    assert_eq!(builder.build().unwrap(), theirs);
}

#[test]
fn stamping_changes_neither_the_payload_nor_the_crc() {
    let original = three_records(idempotent());
    let mut stamped = original.clone();
    stamped.stamp(1 << 40, 12);
    assert!(stamped.check_crc());
    assert_eq!(stamped.header.crc, original.header.crc);
    assert_eq!(stamped.tail().as_ptr(), original.tail().as_ptr());
    let reread = Batch::parse_one(&stamped.to_bytes(), 0).unwrap();
    assert_eq!(reread, stamped);
    assert_eq!((reread.header.base_offset, reread.header.leader_epoch), (1 << 40, 12));
    assert_eq!(reread.header, stamped.header);
}

#[test]
fn parsing_shares_the_bytes_and_nothing_is_copied_until_written() {
    let mut run = BytesMut::from(&b"prefix"[..]);
    three_records(idempotent()).write_to(&mut run);
    let run = run.freeze();
    let batch = Batch::parse_one(&run, 6).unwrap();
    assert_eq!(batch.tail().as_ptr(), run[6 + HEAD_SIZE..].as_ptr());
    assert_eq!(batch.size(), run.len() - 6);
    let value = batch.records(LIMIT).unwrap()[0].value.clone().unwrap();
    assert!(run.as_ptr_range().contains(&value.as_ptr()));
}

#[test]
fn head_and_tail_make_the_batch_again_and_mismatched_ones_do_not() {
    let mut batch = three_records(idempotent());
    batch.stamp(9, 2);
    let again = Batch::from_parts(batch.stamped_head(), batch.tail()).unwrap();
    assert_eq!(again, batch);
    assert_eq!(again.header, batch.header);
    assert!(Batch::from_parts(batch.stamped_head(), batch.tail().slice(..20)).is_err());
    assert!(Batch::from_parts(batch.stamped_head(), Bytes::new()).is_err());
    assert!(Batch::from_parts([0; HEAD_SIZE], batch.tail()).is_err());
}

#[test]
fn a_flipped_bit_fails_the_crc_unless_a_leader_may_write_there() {
    let built = three_records(idempotent()).to_bytes();
    for at in 0..built.len() {
        let mut damaged = BytesMut::from(built.as_ref());
        damaged[at] ^= 1;
        let Ok(batch) = Batch::parse_one(&damaged.freeze(), 0) else {
            continue;
        };
        let outside_crc = at < 8 || (12..16).contains(&at);
        assert_eq!(batch.check_crc(), outside_crc, "byte {at}");
    }
}

#[test]
fn log_append_time_gives_every_record_the_time_of_the_append() {
    let original = three_records(idempotent());
    let batch = original.with_log_append_time(5_555);
    assert!(batch.check_crc() && original.check_crc());
    assert_eq!(batch.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(batch.header.max_timestamp, 5_555);
    assert_eq!(Batch::parse_one(&batch.to_bytes(), 0).unwrap().header, batch.header);
    assert!(
        batch
            .records(LIMIT)
            .unwrap()
            .iter()
            .all(|record| record.timestamp == 5_555)
    );
    assert_eq!(batch.stored_records(), original.stored_records());
}

#[test]
fn batches_are_split_and_a_cut_off_one_is_left() {
    let one = three_records(idempotent()).to_bytes();
    let mut run = BytesMut::new();
    run.extend_from_slice(&one);
    run.extend_from_slice(&one);
    let whole = run.freeze();
    for end in 0..=whole.len() {
        let part = whole.slice(..end);
        let mut batches = split_batches(&part);
        let found = batches.by_ref().map(Result::unwrap).count();
        assert_eq!(found, end / one.len());
        assert_eq!(
            (batches.consumed(), batches.rest()),
            (found * one.len(), end % one.len())
        );
    }
}

#[test]
fn splitting_ends_at_the_first_thing_that_is_no_batch() {
    let one = three_records(idempotent()).to_bytes();
    let mut old = BytesMut::from(one.as_ref());
    old[16] = 1;
    let mut run = BytesMut::from(one.as_ref());
    run.extend_from_slice(&old);
    run.extend_from_slice(&one);
    let run = run.freeze();
    let mut batches = split_batches(&run);
    assert!(batches.next().unwrap().is_ok());
    assert_eq!(batches.next(), Some(Err(BatchError::UnsupportedMagic(1))));
    assert_eq!(batches.next(), None);
}

#[test]
fn a_length_below_the_header_is_refused() {
    for length in [i32::MIN, -1, 0, 48] {
        let mut built = BytesMut::from(three_records(idempotent()).to_bytes().as_ref());
        built[8..12].copy_from_slice(&length.to_be_bytes());
        assert_eq!(Batch::parse_one(&built.freeze(), 0), Err(BatchError::BadLength(length)));
    }
    assert!(matches!(
        Batch::parse_one(&Bytes::new(), 3),
        Err(BatchError::Truncated { .. })
    ));
}

/// A batch with this count and these bytes for records, its CRC correct.
fn forged(record_count: i32, records: &[u8]) -> Batch {
    let mut header = three_records(BatchOptions::default()).header;
    header.record_count = record_count;
    Batch::assemble(header, records)
}

fn walk_fails(batch: &Batch) -> BatchError {
    let walked = validate_records(batch, LIMIT, |_| {}).unwrap_err();
    assert_eq!(batch.records(LIMIT), Err(walked.clone()));
    walked
}

#[test]
fn a_count_that_is_not_the_number_of_records_is_refused() {
    let stored = three_records(BatchOptions::default()).stored_records();
    for count in [i32::MIN, -1, 0, 1, 2, i32::MAX] {
        let error = walk_fails(&forged(count, &stored));
        assert_eq!(error, BatchError::CountMismatch { declared: count });
        assert_eq!(error.error_code(), crate::ErrorCode::INVALID_RECORD);
    }
    assert!(matches!(
        walk_fails(&forged(4, &stored)),
        BatchError::BadRecord { index: 3, .. }
    ));
    assert_eq!(forged(0, &[]).records(LIMIT), Ok(vec![]));
}

#[test]
fn records_cut_off_anywhere_are_refused() {
    let stored = three_records(BatchOptions::default()).stored_records();
    for end in 0..stored.len() {
        walk_fails(&forged(3, &stored[..end]));
    }
}

/// A record whose fields after the attributes are `fields`, with its length in front.
fn raw_record(fields: &[u8]) -> Vec<u8> {
    let mut record = vec![(fields.len() as u8 + 1) << 1, 0];
    record.put_slice(fields);
    record
}

#[test]
fn lying_lengths_inside_a_record_are_refused() {
    let huge = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let with = |before: &[u8], after: &[u8]| raw_record(&[before, &huge, after].concat());
    let lies: [(&str, Vec<u8>); 7] = [
        ("key length", with(&[0, 0], &[1, 0])),
        ("value length", with(&[0, 0, 1], &[0])),
        ("header count", with(&[0, 0, 1, 1], &[])),
        ("header key length", with(&[0, 0, 1, 1, 2], &[1])),
        ("header value length", with(&[0, 0, 1, 1, 2, 0], &[])),
        ("negative header count", raw_record(&[0, 0, 1, 1, 1, 0, 0])),
        ("length below -1", raw_record(&[0, 0, 3, 1, 0, 0, 0])),
    ];
    for (what, record) in lies {
        assert!(
            matches!(walk_fails(&forged(1, &record)), BatchError::BadRecord { index: 0, .. }),
            "{what}"
        );
    }
    let honest = raw_record(&[0, 0, 1, 1, 0]);
    assert!(forged(1, &honest).records(LIMIT).is_ok());
    let padded = raw_record(&[0, 0, 1, 1, 0, 0]);
    walk_fails(&forged(1, &padded));
    walk_fails(&forged(1, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0]));
}

#[test]
fn the_summary_tells_what_a_leader_must_know() {
    let mut seen = Vec::new();
    let batch = three_records(idempotent());
    let summary = validate_records(&batch, LIMIT, |record| seen.push((record.index, record.timestamp))).unwrap();
    assert_eq!(seen, [(0, 1_000), (1, 990), (2, 1_200)]);
    let expected = RecordSummary {
        count: 3,
        min_timestamp: 990,
        max_timestamp: 1_200,
        max_timestamp_delta: 2,
        first_gap: None,
        first_null_key: Some(1),
    };
    assert_eq!(summary, expected);

    let gap = [raw_record(&[0, 0, 2, b'k', 1, 0]), raw_record(&[0, 4, 2, b'k', 1, 0])].concat();
    let summary = validate_records(&forged(2, &gap), LIMIT, |_| {}).unwrap();
    assert_eq!((summary.first_gap, summary.first_null_key), (Some(1), None));
}

#[test]
fn compaction_keeps_offsets_and_the_last_offset_of_what_is_gone() {
    for codec in codecs_of_this_build() {
        let mut batch = three_records(BatchOptions { codec, ..idempotent() });
        batch.stamp(10, 1);
        let kept = batch
            .retaining(LIMIT, |record| record.key.is_some() && record.index > 0)
            .unwrap();
        assert!(kept.check_crc());
        let offsets: Vec<_> = kept
            .records(LIMIT)
            .unwrap()
            .iter()
            .map(|record| record.offset)
            .collect();
        assert_eq!(offsets, [12]);
        assert_eq!((kept.header.base_offset, kept.header.last_offset()), (10, 12));
        assert_eq!((kept.header.base_sequence, kept.header.last_sequence()), (9, 11));

        let empty = batch.retaining(LIMIT, |_| false).unwrap();
        assert_eq!((empty.header.record_count, empty.header.last_sequence()), (0, 11));
        assert_eq!(empty.records(LIMIT), Ok(vec![]));
    }
}

#[test]
fn a_delete_horizon_takes_the_place_of_the_base_timestamp_and_no_record_changes() {
    for codec in codecs_of_this_build() {
        let mut batch = three_records(BatchOptions { codec, ..idempotent() });
        batch.stamp(10, 1);
        assert_eq!(batch.header.delete_horizon(), None);
        let kept = batch
            .retaining_until(5_000_000, LIMIT, |record| record.index != 1)
            .unwrap();
        assert!(kept.check_crc());
        assert_eq!(kept.header.delete_horizon(), Some(5_000_000));
        assert_eq!(kept.header.codec(), Ok(codec));
        assert_eq!(
            (kept.header.base_timestamp, kept.header.max_timestamp),
            (5_000_000, 1_200)
        );
        assert_eq!((kept.header.last_offset(), kept.header.last_sequence()), (12, 11));
        let before = batch.records(LIMIT).unwrap();
        assert_eq!(kept.records(LIMIT).unwrap(), [before[0].clone(), before[2].clone()]);

        let later = kept.retaining(LIMIT, |record| record.index == 1).unwrap();
        assert_eq!(later.header.delete_horizon(), Some(5_000_000));
        assert_eq!(later.records(LIMIT).unwrap(), [before[2].clone()]);
    }
}

#[test]
fn records_stamped_by_the_leader_keep_its_time_beside_a_delete_horizon() {
    let batch = three_records(idempotent()).with_log_append_time(9_000);
    let kept = batch.retaining_until(1, LIMIT, |_| true).unwrap();
    assert_eq!(kept.header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(kept.records(LIMIT), batch.records(LIMIT));
}

#[test]
fn an_emptied_batch_is_its_header_and_nothing_more() {
    for codec in codecs_of_this_build() {
        let mut batch = three_records(BatchOptions { codec, ..idempotent() });
        batch.stamp(10, 1);
        let empty = batch.retaining_until(7, LIMIT, |_| true).unwrap().emptied();
        assert!(empty.check_crc());
        assert_eq!((empty.size(), empty.records(LIMIT)), (HEADER_SIZE, Ok(vec![])));
        let header = empty.header;
        assert_eq!(
            (header.base_offset, header.last_offset(), header.leader_epoch),
            (10, 12, 1)
        );
        assert_eq!((header.producer_id, header.last_sequence()), (77, 11));
        assert_eq!((header.codec(), header.delete_horizon()), (Ok(Codec::None), None));
        assert_eq!((header.base_timestamp, header.max_timestamp), (-1, 1_200));
    }
}

#[test]
fn estimates_match_what_is_written() {
    let headers = [(bytes("h"), Some(bytes("v"))), (bytes("x"), None)];
    let mut builder = BatchBuilder::new(BatchOptions::default());
    let mut rng = Seed(5).stream("estimates", 0);
    for index in 0..300 {
        let value = vec![7; rng.below(300) as usize];
        let timestamp = rng.below(1 << 40) as i64;
        let headers = if index % 2 == 0 { &headers[..] } else { &[] };
        let announced = builder.size_with(timestamp, Some(b"key"), Some(&value), headers);
        let before = builder.estimated_size();
        assert_eq!(
            builder.append(timestamp, Some(b"key"), Some(&value), headers),
            announced
        );
        let bound = record_size_upper_bound(Some(b"key"), Some(&value), headers);
        assert!(announced - before <= bound);
        assert_eq!(batch_size_upper_bound(Some(b"key"), Some(&value), headers), bound + 61);
    }
    assert_eq!(builder.len(), 300);
    let estimated = builder.estimated_size();
    assert_eq!(builder.build().unwrap().len(), estimated);
}

#[test]
fn extreme_timestamps_survive() {
    for (first, second) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (-1, -1), (0, i64::MAX)] {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(first, None, None, &[]);
        builder.append(second, None, None, &[]);
        let batch = builder.build_batch().unwrap();
        let timestamps: Vec<_> = batch
            .records(LIMIT)
            .unwrap()
            .iter()
            .map(|record| record.timestamp)
            .collect();
        assert_eq!(timestamps, [first, second]);
    }
}

#[test]
fn damaged_batches_of_every_codec_are_survived() {
    let mut rng = Seed(6).stream("damage", 0);
    for codec in codecs_of_this_build() {
        let mut builder = BatchBuilder::new(BatchOptions { codec, ..idempotent() });
        for index in 0..60i64 {
            let value = format!("value {index} {}", "repeated ".repeat(rng.index(9)));
            builder.append(index, Some(b"key"), Some(value.as_bytes()), &[(bytes("h"), None)]);
        }
        let built = builder.build().unwrap();
        for _ in 0..1_500 {
            survive(damaged(&built, &mut rng));
        }
    }
}

fn damaged(built: &Bytes, rng: &mut SimRng) -> Bytes {
    let mut bytes = built.to_vec();
    for _ in 0..rng.between(1, 4) {
        // The records rather than the header, most of the time.
        let from = if rng.chance(1, 4) { 0 } else { HEADER_SIZE };
        let at = from + rng.index(bytes.len() - from);
        bytes[at] = if rng.chance(1, 2) { 0xff } else { rng.next_u32() as u8 };
    }
    Bytes::from(bytes)
}

fn survive(bytes: Bytes) {
    for batch in split_batches(&bytes).flatten() {
        if let Ok(records) = batch.records(LIMIT) {
            assert_eq!(records.len(), batch.header.record_count as usize);
        }
        drop(validate_records(&batch, LIMIT, |_| {}));
    }
}

#[test]
fn a_codec_left_out_of_the_build_is_named() {
    for codec in Codec::ALL {
        if codecs_of_this_build().all(|present| present != codec) {
            let disabled = BatchError::CodecDisabled(codec);
            assert_eq!(decompress(codec, b"anything", LIMIT), Err(disabled.clone()));
            assert_eq!(disabled.error_code(), crate::ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
        }
    }
}
