//! Produce: what is refused, with which code, and what the answer says.

use std::time::Duration;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{CreateTopicsRequest, ProduceRequest};
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{CloseReason, Topic};
use kafka_sim_core::batch::{BatchOptions, Codec};
use kafka_sim_tests::requests::{PRODUCE, metadata, produce, topic_name};
use kafka_sim_tests::{Harness, batch, batch_of};
use uuid::Uuid;

fn by_id(id: Uuid, partition: i32) -> ProduceRequest {
    let mut request = produce("", partition, 1, batch("a"));
    request.topic_data[0].topic_id = id;
    request
}

#[test]
fn offsets_count_records() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let three = batch_of(BatchOptions::default(), &["a", "b", "c"]);
    for expected in [0, 3, 6] {
        let answer = h.produce(conn, "orders", 0, 1, three.clone());
        assert_eq!(
            (answer.error_code, answer.base_offset, answer.log_start_offset),
            (0, expected, 0)
        );
        assert_eq!(answer.log_append_time_ms, -1, "records keep the time of their creation");
    }
    let records = h.read(conn, "orders", 0, 0);
    assert_eq!(
        records.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(),
        (0..9).collect::<Vec<i64>>()
    );
}

#[test]
fn every_codec_is_taken_and_given_back() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let text = "so compressible ".repeat(40);
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let options = BatchOptions {
            codec,
            ..BatchOptions::default()
        };
        let answer = h.produce(conn, "orders", 0, 1, batch_of(options, &[&text]));
        assert_eq!(answer.error_code, 0, "{codec:?}");
        assert_eq!(h.read(conn, "orders", 0, answer.base_offset)[0].1, text);
    }
}

#[test]
fn zstd_needs_version_7() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let zstd = BatchOptions {
        codec: Codec::Zstd,
        ..BatchOptions::default()
    };
    let request = produce("orders", 0, 1, batch_of(zstd, &["a"]));
    for (version, code) in [(3, 76), (6, 76), (7, 0)] {
        let response = h.ask(conn, version, &request);
        assert_eq!(
            response.responses[0].partition_responses[0].error_code, code,
            "v{version}"
        );
    }
}

#[test]
fn no_batch_and_two_batches_are_invalid() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let two = [batch("a"), batch("b")].concat();
    for records in [Some(two.into()), Some(Default::default()), None] {
        let mut request = produce("orders", 0, 1, batch("a"));
        request.topic_data[0].partition_data[0].records = records;
        let response = h.ask(conn, PRODUCE, &request);
        assert_eq!(response.responses[0].partition_responses[0].error_code, 87);
    }
    assert_eq!(h.replica("orders", 0, 0).log_end, 0);
}

#[test]
fn a_batch_above_the_topics_limit_is_too_large() {
    let mut h = Harness::with_topic(Topic::named("orders").config("max.message.bytes", "500"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    assert_eq!(h.produce(conn, "orders", 0, 1, batch(&"x".repeat(500))).error_code, 10);
    assert_eq!(h.produce(conn, "orders", 0, 1, batch(&"x".repeat(400))).error_code, 0);
}

#[test]
fn acks_other_than_all_none_and_one_are_refused() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for acks in [2, -2, i16::MAX, i16::MIN] {
        let answer = h.produce(conn, "orders", 0, acks, batch("a"));
        assert_eq!((answer.error_code, answer.base_offset), (21, -1), "acks={acks}");
        assert_eq!(
            h.produce(conn, "nothing", 0, acks, batch("a")).error_code,
            3,
            "what is unknown stays unknown"
        );
    }
    assert_eq!(h.replica("orders", 0, 0).log_end, 0);
}

#[test]
fn unknown_topics_and_partitions_are_3_by_name_and_100_by_id() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    assert_eq!(h.produce(conn, "nothing", 0, 1, batch("a")).error_code, 3);
    assert_eq!(h.produce(conn, "orders", 1, 1, batch("a")).error_code, 3);
    assert_eq!(h.produce(conn, "orders", -1, 1, batch("a")).error_code, 3);
    let response = h.ask(conn, 13, &by_id(Uuid::from_u128(42), 0));
    assert_eq!(response.responses[0].partition_responses[0].error_code, 100);
    let id = h.topic_id(conn, "orders");
    let response = h.ask(conn, 13, &by_id(id, 0));
    assert_eq!(
        (
            response.responses[0].topic_id,
            response.responses[0].partition_responses[0].error_code
        ),
        (id, 0)
    );
}

#[test]
fn a_follower_names_the_leader_from_version_10_on() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let (leader, follower) = (h.leader("orders", 0), h.followers("orders", 0)[0]);
    let conn = h.connect(follower);
    for version in 3..=PRODUCE {
        let response = h.ask(conn, version, &produce("orders", 0, 1, batch("a")));
        let part = &response.responses[0].partition_responses[0];
        assert_eq!(part.error_code, 6);
        let named = (part.current_leader.leader_id.0, part.current_leader.leader_epoch);
        let endpoints: Vec<_> = response
            .node_endpoints
            .iter()
            .map(|e| (e.node_id.0, e.host.to_string(), e.port))
            .collect();
        if version >= 10 {
            assert_eq!(
                (named, endpoints),
                ((leader, 0), vec![(leader, format!("broker-{leader}"), 9092)])
            );
        } else {
            assert_eq!((named, endpoints), ((-1, -1), vec![]));
        }
    }
}

#[test]
fn a_broker_without_a_replica_is_not_the_leader_either() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let leader = h.leader("orders", 0);
    let conn = h.connect((leader + 1) % 3);
    let answer = h.produce(conn, "orders", 0, 1, batch("a"));
    assert_eq!((answer.error_code, answer.current_leader.leader_id.0), (6, leader));
}

#[test]
fn an_error_of_one_partition_leaves_the_others_alone() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let mut request = produce("orders", 0, -1, batch("a"));
    let missing = PartitionProduceData::default()
        .with_index(9)
        .with_records(Some(batch("b")));
    request.topic_data[0].partition_data.push(missing.clone());
    let unknown = TopicProduceData::default()
        .with_name(topic_name("nothing"))
        .with_partition_data(vec![missing]);
    request.topic_data.push(unknown);
    let response = h.ask(conn, PRODUCE, &request);
    let codes: Vec<Vec<i16>> = response
        .responses
        .iter()
        .map(|t| t.partition_responses.iter().map(|p| p.error_code).collect())
        .collect();
    assert_eq!(codes, [vec![0, 3], vec![3]]);
    assert_eq!(h.replica("orders", 0, 0).log_end, 1);
}

#[test]
fn a_request_without_topics_is_answered_unless_nobody_wants_an_answer() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for acks in [-1, 1] {
        assert!(
            h.ask(conn, PRODUCE, &ProduceRequest::default().with_acks(acks))
                .responses
                .is_empty()
        );
    }
    h.send(conn, PRODUCE, &ProduceRequest::default().with_acks(0));
    h.ask(conn, 12, &metadata(&["orders"]));
}

#[test]
fn without_acks_success_is_silent() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    for _ in 0..3 {
        h.send(conn, PRODUCE, &produce("orders", 0, 0, batch("a")));
    }
    h.ask(conn, 12, &metadata(&["orders"]));
    assert_eq!((h.arrived(conn), h.replica("orders", 0, 0).log_end), (None, 3));
}

#[test]
fn without_acks_an_error_closes_the_connection_and_what_followed_is_lost() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    h.send(conn, PRODUCE, &produce("orders", 0, 0, batch("a")));
    h.send(conn, PRODUCE, &produce("nothing", 0, 0, batch("b")));
    h.send(conn, PRODUCE, &produce("orders", 0, 0, batch("c")));
    assert_eq!(h.ending(conn), CloseReason::FailedWithoutAcks);
    assert_eq!(h.replica("orders", 0, 0).log_end, 1);
}

#[test]
fn a_compacted_topic_refuses_records_without_a_key_and_says_which() {
    let mut h = Harness::with_topic(Topic::named("orders").config("cleanup.policy", "compact"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    let mut builder = kafka_sim_core::batch::BatchBuilder::new(BatchOptions::default());
    builder.append(1_700_000_000_000, Some(b"k"), Some(b"v"), &[]);
    builder.append(1_700_000_000_000, None, Some(b"v"), &[]);
    let answer = h.produce(conn, "orders", 0, 1, builder.build().unwrap());
    let named: Vec<i32> = answer.record_errors.iter().map(|e| e.batch_index).collect();
    assert_eq!((answer.error_code, named), (87, vec![1]));
    assert!(answer.error_message.is_some());
}

#[test]
fn a_record_from_too_far_in_the_future_has_an_invalid_timestamp() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let mut builder = kafka_sim_core::batch::BatchBuilder::new(BatchOptions::default());
    builder.append(1_700_000_000_000 + 2 * 3_600_000, None, Some(b"v"), &[]);
    assert_eq!(h.produce(conn, "orders", 0, 1, builder.build().unwrap()).error_code, 32);
}

#[test]
fn log_append_time_is_the_brokers_clock() {
    let mut h = Harness::with_topic(Topic::named("orders").config("message.timestamp.type", "LogAppendTime"));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    let answer = h.produce(conn, "orders", 0, 1, batch("a"));
    let now_ms = 1_700_000_000_000 + i64::try_from(h.now().as_millis()).unwrap();
    assert!(
        (0..50).contains(&(now_ms - answer.log_append_time_ms)),
        "{} at {now_ms}",
        answer.log_append_time_ms
    );
}

#[test]
fn transactional_records_are_refused() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let options = BatchOptions {
        producer_id: 1,
        producer_epoch: 0,
        base_sequence: 0,
        transactional: true,
        ..BatchOptions::default()
    };
    let request = produce("orders", 0, -1, batch_of(options, &["a"]));
    let response = h.ask(conn, PRODUCE, &request);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 53);
    let response = h.ask(
        conn,
        PRODUCE,
        &request
            .with_transactional_id(Some("t".to_owned().into()).map(|t: kafka_protocol::protocol::StrBytes| t.into())),
    );
    assert_eq!(response.responses[0].partition_responses[0].error_code, 48);
}

#[test]
fn a_write_to_a_full_disk_is_a_storage_error_and_moves_the_leadership() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(3));
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    h.inject(Fault::FullDisk(Role::broker(leader)));
    assert_eq!(h.produce(conn, "orders", 0, 1, batch("a")).error_code, 56);
    h.wait(Duration::from_secs(15), "another leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != leader)
    });
    h.converge();
    assert_eq!(h.replica("orders", 0, leader).log_end, 0);
}

#[test]
fn internal_topics_are_written_by_admin_clients_alone() {
    let mut h = Harness::alone();
    let conn = h.connect(0);
    let topic = CreatableTopic::default()
        .with_name(topic_name("__consumer_offsets"))
        .with_num_partitions(1)
        .with_replication_factor(1);
    let create = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(10_000);
    assert_eq!(h.ask(conn, 7, &create).topics[0].error_code, 0);
    h.pass(Duration::from_secs(1));
    assert_eq!(h.produce(conn, "__consumer_offsets", 0, 1, batch("a")).error_code, 17);
    let (_, frame) = h.frame_as(
        PRODUCE,
        &produce("__consumer_offsets", 0, 1, batch("a")),
        "__admin_client",
    );
    h.send_bytes(conn, frame);
    let (_, response) = h.await_answer::<ProduceRequest>(conn, PRODUCE);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
}
