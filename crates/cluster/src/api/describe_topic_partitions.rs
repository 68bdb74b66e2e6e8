//! DescribeTopicPartitions (75), version 0: topics page by page, with eligible leader replicas (KIP-966).
//!
//! Left out: hiding topics from the unauthorized, because there is no authorizer.

use std::collections::BTreeSet;
use std::ops::Bound;

use kafka_protocol::messages::describe_topic_partitions_request::Cursor as AskedCursor;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, ResponseKind, TopicName,
};
use kafka_sim_core::ErrorCode;

use super::forwarded::text;
use super::metadata::{Nodes, TOPIC_OPERATIONS, is_internal, missing_topic, wire_ids};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{PartitionState, TopicState};

pub(crate) fn handle(
    broker: &mut Broker,
    _ctx: &mut Ctx<'_>,
    call: Call,
    request: DescribeTopicPartitionsRequest,
) -> Answer {
    let limit = broker.config.max_request_partition_size_limit;
    call.ready(ResponseKind::DescribeTopicPartitions(render(
        Nodes::of(broker),
        limit,
        &request,
    )))
}

fn render(nodes: Nodes<'_>, limit: i32, request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let asked: BTreeSet<&str> = request.topics.iter().map(|topic| topic.name.as_str()).collect();
    let cursor = request.cursor.as_ref();
    if cursor.is_some_and(|cursor| is_invalid(cursor, &asked)) {
        return refused(request);
    }
    let first = cursor.map_or("", |cursor| cursor.topic_name.as_str());
    let every = asked.is_empty();
    let names: Vec<&str> = if every {
        nodes
            .image
            .names
            .range::<str, _>((Bound::Included(first), Bound::Unbounded))
            .map(|(name, _)| &**name)
            .collect()
    } else {
        asked.range(first..).copied().collect()
    };
    let mut left = usize::try_from(limit.min(request.response_partition_limit))
        .unwrap_or(1)
        .max(1);
    let mut response = DescribeTopicPartitionsResponse::default().with_next_cursor(None);
    for name in names {
        if left == 0 {
            return response.with_next_cursor(Some(next(name, 0)));
        }
        let Some(topic) = nodes.image.topic_named(name) else {
            response.topics.push(unknown(name));
            continue;
        };
        let start = cursor
            .filter(|cursor| cursor.topic_name.as_str() == name)
            .map_or(0, |cursor| cursor.partition_index);
        let (page, rest) = page(nodes, topic, start, left);
        left -= page.partitions.len();
        response.topics.push(page);
        if let Some(partition) = rest {
            return response.with_next_cursor(Some(next(name, partition)));
        }
    }
    response
}

/// A cursor points into what was asked for.
fn is_invalid(cursor: &AskedCursor, asked: &BTreeSet<&str>) -> bool {
    cursor.partition_index < 0 || !(asked.is_empty() || asked.contains(cursor.topic_name.as_str()))
}

fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.iter().map(|topic| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(ErrorCode::INVALID_REQUEST.0)
            .with_name(Some(topic.name.clone()))
    });
    DescribeTopicPartitionsResponse::default()
        .with_topics(topics.collect())
        .with_next_cursor(None)
}

fn next(name: &str, partition: i32) -> Cursor {
    Cursor::default()
        .with_topic_name(TopicName(text(name)))
        .with_partition_index(partition)
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(missing_topic(name).0)
        .with_name(Some(TopicName(text(name))))
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

/// At most `limit` partitions from `start` on, and the first one that did not fit.
fn page(
    nodes: Nodes<'_>,
    topic: &TopicState,
    start: i32,
    limit: usize,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let skipped = usize::try_from(start).unwrap_or(0);
    let mut rest = (start..).zip(topic.partitions.iter().skip(skipped));
    let partitions = rest
        .by_ref()
        .take(limit)
        .map(|(index, state)| partition(nodes, index, state))
        .collect();
    let page = DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(TopicName(text(&topic.name))))
        .with_topic_id(topic.id)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions)
        .with_topic_authorized_operations(TOPIC_OPERATIONS);
    (page, rest.next().map(|(index, _)| index))
}

fn partition(nodes: Nodes<'_>, index: i32, state: &PartitionState) -> DescribeTopicPartitionsResponsePartition {
    let (error, leader) = nodes.leader(state, true);
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(error.0)
        .with_partition_index(index)
        .with_leader_id(leader)
        .with_leader_epoch(state.leader_epoch)
        .with_replica_nodes(wire_ids(&state.replicas))
        .with_isr_nodes(wire_ids(&state.isr))
        // The Java client cannot read null here.
        .with_eligible_leader_replicas(Some(wire_ids(&state.elr)))
        .with_last_known_elr(Some(wire_ids(&state.last_known_elr)))
        .with_offline_replicas(nodes.offline_replicas(state))
}

#[cfg(test)]
mod tests;
