//! Failures without idempotence: what is doubled, reordered, lost or unknown.

use super::*;

const PLAIN: [(&str, &str); 2] = [("enable.idempotence", "false"), ("linger.ms", "0")];

fn plain(more: &[(&'static str, &'static str)]) -> Rig<Producer> {
    started(&[&PLAIN, more].concat())
}

#[test]
fn a_lost_response_doubles_the_record_without_idempotence() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let first = rig.next();
    // The broker wrote it; the answer is lost with the connection.
    rig.reset(first.conn);
    rig.run_millis(300);
    let second = rig.next();
    assert_eq!(values(&first), values(&second));
    assert_eq!(
        sequence(&second),
        (-1, -1, -1),
        "nothing by which the broker could tell"
    );
    rig.ack(&second, 1);
    assert_eq!(rig.fates(), [(1, 1)]);
}

#[test]
fn five_in_flight_reorder_without_idempotence() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    rig.send_tokens([2]);
    let (first, second) = (rig.next(), rig.next());
    rig.refuse(&first, ErrorCode::NOT_ENOUGH_REPLICAS);
    rig.ack(&second, 0);
    rig.run_millis(200);
    let again = rig.next();
    assert_eq!(values(&again), ["value-1"]);
    rig.ack(&again, 1);
    assert_eq!(rig.fates(), [(2, 0), (1, 1)]);
}

#[test]
fn one_in_flight_keeps_the_order() {
    let mut rig = plain(&[("max.in.flight.requests.per.connection", "1")]);
    rig.send_tokens([1]);
    rig.send_tokens([2]);
    let first = rig.next();
    assert!(rig.requests.is_empty(), "the partition is muted");
    rig.refuse(&first, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert!(
        rig.requests.is_empty(),
        "the second record waits behind the pause of the first"
    );
    rig.run_millis(200);
    let again = rig.next();
    assert_eq!(values(&again), ["value-1"]);
    rig.ack(&again, 0);
    assert_eq!(values(&rig.next()), ["value-2"]);
}

#[test]
fn at_most_max_in_flight_requests_are_unanswered() {
    let mut rig = plain(&[("max.in.flight.requests.per.connection", "3"), ("batch.size", "0")]);
    rig.send_tokens(0..9);
    assert_eq!(rig.requests.len(), 3);
    let first = rig.next();
    rig.ack(&first, 0);
    assert_eq!(rig.requests.len(), 3);
}

#[test]
fn retries_pause_longer_each_time_and_end() {
    let mut rig = plain(&[("retries", "3")]);
    rig.send_tokens([1]);
    let mut times = Vec::new();
    for _ in 0..4 {
        let request = rig.next();
        times.push(request.at);
        rig.refuse(&request, ErrorCode::NOT_ENOUGH_REPLICAS);
        rig.run_millis(2000);
    }
    let pauses: Vec<u128> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!((80..=120).contains(&pauses[0]), "{pauses:?}");
    // Each round waits two seconds here, but the retry was due long before.
    assert_eq!(rig.fates(), [(1, -9)], "never written, so refused");
}

#[test]
fn an_error_after_the_append_leaves_the_fate_unknown() {
    for error in [
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ] {
        let mut rig = plain(&[("retries", "0")]);
        rig.send_tokens([1]);
        let request = rig.next();
        rig.refuse(&request, error);
        assert_eq!(rig.fates(), [(1, -8)], "{error}");
    }
}

#[test]
fn with_acks_one_a_demoted_leader_certainly_did_not_write() {
    let mut rig = plain(&[("retries", "0"), ("acks", "1")]);
    rig.send_tokens([1]);
    let request = rig.next();
    rig.refuse(&request, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(rig.fates(), [(1, -9)]);
}

#[test]
fn an_earlier_attempt_that_may_be_written_keeps_the_fate_unknown() {
    let mut rig = plain(&[("retries", "1")]);
    rig.send_tokens([1]);
    let first = rig.next();
    rig.reset(first.conn);
    rig.run_millis(300);
    let second = rig.next();
    rig.refuse(&second, ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(rig.fates(), [(1, -8)]);
}

#[test]
fn an_invalid_record_takes_its_batch_with_it() {
    let mut rig = started(&[("linger.ms", "5"), ("enable.idempotence", "false")]);
    rig.send_tokens([1, 2]);
    rig.run_millis(5);
    let request = rig.next();
    rig.reply(&request, |_| {
        use kafka_protocol::messages::produce_response::BatchIndexAndErrorMessage;
        PartitionProduceResponse::default()
            .with_error_code(ErrorCode::INVALID_RECORD.0)
            .with_record_errors(vec![BatchIndexAndErrorMessage::default().with_batch_index(1)])
    });
    let errors: Vec<_> = rig.outcomes.iter().map(|outcome| outcome.result.clone()).collect();
    let partition = Some(0);
    assert_eq!(
        errors[0],
        SendResult::Refused {
            partition,
            error: SendError::BatchWithInvalidRecord
        }
    );
    let error = SendError::Broker(ErrorCode::INVALID_RECORD);
    assert_eq!(errors[1], SendResult::Refused { partition, error });
}

#[test]
fn a_late_answer_costs_the_connection_and_the_batch_is_sent_again() {
    let mut rig = plain(&[("request.timeout.ms", "1000")]);
    rig.send_tokens([1]);
    let first = rig.next();
    rig.run_millis(1000);
    assert!(rig.disconnects.is_empty());
    rig.run_millis(300);
    assert_eq!(rig.disconnects, [first.conn]);
    let second = rig.next();
    assert_ne!(second.conn, first.conn);
    // What still arrives on the old connection is not believed.
    rig.ack(&first, 7);
    assert!(rig.outcomes.is_empty());
    rig.ack(&second, 8);
    assert_eq!(rig.fates(), [(1, 8)]);
}

#[test]
fn delivery_timeout_refuses_what_was_never_sent_and_leaves_the_rest_unknown() {
    let settings = [
        ("request.timeout.ms", "1000"),
        ("delivery.timeout.ms", "3000"),
        ("max.in.flight.requests.per.connection", "1"),
    ];
    let mut rig = plain(&settings);
    rig.send_tokens([1]);
    rig.send_tokens([2]);
    rig.run_millis(2999);
    assert!(rig.outcomes.is_empty());
    rig.run_millis(1);
    assert_eq!(rig.fates(), [(1, -8), (2, -9)]);
}

#[test]
fn a_batch_that_expires_in_flight_frees_its_memory_only_with_its_request() {
    let settings = [
        ("request.timeout.ms", "3000"),
        ("delivery.timeout.ms", "3000"),
        ("batch.size", "200"),
        ("buffer.memory", "200"),
    ];
    let mut rig = plain(&settings);
    rig.send_tokens([1]);
    rig.run_millis(3000);
    assert_eq!(rig.fates(), [(1, -8)]);
    rig.send_tokens([2]);
    assert_eq!(rig.requests.len(), 1, "no memory while the first request is unanswered");
    rig.run_millis(500);
    assert_eq!(rig.requests.len(), 2);
}

#[test]
fn acks_zero_is_acknowledged_as_soon_as_it_is_sent() {
    let mut rig = started(&[("acks", "0"), ("linger.ms", "0")]);
    rig.send_tokens(0..20);
    assert_eq!(rig.requests.len(), 20, "nothing is in flight");
    assert!(rig.fates().iter().all(|&(_, offset)| offset == -1));
    // The broker's only way to complain: the records are lost all the same.
    let conn = rig.requests[0].conn;
    rig.reset(conn);
    rig.run_millis(1000);
    assert_eq!(rig.requests.len(), 20);
}

#[test]
fn a_moved_leader_is_found_through_metadata() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let first = rig.next();
    assert_eq!(first.port, 9091);
    rig.cluster.topics.insert("orders".to_owned(), vec![(2, 1)]);
    rig.refuse(&first, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    rig.run_millis(200);
    let second = rig.next();
    assert_eq!(second.port, 9092);
    rig.ack(&second, 3);
    assert_eq!(rig.fates(), [(1, 3)]);
}

#[test]
fn a_leader_named_in_the_answer_is_used_without_a_pause() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let first = rig.next();
    rig.cluster.silent_metadata = true;
    let response = response_to(&first, |_| {
        let leader = LeaderIdAndEpoch::default()
            .with_leader_id(BrokerId(9))
            .with_leader_epoch(1);
        PartitionProduceResponse::default()
            .with_error_code(ErrorCode::NOT_LEADER_OR_FOLLOWER.0)
            .with_current_leader(leader)
    });
    let endpoint = NodeEndpoint::default()
        .with_node_id(BrokerId(9))
        .with_host(StrBytes::from_static_str("broker-9"))
        .with_port(9099);
    let at = rig.now;
    rig.answer(&first, &response.with_node_endpoints(vec![endpoint]));
    let second = rig
        .requests
        .iter()
        .find(|request| request.head.api_key == ApiKey::Produce);
    let second = second.expect("sent to the new leader");
    assert_eq!((second.port, second.at), (9099, at));
}

#[test]
fn an_idle_connection_that_was_cut_costs_a_retry_and_doubles_nothing() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let first = rig.next();
    rig.ack(&first, 0);
    rig.run_millis(31_000);
    rig.reset(first.conn);
    rig.send_tokens([2]);
    rig.run_millis(500);
    let again = rig.next();
    rig.ack(&again, 1);
    assert_eq!(rig.fates(), [(1, 0), (2, 1)]);
}

#[test]
fn a_batch_the_broker_finds_too_large_is_split_until_it_fits() {
    for codec in ["none", "gzip"] {
        let mut rig = started(&[
            ("linger.ms", "5"),
            ("enable.idempotence", "false"),
            ("compression.type", codec),
            ("max.in.flight.requests.per.connection", "1"),
        ]);
        for token in 0..12 {
            rig.send(ProducerRecord::new("orders", token).partition(0).value(vec![0; 1000]));
        }
        rig.run_millis(5);
        rig.ack_up_to(4, |_| {});
        let fates = rig.fates();
        assert_eq!(
            fates,
            (0..12)
                .map(|token| (token, i64::try_from(token).expect("small")))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_single_record_the_broker_finds_too_large_is_refused() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let request = rig.next();
    rig.refuse(&request, ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(rig.fates(), [(1, -9)]);
}

#[test]
fn garbage_in_an_answer_costs_the_connection() {
    let mut rig = plain(&[]);
    rig.send_tokens([1]);
    let first = rig.next();
    rig.bytes(first.conn, Bytes::from_static(&[0, 0, 0, 8, 0, 0, 0, 99, 1, 2, 3, 4]));
    assert_eq!(rig.disconnects, [first.conn]);
    rig.run_millis(300);
    assert_eq!(rig.requests.len(), 1);
}
