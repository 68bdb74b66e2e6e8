//! Metadata (3), versions 0 to 13.
//!
//! v1 racks, controller, null for all topics; v2 cluster id; v4 opting out of auto-creation (KIP-204); v5 offline
//! replicas; v6 LISTENER_NOT_FOUND; v7 leader epochs (KIP-320); v8 authorized operations (KIP-430); v9 flexible; v10
//! topic ids (KIP-516); v11 no cluster operations (KIP-700); v12 asking by id; v13 an error of the whole response
//! (KIP-1102).
//!
//! The answer is what this broker has heard: it may lag behind other brokers. Left out: REBOOTSTRAP_REQUIRED, and
//! hiding topics from the unauthorized, because there is no authorizer.

mod nodes;

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId as WireId, MetadataRequest, MetadataResponse, ResponseKind, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::{BrokerId, ErrorCode};

#[cfg(test)]
pub(super) use nodes::testing;
pub(super) use nodes::{Nodes, some_alive_broker, wire_ids};

use super::forwarded::text;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::config::BrokerConfig;
use crate::controller::{INTERNAL_TOPICS, check_topic_name, internal_topic};
use crate::peer::{AdminRequest, BrokerState, NewTopic, PartitionState, TopicState};

/// READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS: all there is on a topic.
pub(super) const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS and IDEMPOTENT_WRITE.
pub(super) const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, mut request: MetadataRequest) -> Answer {
    let version = call.head.version;
    let asked = request.topics.take();
    if let Some(topics) = &asked
        && is_invalid(version, topics)
    {
        return call.ready(ResponseKind::Metadata(refused(version, topics)));
    }
    let nodes = Nodes::of(broker);
    let mut missing = Vec::new();
    let mut topics = match &asked {
        None => all(nodes, version),
        Some(none) if none.is_empty() && version == 0 => all(nodes, version),
        Some(asked) if asked.iter().any(|topic| !topic.topic_id.is_nil()) => by_id(nodes, version, asked),
        Some(asked) => by_name(nodes, version, asked, &mut missing),
    };
    if request.include_topic_authorized_operations {
        for topic in &mut topics {
            topic.topic_authorized_operations = TOPIC_OPERATIONS;
        }
    }
    if !missing.is_empty() && request.allow_auto_topic_creation && broker.config.auto_create_topics_enable {
        let topics = missing.iter().map(|name| new_topic(&broker.config, name)).collect();
        broker.auto_create(
            ctx,
            AdminRequest::CreateTopics {
                topics,
                validate_only: false,
            },
        );
    }
    let mut response = MetadataResponse::default()
        .with_brokers(brokers(Nodes::of(broker)))
        .with_cluster_id(Some(text(&broker.spec.cluster_id)))
        .with_topics(topics);
    if version >= 1 {
        response.controller_id = some_alive_broker(broker);
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    call.ready(ResponseKind::Metadata(response))
}

/// Below v12 a topic has a name and no id.
fn is_invalid(version: i16, topics: &[MetadataRequestTopic]) -> bool {
    topics.iter().any(|topic| {
        let by_id = !topic.topic_id.is_nil();
        if version < 12 {
            by_id || topic.name.is_none()
        } else {
            !by_id && topic.name.is_none()
        }
    })
}

fn refused(version: i16, topics: &[MetadataRequestTopic]) -> MetadataResponse {
    let code = ErrorCode::INVALID_REQUEST.0;
    let topics = topics.iter().map(|topic| {
        MetadataResponseTopic::default()
            .with_error_code(code)
            .with_name(Some(topic.name.clone().unwrap_or_default()))
            .with_topic_id(topic.topic_id)
    });
    let response = MetadataResponse::default()
        .with_cluster_id(None)
        .with_topics(topics.collect());
    if version >= 13 {
        response.with_error_code(code)
    } else {
        response
    }
}

fn all(nodes: Nodes<'_>, version: i16) -> Vec<MetadataResponseTopic> {
    let topics = nodes.image.names.values().filter_map(|id| nodes.image.topics.get(id));
    topics
        .map(|topic| found(nodes, version, TopicName(text(&topic.name)), topic))
        .collect()
}

/// As soon as one topic is asked for by id, names are not looked at.
fn by_id(nodes: Nodes<'_>, version: i16, asked: &[MetadataRequestTopic]) -> Vec<MetadataResponseTopic> {
    let mut seen = BTreeSet::new();
    let ids = asked
        .iter()
        .map(|topic| topic.topic_id)
        .filter(|id| !id.is_nil() && seen.insert(*id));
    ids.map(|id| match nodes.image.topics.get(&id) {
        Some(topic) => found(nodes, version, TopicName(text(&topic.name)), topic),
        None => MetadataResponseTopic::default()
            .with_error_code(ErrorCode::UNKNOWN_TOPIC_ID.0)
            .with_name(None)
            .with_topic_id(id),
    })
    .collect()
}

/// Whether the cluster keeps its own state in this topic.
pub(super) fn is_internal(name: &str) -> bool {
    INTERNAL_TOPICS.contains(&name)
}

/// Why a topic is not there: its name is illegal, or it is unknown.
pub(super) fn missing_topic(name: &str) -> ErrorCode {
    match check_topic_name(name) {
        Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
    }
}

/// A topic of the cluster's default size, or an internal one of its own.
fn new_topic(config: &BrokerConfig, name: &str) -> NewTopic {
    internal_topic(config, name).unwrap_or_else(|| NewTopic {
        name: Arc::from(name),
        partitions: -1,
        replication_factor: -1,
        assignment: Vec::new(),
        configs: Vec::new(),
    })
}

/// Collects the unknown names that could be created in `missing`.
fn by_name<'a>(
    nodes: Nodes<'_>,
    version: i16,
    asked: &'a [MetadataRequestTopic],
    missing: &mut Vec<&'a str>,
) -> Vec<MetadataResponseTopic> {
    let mut seen = BTreeSet::new();
    let names = asked
        .iter()
        .filter_map(|topic| topic.name.as_ref())
        .filter(|name| seen.insert(name.as_str()));
    names
        .map(|name| match nodes.image.topic_named(name) {
            Some(topic) => found(nodes, version, name.clone(), topic),
            None => {
                let code = missing_topic(name);
                if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                    missing.push(name.as_str());
                }
                MetadataResponseTopic::default()
                    .with_error_code(code.0)
                    .with_name(Some(name.clone()))
                    .with_is_internal(is_internal(name))
            }
        })
        .collect()
}

fn found(nodes: Nodes<'_>, version: i16, name: TopicName, topic: &TopicState) -> MetadataResponseTopic {
    let partitions = (0..)
        .zip(&topic.partitions)
        .map(|(index, state)| partition(nodes, version, index, state));
    MetadataResponseTopic::default()
        .with_is_internal(is_internal(&name))
        .with_name(Some(name))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}

fn partition(nodes: Nodes<'_>, version: i16, index: i32, state: &PartitionState) -> MetadataResponsePartition {
    let (mut error, leader) = nodes.leader(state, version >= 6);
    // v0 names only replicas that have an endpoint, and says so if one has none.
    let told = |ids: &[BrokerId]| -> Vec<WireId> {
        if version >= 1 {
            return wire_ids(ids);
        }
        ids.iter()
            .filter(|id| nodes.endpoint(**id).is_some())
            .map(|id| WireId(id.0))
            .collect()
    };
    let (replicas, isr) = (told(&state.replicas), told(&state.isr));
    if error.is_ok() && (replicas.len() < state.replicas.len() || isr.len() < state.isr.len()) {
        error = ErrorCode::REPLICA_NOT_AVAILABLE;
    }
    MetadataResponsePartition::default()
        .with_error_code(error.0)
        .with_partition_index(index)
        .with_leader_id(leader)
        .with_leader_epoch(state.leader_epoch)
        .with_replica_nodes(replicas)
        .with_isr_nodes(isr)
        .with_offline_replicas(nodes.offline_replicas(state))
}

fn brokers(nodes: Nodes<'_>) -> Vec<MetadataResponseBroker> {
    let described = |state: &BrokerState| {
        let (host, port) = nodes.endpoint(state.id)?;
        let rack: Option<StrBytes> = state.rack.as_deref().map(text);
        let broker = MetadataResponseBroker::default().with_node_id(WireId(state.id.0));
        Some(broker.with_host(host).with_port(port).with_rack(rack))
    };
    nodes.registered(false).filter_map(described).collect()
}

#[cfg(test)]
mod tests;
