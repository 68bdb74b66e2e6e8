//! Metadata, DescribeCluster and DescribeTopicPartitions.

use std::time::Duration;

use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{DescribeClusterRequest, DescribeTopicPartitionsRequest, MetadataRequest};
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_tests::Harness;
use kafka_sim_tests::requests::{metadata, topic_name};
use uuid::Uuid;

#[test]
fn every_broker_tells_leaders_replicas_and_addresses() {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(3).replicas(3));
    for broker in 0..3 {
        let conn = h.connect(broker);
        for version in 0..=13 {
            let request = metadata(&["orders"]).with_allow_auto_topic_creation(true);
            let response = h.ask(conn, version, &request);
            let brokers: Vec<_> = response
                .brokers
                .iter()
                .map(|b| (b.node_id.0, b.host.to_string(), b.port))
                .collect();
            assert_eq!(
                brokers,
                (0..3).map(|id| (id, format!("broker-{id}"), 9092)).collect::<Vec<_>>()
            );
            for partition in &response.topics[0].partitions {
                assert_eq!(partition.leader_id.0, h.leader("orders", partition.partition_index));
                assert_eq!((partition.replica_nodes.len(), partition.isr_nodes.len()), (3, 3));
            }
        }
    }
}

#[test]
fn null_means_all_topics_and_an_empty_list_none_except_in_version_0() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    for version in 1..=13 {
        let all = MetadataRequest::default()
            .with_topics(None)
            .with_allow_auto_topic_creation(true);
        assert_eq!(h.ask(conn, version, &all).topics.len(), 1);
        assert_eq!(h.ask(conn, version, &all.with_topics(Some(vec![]))).topics.len(), 0);
    }
    let all = MetadataRequest::default()
        .with_topics(Some(vec![]))
        .with_allow_auto_topic_creation(true);
    assert_eq!(h.ask(conn, 0, &all).topics.len(), 1);
}

#[test]
fn an_unknown_topic_is_created_on_the_side() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    let create = metadata(&["payments"]).with_allow_auto_topic_creation(true);
    let first = h.ask(conn, 12, &create);
    assert_eq!(first.topics[0].error_code, 3, "this time round it is still unknown");
    h.pass(Duration::from_millis(200));
    let second = h.ask(conn, 12, &create);
    assert_eq!((second.topics[0].error_code, second.topics[0].partitions.len()), (0, 1));
}

#[test]
fn an_unknown_topic_stays_unknown_if_client_or_broker_does_not_create() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    for _ in 0..2 {
        assert_eq!(h.ask(conn, 12, &metadata(&["payments"])).topics[0].error_code, 3);
        h.pass(Duration::from_secs(1));
    }
    let mut config = ClusterConfig::simulated(1);
    config
        .broker_config
        .set("auto.create.topics.enable", "false")
        .expect("it is one of Kafka's keys");
    let mut h = Harness::new(config);
    let conn = h.connect(0);
    for _ in 0..2 {
        assert_eq!(
            h.ask(conn, 12, &metadata(&["payments"]).with_allow_auto_topic_creation(true))
                .topics[0]
                .error_code,
            3
        );
        h.pass(Duration::from_secs(1));
    }
}

#[test]
fn an_illegal_name_is_17_and_never_created() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    let long = "x".repeat(250);
    for name in ["", ".", "..", "a b", "a/b", "ä", &long] {
        let response = h.ask(conn, 12, &metadata(&[name]).with_allow_auto_topic_creation(true));
        assert_eq!(response.topics[0].error_code, 17, "{name:?}");
    }
}

#[test]
fn topics_are_found_by_id_from_version_12_on() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    let id = h.topic_id(conn, "orders");
    let by_id = |id| MetadataRequestTopic::default().with_topic_id(id).with_name(None);
    let request = |id| MetadataRequest::default().with_topics(Some(vec![by_id(id)]));
    let response = h.ask(conn, 12, &request(id));
    assert_eq!(
        (
            response.topics[0].error_code,
            response.topics[0].name.as_ref().map(|n| n.to_string())
        ),
        (0, Some("orders".to_owned()))
    );
    assert_eq!(h.ask(conn, 12, &request(Uuid::from_u128(5))).topics[0].error_code, 100);
    assert_eq!(h.ask(conn, 11, &request(id)).topics[0].error_code, 42);
}

#[test]
fn a_dead_leader_without_successor_leaves_the_partition_without_leader() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let leader = h.leader("orders", 0);
    h.inject(Fault::Kill(Role::broker(leader)));
    h.wait(Duration::from_secs(20), "no leader", |h| {
        h.partition("orders", 0).leader.is_none()
    });
    h.pass(Duration::from_secs(1));
    let conn = h.connect((leader + 1) % 3);
    let response = h.ask(conn, 12, &metadata(&["orders"]));
    let partition = &response.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id.0), (5, -1));
    let offline: Vec<i32> = partition.offline_replicas.iter().map(|id| id.0).collect();
    assert_eq!(offline, [leader]);
    assert_eq!(response.brokers.len(), 2, "fenced brokers are not listed");
}

#[test]
fn the_cluster_describes_its_brokers_and_no_controllers() {
    let mut h = Harness::with_topic(Topic::named("orders"));
    let conn = h.connect(0);
    for version in 0..=2 {
        let response = h.ask(conn, version, &DescribeClusterRequest::default());
        assert_eq!((response.error_code, response.brokers.len()), (0, 3));
        assert!(!response.cluster_id.is_empty());
    }
    for (endpoint_type, code) in [(1, 0), (2, 114), (3, 115)] {
        assert_eq!(
            h.ask(
                conn,
                1,
                &DescribeClusterRequest::default().with_endpoint_type(endpoint_type)
            )
            .error_code,
            code
        );
    }
}

#[test]
fn partitions_are_described_in_pages() {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(5));
    let conn = h.connect(0);
    let topics = ["orders", "nothing"]
        .map(|name| TopicRequest::default().with_name(topic_name(name)))
        .to_vec();
    let mut request = DescribeTopicPartitionsRequest::default()
        .with_topics(topics)
        .with_response_partition_limit(2);
    let (mut seen, mut unknown) = (Vec::new(), 0);
    loop {
        let response = h.ask(conn, 0, &request);
        for topic in &response.topics {
            unknown += i32::from(topic.error_code == 3);
            seen.extend(topic.partitions.iter().map(|p| p.partition_index));
        }
        let Some(next) = response.next_cursor else { break };
        let cursor = Cursor::default()
            .with_topic_name(next.topic_name)
            .with_partition_index(next.partition_index);
        request.cursor = Some(cursor);
    }
    assert_eq!((seen, unknown), (vec![0, 1, 2, 3, 4], 1));
    request.cursor = Some(Cursor::default().with_topic_name(topic_name("elsewhere")));
    request.topics.truncate(1);
    let refused = h.ask(conn, 0, &request);
    assert!(refused.topics.iter().all(|topic| topic.error_code == 42) && !refused.topics.is_empty());
}
