use kafka_protocol::messages::ApiKey;
use uuid::Uuid;

use super::super::forwarded::testing::{over_the_wire, served_versions};
use super::testing::{image, listeners, partition as partition_state};
use super::*;
use crate::peer::MetadataImage;

const ORDERS: Uuid = Uuid::from_u128(1);

fn with_topics() -> MetadataImage {
    let mut image = image();
    for (name, id) in [("orders", ORDERS), ("__consumer_offsets", Uuid::from_u128(2))] {
        let partitions = vec![
            partition_state(Some(kafka_sim_core::BrokerId(0))),
            partition_state(None),
        ];
        image.names.insert(Arc::from(name), id);
        image.topics.insert(
            id,
            TopicState {
                id,
                name: Arc::from(name),
                partitions,
            },
        );
    }
    image
}

fn asked(name: Option<&'static str>, id: u128) -> MetadataRequestTopic {
    let name = name.map(|name| TopicName(name.into()));
    MetadataRequestTopic::default()
        .with_name(name)
        .with_topic_id(Uuid::from_u128(id))
}

fn outcomes(topics: &[MetadataResponseTopic]) -> Vec<(Option<&str>, i16)> {
    topics
        .iter()
        .map(|topic| (topic.name.as_ref().map(|name| name.as_str()), topic.error_code))
        .collect()
}

#[test]
fn every_version_reads_topics_and_brokers() {
    let (image, listeners) = (with_topics(), listeners());
    let nodes = Nodes {
        image: &image,
        listeners: &listeners,
    };
    for version in served_versions(ApiKey::Metadata) {
        let response = MetadataResponse::default()
            .with_brokers(brokers(nodes))
            .with_topics(all(nodes, version));
        let read = over_the_wire(ApiKey::Metadata, version, &response);
        let ids: Vec<i32> = read.brokers.iter().map(|broker| broker.node_id.0).collect();
        assert_eq!(ids, [0, 1], "broker 2 is fenced");
        assert_eq!(
            outcomes(&read.topics),
            [(Some("__consumer_offsets"), 0), (Some("orders"), 0)]
        );
        let orders = &read.topics[1];
        assert_eq!(orders.topic_id.is_nil(), version < 10);
        let [first, second] = &orders.partitions[..] else {
            panic!("the topic has two partitions")
        };
        assert_eq!((first.error_code, first.leader_id.0), (0, 0));
        assert_eq!((second.error_code, second.leader_id.0), (5, -1));
        assert_eq!(first.leader_epoch, if version >= 7 { 4 } else { -1 });
        assert_eq!(first.offline_replicas.len(), usize::from(version >= 5));
        assert_eq!(first.replica_nodes.len(), 3);
    }
}

#[test]
fn version_zero_says_that_a_replica_has_no_endpoint() {
    let (image, listeners) = (with_topics(), listeners());
    let nodes = Nodes {
        image: &image,
        listeners: &listeners[..2],
    };
    let state = partition_state(Some(kafka_sim_core::BrokerId(0)));
    let (old, new) = (partition(nodes, 0, 0, &state), partition(nodes, 1, 0, &state));
    assert_eq!((old.error_code, old.replica_nodes.len()), (9, 2));
    assert_eq!((new.error_code, new.replica_nodes.len()), (0, 3));
}

#[test]
fn unknown_names_are_candidates_for_creation_and_illegal_ones_are_not() {
    let (image, listeners) = (with_topics(), listeners());
    let nodes = Nodes {
        image: &image,
        listeners: &listeners,
    };
    let mut missing = Vec::new();
    let topics = [
        asked(Some("new"), 0),
        asked(Some("orders"), 0),
        asked(Some("a b"), 0),
        asked(Some("new"), 0),
    ];
    let answered = by_name(nodes, 9, &topics, &mut missing);
    assert_eq!(
        outcomes(&answered),
        [(Some("new"), 3), (Some("orders"), 0), (Some("a b"), 17)]
    );
    assert_eq!(missing, ["new"]);
}

#[test]
fn once_an_id_is_asked_for_names_do_not_count() {
    let (image, listeners) = (with_topics(), listeners());
    let nodes = Nodes {
        image: &image,
        listeners: &listeners,
    };
    let topics = [asked(Some("__consumer_offsets"), 0), asked(None, 1), asked(None, 99)];
    let answered = by_id(nodes, 12, &topics);
    assert_eq!(outcomes(&answered), [(Some("orders"), 0), (None, 100)]);
    let response = MetadataResponse::default().with_topics(answered);
    let read = over_the_wire(ApiKey::Metadata, 12, &response);
    assert_eq!(read.topics[1].topic_id, Uuid::from_u128(99));
}

#[test]
fn ids_and_missing_names_fail_the_whole_request_before_v12() {
    for version in [10, 11] {
        assert!(is_invalid(version, &[asked(Some("orders"), 0), asked(None, 1)]));
        assert!(is_invalid(version, &[asked(Some("orders"), 1)]));
        assert!(!is_invalid(version, &[asked(Some("orders"), 0)]));
    }
    assert!(!is_invalid(12, &[asked(None, 1)]));
    assert!(is_invalid(12, &[asked(None, 0)]));
    for version in served_versions(ApiKey::Metadata) {
        let read = over_the_wire(ApiKey::Metadata, version, &refused(version, &[asked(None, 1)]));
        assert_eq!(outcomes(&read.topics), [(Some(""), 42)]);
        assert_eq!(read.error_code, if version >= 13 { 42 } else { 0 });
    }
}

#[test]
fn an_ordinary_topic_leaves_its_size_to_the_controller_and_an_internal_one_does_not() {
    let config = BrokerConfig::default();
    assert_eq!(new_topic(&config, "orders").partitions, -1);
    assert_eq!(new_topic(&config, "__consumer_offsets").partitions, 50);
    assert!(is_internal("__consumer_offsets") && !is_internal("orders"));
}

#[test]
fn the_operations_are_those_kafka_knows_for_the_resource() {
    let bits = |operations: i32| (0..32).filter(|bit| operations >> bit & 1 == 1).collect::<Vec<_>>();
    assert_eq!(bits(TOPIC_OPERATIONS), [3, 4, 5, 6, 7, 8, 10, 11]);
    assert_eq!(bits(CLUSTER_OPERATIONS), [5, 7, 8, 9, 10, 11, 12]);
}
