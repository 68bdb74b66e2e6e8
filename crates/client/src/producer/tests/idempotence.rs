//! The idempotent producer.

use super::*;

fn idempotent() -> Rig<Producer> {
    started(&[("linger.ms", "0")])
}

#[test]
fn sequence_numbers_count_records_per_partition() {
    let mut rig = started(&[("linger.ms", "5")]);
    rig.send_tokens([1, 2, 3]);
    rig.run_millis(5);
    rig.send_tokens([4]);
    rig.run_millis(5);
    assert_eq!(sequence(&rig.next()), (1000, 0, 0));
    assert_eq!(sequence(&rig.next()), (1000, 0, 3));
    rig.send(ProducerRecord::new("wide", 5).partition(1));
    rig.run_millis(5);
    assert_eq!(sequence(&rig.next()), (1000, 0, 0));
}

#[test]
fn a_lost_response_is_retried_under_the_same_numbers() {
    let mut rig = idempotent();
    rig.send_tokens([1]);
    let first = rig.next();
    rig.reset(first.conn);
    rig.run_millis(300);
    let second = rig.next();
    assert_eq!(
        sequence(&first),
        sequence(&second),
        "the broker recognises the duplicate"
    );
    rig.ack(&second, 0);
    assert_eq!(rig.fates(), [(1, 0)]);
}

#[test]
fn retries_keep_the_order_with_five_in_flight() {
    let mut rig = idempotent();
    for token in 1..=3 {
        rig.send_tokens([token]);
    }
    let (first, second, third) = (rig.next(), rig.next(), rig.next());
    rig.refuse(&first, ErrorCode::NOT_ENOUGH_REPLICAS);
    rig.refuse(&second, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    rig.refuse(&third, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let mut order = Vec::new();
    let mut offset = 0;
    while order.len() < 3 {
        rig.run_millis(1000);
        let request = rig.next();
        assert!(rig.requests.is_empty(), "one at a time, in the order of their numbers");
        order.extend(values(&request));
        rig.ack(&request, offset);
        offset += 1;
    }
    assert_eq!(order, ["value-1", "value-2", "value-3"]);
    assert_eq!(rig.fates(), [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn a_duplicate_without_an_offset_is_a_success() {
    let mut rig = idempotent();
    rig.send_tokens([1]);
    let request = rig.next();
    rig.refuse(&request, ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    assert_eq!(rig.fates(), [(1, -1)]);
}

#[test]
fn a_refused_batch_bumps_the_epoch_and_numbers_the_others_anew() {
    let mut rig = idempotent();
    for token in 1..=2 {
        rig.send_tokens([token]);
    }
    let (first, second) = (rig.next(), rig.next());
    assert_eq!(sequence(&second), (1000, 0, 1));
    rig.refuse(&first, ErrorCode::INVALID_RECORD);
    rig.refuse(&second, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    rig.run_millis(300);
    let again = rig.next();
    assert_eq!(values(&again), ["value-2"]);
    assert_eq!(sequence(&again), (1000, 1, 0));
    rig.ack(&again, 0);
    assert_eq!(rig.fates(), [(1, -9), (2, 0)]);
}

#[test]
fn the_epoch_is_bumped_when_the_broker_misses_a_record_that_was_acknowledged() {
    let mut rig = idempotent();
    rig.send_tokens([1]);
    let first = rig.next();
    rig.ack(&first, 0);
    rig.send_tokens([2]);
    let second = rig.next();
    assert_eq!(sequence(&second), (1000, 0, 1));
    // Everything before is acknowledged, yet the broker sees a gap: it lost what it had.
    rig.refuse(&second, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    rig.run_millis(300);
    let again = rig.next();
    assert_eq!(sequence(&again), (1000, 1, 0));
    rig.ack(&again, 0);
    assert_eq!(rig.fates(), [(1, 0), (2, 0)]);
}

#[test]
fn a_forgotten_producer_id_bumps_the_epoch() {
    let mut rig = idempotent();
    rig.send_tokens([1]);
    let first = rig.next();
    rig.reply(&first, |_| {
        PartitionProduceResponse::default()
            .with_error_code(ErrorCode::UNKNOWN_PRODUCER_ID.0)
            .with_log_start_offset(5)
    });
    rig.run_millis(300);
    assert_eq!(sequence(&rig.next()), (1000, 1, 0));
}

const SHORT_DELIVERY: [(&str, &str); 3] = [
    ("linger.ms", "0"),
    ("request.timeout.ms", "1000"),
    ("delivery.timeout.ms", "2500"),
];

#[test]
fn after_an_expired_batch_the_next_starts_a_new_epoch() {
    let mut rig = started(&SHORT_DELIVERY);
    rig.send_tokens([1]);
    rig.run_millis(2500);
    assert_eq!(rig.fates(), [(1, -8)]);
    rig.requests.clear();
    rig.send_tokens([2]);
    rig.run_millis(500);
    // Whether number 0 was used up is not known.
    assert_eq!(sequence(&rig.next()), (1000, 1, 0));
}

#[test]
fn behind_an_expired_batch_new_ones_wait_until_the_gap_is_settled() {
    let mut rig = started(&SHORT_DELIVERY);
    rig.send_tokens([1]);
    rig.run_millis(2400);
    rig.send_tokens([2]);
    rig.run_millis(100);
    assert_eq!(rig.fates(), [(1, -8)]);
    rig.requests.clear();
    rig.send_tokens([3]);
    rig.run_millis(1500);
    let second = rig.next();
    assert_eq!(
        (values(&second), sequence(&second)),
        (vec!["value-2".to_owned()], (1000, 0, 1))
    );
    assert!(rig.requests.is_empty(), "the third record waits");
    // The broker never saw the first record.
    rig.refuse(&second, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    rig.run_millis(300);
    let again = rig.next();
    assert_eq!(sequence(&again), (1000, 1, 0));
    rig.ack(&again, 0);
    assert_eq!(sequence(&rig.next()), (1000, 1, 1));
}

#[test]
fn a_split_batch_keeps_its_numbers() {
    let mut rig = started(&[("linger.ms", "5")]);
    for token in 0..15 {
        rig.send(ProducerRecord::new("orders", token).partition(0).value(vec![0; 1000]));
    }
    rig.run_millis(5);
    let mut expected = 0;
    rig.ack_up_to(4, |request| {
        let count = i32::try_from(values(request).len()).expect("small");
        if count <= 4 {
            assert_eq!(sequence(request), (1000, 0, expected));
            expected += count;
        }
    });
    assert_eq!(expected, 15);
}

#[test]
fn without_a_version_for_a_producer_id_records_are_refused() {
    let mut rig = rig(&[("linger.ms", "0")]);
    rig.cluster.versions.remove(&(ApiKey::InitProducerId as i16));
    rig.send(record(1));
    rig.send(record(2));
    assert_eq!(rig.fates(), [(1, -9), (2, -9)]);
}
