use kafka_protocol::messages::ApiKey;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_sim_core::BrokerId;
use uuid::Uuid;

use super::super::forwarded::testing::over_the_wire;
use super::super::metadata::testing::{image, listeners, partition as partition_state};
use super::*;
use crate::peer::MetadataImage;

/// Topics `a` with three partitions and `b` with two.
fn with_topics() -> MetadataImage {
    let mut image = image();
    for (name, id, partitions) in [("b", 2, 2), ("a", 1, 3)] {
        let id = Uuid::from_u128(id);
        let partitions = vec![partition_state(Some(BrokerId(0))); partitions];
        image.names.insert(name.into(), id);
        image.topics.insert(
            id,
            TopicState {
                id,
                name: name.into(),
                partitions,
            },
        );
    }
    image
}

fn request(names: &[&'static str], limit: i32, cursor: Option<(&'static str, i32)>) -> DescribeTopicPartitionsRequest {
    let topics = names
        .iter()
        .map(|name| TopicRequest::default().with_name(TopicName((*name).into())));
    let cursor = cursor.map(|(name, partition)| {
        AskedCursor::default()
            .with_topic_name(TopicName(name.into()))
            .with_partition_index(partition)
    });
    let request = DescribeTopicPartitionsRequest::default().with_topics(topics.collect());
    request.with_response_partition_limit(limit).with_cursor(cursor)
}

fn answer(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let (image, listeners) = (with_topics(), listeners());
    let nodes = Nodes {
        image: &image,
        listeners: &listeners,
    };
    over_the_wire(ApiKey::DescribeTopicPartitions, 0, &render(nodes, 2000, request))
}

/// "a:0,1" for each topic, "a!3" for an error, and "> b 1" for the cursor.
fn shown(response: &DescribeTopicPartitionsResponse) -> String {
    let mut shown = Vec::new();
    for topic in &response.topics {
        let name = topic.name.as_ref().map_or("", |name| name.as_str());
        let indexes: Vec<String> = topic.partitions.iter().map(|p| p.partition_index.to_string()).collect();
        shown.push(match topic.error_code {
            0 => format!("{name}:{}", indexes.join(",")),
            code => format!("{name}!{code}"),
        });
    }
    if let Some(cursor) = &response.next_cursor {
        shown.push(format!("> {} {}", cursor.topic_name.as_str(), cursor.partition_index));
    }
    shown.join(" ")
}

#[test]
fn pages_go_on_where_the_cursor_points() {
    let show = |names: &[&'static str], limit, cursor| shown(&answer(&request(names, limit, cursor)));
    assert_eq!(show(&[], 100, None), "a:0,1,2 b:0,1");
    assert_eq!(show(&[], 2, None), "a:0,1 > a 2");
    assert_eq!(show(&[], 2, Some(("a", 2))), "a:2 b:0 > b 1");
    assert_eq!(show(&[], 3, None), "a:0,1,2 > b 0");
    assert_eq!(show(&[], 3, Some(("b", 0))), "b:0,1");
    assert_eq!(show(&["b"], 100, None), "b:0,1");
    assert_eq!(
        show(&[], 0, None),
        "a:0 > a 1",
        "at least one partition is always given"
    );
    assert_eq!(
        show(&[], 9, Some(("aa", 1))),
        "b:0,1",
        "the topic of the cursor has vanished"
    );
}

#[test]
fn topics_asked_for_by_name_are_told_apart_when_they_are_missing() {
    assert_eq!(
        shown(&answer(&request(&["x", "a b", "b"], 9, None))),
        "a b!17 b:0,1 x!3"
    );
}

#[test]
fn a_cursor_that_points_elsewhere_fails_the_request() {
    for cursor in [("a", 0), ("b", -1)] {
        assert_eq!(shown(&answer(&request(&["b", "c"], 9, Some(cursor)))), "b!42 c!42");
    }
}

#[test]
fn eligible_leader_replicas_are_listed_and_never_null() {
    let response = answer(&request(&["a"], 9, None));
    let partition = &response.topics[0].partitions[0];
    assert_eq!(partition.eligible_leader_replicas, Some(wire_ids(&[BrokerId(2)])));
    assert_eq!(partition.last_known_elr, Some(Vec::new()));
    assert_eq!(partition.offline_replicas, wire_ids(&[BrokerId(2)]));
}
