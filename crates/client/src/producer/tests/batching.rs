//! When batches are sent, and to where.

use std::collections::BTreeSet;

use kafka_sim_core::{SimTime, batch::Codec};

use super::*;

/// Room for ten records of `record(token)` with one-digit tokens: 7 bytes around each value of 7.
const TEN_RECORDS: &str = "201";

#[test]
fn a_batch_waits_for_linger_and_not_longer() {
    let mut rig = started(&[("linger.ms", "20")]);
    let sent_at = rig.now;
    rig.send(record(1));
    rig.run_millis(10);
    rig.send(record(2));
    rig.run_millis(9);
    assert!(rig.requests.is_empty(), "19 ms after the first record");
    rig.run_millis(5);
    let request = rig.next();
    assert_eq!(request.at, sent_at + Duration::from_millis(20));
    assert_eq!(values(&request), ["value-1", "value-2"]);
}

#[test]
fn a_full_batch_does_not_wait() {
    let mut rig = started(&[("linger.ms", "1000"), ("batch.size", TEN_RECORDS)]);
    rig.send_tokens(0..9);
    assert!(rig.requests.is_empty(), "nine records leave room");
    rig.send_tokens(9..10);
    assert_eq!(
        values(&rig.next()).len(),
        10,
        "batch.size counts bytes: exactly ten fit"
    );
}

#[test]
fn a_record_that_does_not_fit_starts_the_next_batch_and_sends_the_first() {
    let mut rig = started(&[("linger.ms", "1000"), ("batch.size", "200")]);
    rig.send_tokens(0..9);
    assert!(rig.requests.is_empty());
    rig.send_tokens(9..10);
    assert_eq!(values(&rig.next()).len(), 9, "one byte is missing for the tenth");
}

#[test]
fn batch_size_zero_keeps_records_apart() {
    let mut rig = started(&[("linger.ms", "1000"), ("batch.size", "0")]);
    for token in 0..3 {
        rig.send(ProducerRecord::new("orders", token).partition(0).value(vec![0; 100]));
    }
    let sizes = |rig: &Rig<Producer>| {
        rig.requests
            .iter()
            .map(|request| values(request).len())
            .collect::<Vec<_>>()
    };
    // As in the Java producer even such a batch lingers until the next record pushes it out.
    assert_eq!(sizes(&rig), [1, 1]);
    rig.run_millis(1000);
    assert_eq!(sizes(&rig), [1, 1, 1]);
}

#[test]
fn a_flush_sends_what_there_is() {
    let mut rig = started(&[("linger.ms", "1000")]);
    rig.send_tokens([1]);
    rig.act(|producer, now, out| producer.flush(now, out));
    let request = rig.next();
    rig.ack(&request, 5);
    assert_eq!(rig.fates(), [(1, 5)]);
    rig.send_tokens([2]);
    assert!(rig.requests.is_empty(), "the flush is over");
}

#[test]
fn one_request_carries_batches_for_all_partitions_of_a_broker() {
    let mut rig = started(&[("linger.ms", "10")]);
    for partition in 0..6 {
        rig.send(ProducerRecord::new("wide", partition).partition(i32::try_from(partition).expect("small")));
    }
    rig.run_millis(10);
    let per_request: Vec<usize> = rig.requests.iter().map(|request| batches(request).len()).collect();
    assert_eq!(per_request, [2, 2, 2]);
    let ports: BTreeSet<u16> = rig.requests.iter().map(|request| request.port).collect();
    assert_eq!(ports, BTreeSet::from([9091, 9092, 9093]));
}

#[test]
fn max_request_size_splits_what_a_broker_gets_over_requests() {
    let settings = [
        ("linger.ms", "10"),
        ("max.request.size", "200"),
        ("enable.idempotence", "false"),
    ];
    let mut rig = started(&settings);
    for partition in [0, 3] {
        rig.send(ProducerRecord::new("wide", 0).partition(partition).value(vec![0; 90]));
    }
    rig.run_millis(10);
    assert_eq!(
        rig.requests
            .iter()
            .map(|request| batches(request).len())
            .collect::<Vec<_>>(),
        [1, 1]
    );
}

#[test]
fn a_record_above_max_request_size_is_refused() {
    let mut rig = started(&[("max.request.size", "200")]);
    rig.send(ProducerRecord::new("orders", 1).value(vec![0; 200]));
    assert!(matches!(
        rig.outcomes[0].result,
        SendResult::Refused {
            error: SendError::RecordTooLarge {
                key: "max.request.size",
                limit: 200,
                ..
            },
            ..
        }
    ));
}

#[test]
fn keys_stay_on_their_partition() {
    let mut rig = started(&[("linger.ms", "0")]);
    let mut seen = BTreeSet::new();
    for token in 0..5 {
        rig.send(ProducerRecord::new("wide", token).key("customer:4711"));
        let request = rig.next();
        seen.insert(batches(&request)[0].0.partition);
        rig.ack(&request, 0);
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn records_without_key_stick_to_a_partition_until_batch_size_bytes_went_there() {
    let mut rig = started(&[("linger.ms", "0"), ("batch.size", "1000")]);
    let mut partitions = Vec::new();
    for token in 0..60 {
        rig.send(ProducerRecord::new("wide", token).value(vec![0; 93]));
        let request = rig.next();
        partitions.push(batches(&request)[0].0.partition);
        rig.ack(&request, 0);
    }
    let runs = partitions.chunk_by(|left, right| left == right).map(<[i32]>::len);
    let runs: Vec<usize> = runs.collect();
    assert!(runs.len() >= 8, "{partitions:?}");
    // Each single-record batch has 162 bytes, so that the seventh passes 1000. A run of 14 is the same choice twice.
    assert!(runs[..runs.len() - 1].iter().all(|run| run % 7 == 0), "{runs:?}");
}

#[test]
fn records_without_key_avoid_partitions_without_a_leader() {
    let mut rig = rig(&[("linger.ms", "0"), ("batch.size", "0")]);
    rig.cluster
        .topics
        .insert("wide".to_owned(), vec![(-1, 0), (2, 0), (-1, 0)]);
    for token in 0..10 {
        rig.send(ProducerRecord::new("wide", token));
        rig.run_millis(1);
        let request = rig.next();
        assert_eq!(batches(&request)[0].0.partition, 1);
        rig.ack(&request, 0);
    }
}

#[test]
fn compressed_batches_hold_the_same_records() {
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let mut rig = started(&[("linger.ms", "5"), ("compression.type", codec)]);
        rig.send_tokens(0..20);
        rig.run_millis(5);
        let request = rig.next();
        assert_eq!(
            batches(&request)[0].1.header.codec(),
            Ok(Codec::from_name(codec).expect("a codec"))
        );
        assert_eq!(values(&request).len(), 20);
    }
}

#[test]
fn records_without_a_timestamp_get_the_time_of_the_send() {
    let mut rig = started(&[("linger.ms", "50")]);
    rig.client = rig.client.with_wall_clock(WallClock::starting_at(1_000_000));
    rig.send(record(1));
    rig.run_millis(7);
    rig.send(record(2));
    rig.send(ProducerRecord {
        timestamp: Some(5),
        ..record(3)
    });
    rig.run_millis(50);
    let records = batches(&rig.next()).remove(0).1.records(1 << 20).expect("well formed");
    let timestamps: Vec<i64> = records.iter().map(|record| record.timestamp).collect();
    assert_eq!(timestamps, [1_000_001, 1_000_008, 5]);
}

#[test]
fn an_hour_of_silence_costs_a_handful_of_wake_ups() {
    let mut rig = started(&[]);
    rig.run_for(Duration::from_secs(3600));
    assert!(rig.wake_ups < 60, "{} wake-ups", rig.wake_ups);
    assert!(rig.now > SimTime::ZERO);
}
