//! What the controller decides: topics, partitions, elections.

use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, ElectLeadersRequest,
};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_cluster::fault::{Fault, Role};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::ConnId;
use kafka_sim_tests::requests::{fetch, metadata, topic_name};
use kafka_sim_tests::{Harness, batch};
use uuid::Uuid;

fn topic(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(replicas)
}

fn create(h: &mut Harness, conn: ConnId, topics: Vec<CreatableTopic>) -> Vec<(String, i16)> {
    let request = CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(10_000);
    let mut results: Vec<_> = h
        .ask(conn, 7, &request)
        .topics
        .iter()
        .map(|t| (t.name.to_string(), t.error_code))
        .collect();
    results.sort();
    results
}

fn create_one(h: &mut Harness, conn: ConnId, topic: CreatableTopic) -> i16 {
    create(h, conn, vec![topic])[0].1
}

fn orders() -> (Harness, ConnId) {
    let mut h = Harness::with_topic(Topic::named("orders").partitions(2).replicas(3));
    let conn = h.connect(0);
    (h, conn)
}

#[test]
fn a_created_topic_can_be_used_once_brokers_have_heard_of_it() {
    let (mut h, conn) = orders();
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic("new", 3, 2)])
        .with_timeout_ms(10_000);
    let response = h.ask(conn, 7, &request);
    let created = &response.topics[0];
    assert_eq!(
        (created.error_code, created.num_partitions, created.replication_factor),
        (0, 3, 2)
    );
    assert!(!created.topic_id.is_nil() && created.configs.as_ref().is_some_and(|configs| !configs.is_empty()));
    h.pass(Duration::from_millis(100));
    let leader = h.leader("new", 2);
    let conn = h.connect(leader);
    assert_eq!(h.produce(conn, "new", 2, -1, batch("a")).error_code, 0);
}

#[test]
fn minus_one_means_the_brokers_defaults() {
    let mut config = ClusterConfig::simulated(3);
    config
        .broker_config
        .set("num.partitions", "4")
        .expect("it is one of Kafka's keys");
    config
        .broker_config
        .set("default.replication.factor", "2")
        .expect("it is one of Kafka's keys");
    let mut h = Harness::new(config);
    let conn = h.connect(1);
    assert_eq!(create_one(&mut h, conn, topic("new", -1, -1)), 0);
    h.pass(Duration::from_millis(100));
    assert_eq!(h.partition("new", 3).replicas.len(), 2);
}

#[test]
fn topics_that_cannot_be_are_refused_one_by_one() {
    let (mut h, conn) = orders();
    let config = |key: &'static str, value: Option<&'static str>| {
        CreatableTopicConfig::default()
            .with_name(key.into())
            .with_value(value.map(StrBytes::from_static_str))
    };
    let with = |configs| topic("t", 1, 1).with_configs(configs);
    let assigned = |replicas: &[&[i32]]| {
        let rows = (0_i32..).zip(replicas).map(|(index, ids)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(index)
                .with_broker_ids(ids.iter().map(|id| BrokerId(*id)).collect())
        });
        topic("t", -1, -1).with_assignments(rows.collect())
    };
    let cases = [
        (topic("orders", 1, 1), 36),
        (topic("", 1, 1), 17),
        (topic("a b", 1, 1), 17),
        (topic("t", 0, 1), 37),
        (topic("t", -2, 1), 37),
        (topic("t", 1, 0), 38),
        (topic("t", 1, 4), 38),
        (topic("t", 1, -2), 38),
        (topic("__cluster_metadata", 1, 1), 42),
        (with(vec![config("no.such.key", Some("1"))]), 40),
        (with(vec![config("min.insync.replicas", Some("many"))]), 40),
        (with(vec![config("min.insync.replicas", None)]), 40),
        (assigned(&[&[0, 1]]).with_num_partitions(1), 42),
        (assigned(&[&[0, 0]]), 39),
        (assigned(&[&[0, 1], &[2]]), 39),
        (assigned(&[&[7]]), 39),
        (assigned(&[&[]]), 39),
    ];
    for (topic, code) in cases {
        let shown = format!("{topic:?}");
        assert_eq!(create_one(&mut h, conn, topic), code, "{shown}");
    }
    let twice = create(&mut h, conn, vec![topic("t", 1, 1), topic("t", 1, 1), topic("u", 1, 1)]);
    assert!(
        twice.contains(&("t".to_owned(), 42)) && twice.contains(&("u".to_owned(), 0)),
        "{twice:?}"
    );
    assert_eq!(create_one(&mut h, conn, topic("u_v", 1, 1)), 0);
    assert_eq!(
        create_one(&mut h, conn, topic("u.v", 1, 1)),
        17,
        "the two share a metric name"
    );
    assert_eq!(create_one(&mut h, conn, assigned(&[&[2, 0], &[1, 2]])), 0);
    assert_eq!((h.leader("t", 0), h.leader("t", 1)), (2, 1));
}

#[test]
fn validate_only_creates_nothing() {
    let (mut h, conn) = orders();
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic("new", 1, 1)])
        .with_timeout_ms(10_000)
        .with_validate_only(true);
    assert_eq!(h.ask(conn, 7, &request).topics[0].error_code, 0);
    assert!(h.cluster.view().partition("new", 0).is_none());
}

#[test]
fn without_a_controller_a_creation_times_out() {
    let (mut h, conn) = orders();
    h.inject(Fault::IsolateFromController(Role::broker(0)));
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic("new", 1, 1)])
        .with_timeout_ms(2_000);
    let before = h.now();
    assert_eq!(h.ask(conn, 7, &request).topics[0].error_code, 7);
    assert!(h.now() - before >= Duration::from_secs(2));
}

fn delete(h: &mut Harness, conn: ConnId, topics: Vec<DeleteTopicState>) -> Vec<i16> {
    let request = DeleteTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(10_000);
    h.ask(conn, 6, &request)
        .responses
        .iter()
        .map(|r| r.error_code)
        .collect()
}

fn named(name: &str) -> DeleteTopicState {
    DeleteTopicState::default().with_name(Some(topic_name(name)))
}

#[test]
fn a_deleted_topic_is_unknown_and_its_successor_has_another_id() {
    let (mut h, conn) = orders();
    let id = h.topic_id(conn, "orders");
    assert_eq!(delete(&mut h, conn, vec![named("orders")]), [0]);
    h.pass(Duration::from_millis(100));
    assert_eq!(h.ask(conn, 12, &metadata(&["orders"])).topics[0].error_code, 3);
    let mut by_id = fetch("", 0, 0);
    by_id.topics[0].topic_id = id;
    assert_eq!(h.ask(conn, 13, &by_id).responses[0].partitions[0].error_code, 100);
    assert_eq!(create_one(&mut h, conn, topic("orders", 2, 3)), 0);
    h.pass(Duration::from_millis(100));
    assert_ne!(h.topic_id(conn, "orders"), id);
    let leader = h.leader("orders", 0);
    let conn = h.connect(leader);
    assert_eq!(
        h.produce(conn, "orders", 0, -1, batch("a")).base_offset,
        0,
        "nothing is left of the old one"
    );
}

#[test]
fn topics_are_deleted_by_name_or_by_id_but_not_both() {
    let (mut h, conn) = orders();
    let id = h.topic_id(conn, "orders");
    assert_eq!(delete(&mut h, conn, vec![named("nothing")]), [3]);
    let by_id = |id| DeleteTopicState::default().with_name(None).with_topic_id(id);
    assert_eq!(delete(&mut h, conn, vec![by_id(Uuid::from_u128(3))]), [100]);
    assert_eq!(delete(&mut h, conn, vec![named("orders").with_topic_id(id)]), [42]);
    assert_eq!(delete(&mut h, conn, vec![by_id(Uuid::nil())]), [42]);
    assert_eq!(delete(&mut h, conn, vec![by_id(id)]), [0]);
}

#[test]
fn deletion_can_be_switched_off() {
    let mut config = ClusterConfig {
        topics: vec![Topic::named("orders")],
        ..ClusterConfig::simulated(1)
    };
    config
        .broker_config
        .set("delete.topic.enable", "false")
        .expect("it is one of Kafka's keys");
    let mut h = Harness::new(config);
    let conn = h.connect(0);
    for (version, code) in [(1, 42), (2, 42), (3, 73), (5, 73)] {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic_name("orders")])
            .with_timeout_ms(1_000);
        assert_eq!(
            h.ask(conn, version, &request).responses[0].error_code,
            code,
            "v{version}"
        );
    }
}

#[test]
fn partitions_can_only_be_added() {
    let (mut h, conn) = orders();
    let grow = |name: &str, count| {
        CreatePartitionsTopic::default()
            .with_name(topic_name(name))
            .with_count(count)
            .with_assignments(None)
    };
    let mut ask = |topics| {
        let request = CreatePartitionsRequest::default()
            .with_topics(topics)
            .with_timeout_ms(10_000);
        h.ask(conn, 3, &request)
            .results
            .iter()
            .map(|r| r.error_code)
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(vec![grow("nothing", 3)]), [3]);
    assert_eq!(ask(vec![grow("orders", 2)]), [37]);
    assert_eq!(ask(vec![grow("orders", 1)]), [37]);
    let wrong =
        vec![CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(0), BrokerId(1), BrokerId(2)])];
    assert_eq!(ask(vec![grow("orders", 4).with_assignments(Some(wrong))]), [39]);
    let twice = ask(vec![grow("orders", 3), grow("orders", 4)]);
    assert!(!twice.is_empty() && twice.iter().all(|code| *code == 42), "{twice:?}");
    assert_eq!(ask(vec![grow("orders", 4)]), [0]);
    h.pass(Duration::from_millis(100));
    assert_eq!(h.partition("orders", 3).replicas.len(), 3);
    assert_eq!(h.ask(conn, 12, &metadata(&["orders"])).topics[0].partitions.len(), 4);
}

fn elect(h: &mut Harness, conn: ConnId, election_type: i8, topic: &str, partition: i32) -> i16 {
    let which = TopicPartitions::default()
        .with_topic(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = ElectLeadersRequest::default()
        .with_election_type(election_type)
        .with_topic_partitions(Some(vec![which]));
    let response = h.ask(conn, 2, &request.with_timeout_ms(10_000));
    assert_eq!(response.error_code, 0);
    response.replica_election_results[0].partition_result[0].error_code
}

#[test]
fn a_preferred_leader_takes_over_again_when_asked_and_able() {
    let (mut h, _) = orders();
    let preferred = h.leader("orders", 0);
    let other = h.followers("orders", 0)[0];
    let conn = h.connect(other);
    assert_eq!(elect(&mut h, conn, 0, "orders", 0), 84, "it leads already");
    assert_eq!(elect(&mut h, conn, 0, "nothing", 0), 3);
    assert_eq!(elect(&mut h, conn, 0, "orders", 9), 3);
    h.inject(Fault::Kill(Role::broker(preferred)));
    h.wait(Duration::from_secs(20), "another leader", |h| {
        h.partition("orders", 0).leader.is_some_and(|l| l.0 != preferred)
    });
    h.pass(Duration::from_secs(1));
    assert_eq!(elect(&mut h, conn, 0, "orders", 0), 80, "it is dead");
    h.converge();
    assert_ne!(h.leader("orders", 0), preferred, "nobody moves leadership back at once");
    assert_eq!(elect(&mut h, conn, 0, "orders", 0), 0);
    assert_eq!(h.leader("orders", 0), preferred);
}

#[test]
fn an_unclean_election_needs_a_replica_that_lives() {
    let mut h = Harness::with_topic(Topic::named("orders").replicas(2));
    let (leader, follower) = (h.leader("orders", 0), h.followers("orders", 0)[0]);
    let spare = (0..3)
        .find(|id| *id != leader && *id != follower)
        .expect("three brokers, two replicas");
    let conn = h.connect(spare);
    assert_eq!(elect(&mut h, conn, 1, "orders", 0), 84, "there is a leader");
    h.inject(Fault::Kill(Role::broker(follower)));
    h.wait(Duration::from_secs(20), "the ISR of one", |h| {
        h.isr("orders", 0) == [leader]
    });
    h.inject(Fault::Kill(Role::broker(leader)));
    h.wait(Duration::from_secs(20), "no leader", |h| {
        h.partition("orders", 0).leader.is_none()
    });
    assert_eq!(elect(&mut h, conn, 1, "orders", 0), 83);
    h.inject(Fault::Restart(Role::broker(follower)));
    h.pass(Duration::from_secs(5));
    assert_eq!(
        h.partition("orders", 0).leader,
        None,
        "an out-of-sync replica does not lead by itself"
    );
    assert_eq!(elect(&mut h, conn, 1, "orders", 0), 0);
    assert_eq!(h.leader("orders", 0), follower);
}
