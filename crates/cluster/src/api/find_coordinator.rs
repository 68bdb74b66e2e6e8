//! FindCoordinator (10), versions 0 to 6.
//!
//! v1 key types; v2 quotas; v3 flexible; v4 several keys (KIP-699); v5 transactions (KIP-890); v6 share groups (KIP-932).
//!
//! A group's coordinator is the leader of its partition of `__consumer_offsets`, as far as this broker's metadata knows.
//! The first question creates the topic, and is answered with COORDINATOR_NOT_AVAILABLE; so is every other one until
//! there are as many brokers as the topic is to have replicas.
//!
//! Divergence: no transaction or share coordinator is served. Transactions are answered as if theirs never came up, with
//! COORDINATOR_NOT_AVAILABLE; share groups as by a broker that has them switched off.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId as WireId, FindCoordinatorRequest, FindCoordinatorResponse, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::{BrokerId, ErrorCode};

use super::metadata::Nodes;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::controller::internal_topic;
use crate::group::host::OFFSETS_TOPIC;
use crate::group::shard_of;
use crate::peer::AdminRequest;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// Where a coordinator is, or why it cannot be told.
type Found = Result<(BrokerId, StrBytes, i32), (ErrorCode, &'static str)>;

const NOT_AVAILABLE: Found = Err((ErrorCode::COORDINATOR_NOT_AVAILABLE, "no coordinator is available"));

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: FindCoordinatorRequest) -> Answer {
    if request.key_type == GROUP && broker.topic_id(OFFSETS_TOPIC).is_none() {
        let topics = internal_topic(&broker.config, OFFSETS_TOPIC).into_iter().collect();
        broker.auto_create(
            ctx,
            AdminRequest::CreateTopics {
                topics,
                validate_only: false,
            },
        );
    }
    let nodes = Nodes::of(broker);
    let key_type = request.key_type;
    let response = render(call.head.version, request, |key| find(nodes, key_type, key));
    call.ready(ResponseKind::FindCoordinator(response))
}

fn find(nodes: Nodes<'_>, key_type: i8, key: &str) -> Found {
    match key_type {
        GROUP => leader_of(nodes, key).map_or(NOT_AVAILABLE, Ok),
        TRANSACTION => NOT_AVAILABLE,
        _ => Err((ErrorCode::INVALID_REQUEST, "coordinators of this type are not served")),
    }
}

fn leader_of(nodes: Nodes<'_>, group: &str) -> Option<(BrokerId, StrBytes, i32)> {
    let topic = nodes.image.topic_named(OFFSETS_TOPIC)?;
    let index = shard_of(group, i32::try_from(topic.partitions.len()).ok()?);
    let leader = topic.partitions.get(usize::try_from(index).ok()?)?.leader?;
    let (host, port) = nodes.endpoint(leader)?;
    Some((leader, host, port))
}

fn render(version: i16, request: FindCoordinatorRequest, find: impl Fn(&str) -> Found) -> FindCoordinatorResponse {
    if version < 4 {
        let response = FindCoordinatorResponse::default();
        return match find(&request.key) {
            Ok((id, host, port)) => response.with_node_id(WireId(id.0)).with_host(host).with_port(port),
            Err((code, message)) => response
                .with_error_code(code.0)
                .with_error_message(Some(StrBytes::from_static_str(message)))
                .with_node_id(WireId(-1))
                .with_port(-1),
        };
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        let coordinator = Coordinator::default();
        let coordinator = match find(&key) {
            Ok((id, host, port)) => coordinator.with_node_id(WireId(id.0)).with_host(host).with_port(port),
            Err((code, message)) => coordinator
                .with_error_code(code.0)
                .with_error_message(Some(StrBytes::from_static_str(message)))
                .with_node_id(WireId(-1))
                .with_port(-1),
        };
        coordinator.with_key(key)
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;
    use crate::peer::MetadataImage;

    fn codes(version: i16, key_type: i8) -> Vec<i16> {
        let request = FindCoordinatorRequest::default().with_key_type(key_type);
        let request = if version < 4 {
            request
        } else {
            request.with_coordinator_keys(vec!["a".into(), "b".into()])
        };
        let image = MetadataImage::default();
        let nodes = Nodes {
            image: &image,
            listeners: &[],
        };
        let response = render(version, request, |key| find(nodes, key_type, key));
        let read = over_the_wire(ApiKey::FindCoordinator, version, &response);
        if version < 4 {
            vec![read.error_code]
        } else {
            read.coordinators.iter().map(|c| c.error_code).collect()
        }
    }

    #[test]
    fn every_version_answers_every_key() {
        for version in served_versions(ApiKey::FindCoordinator) {
            let keys = if version < 4 { 1 } else { 2 };
            for key_type in [GROUP, TRANSACTION] {
                assert_eq!(codes(version, key_type), vec![15; keys]);
            }
            for key_type in [-1, 2, 3] {
                assert_eq!(codes(version, key_type), vec![42; keys]);
            }
        }
    }

    #[test]
    fn every_version_names_a_coordinator() {
        for version in served_versions(ApiKey::FindCoordinator) {
            let request = FindCoordinatorRequest::default();
            let request = if version < 4 {
                request
            } else {
                request.with_coordinator_keys(vec!["a".into()])
            };
            let response = render(version, request, |_| Ok((BrokerId(2), "h".into(), 9092)));
            let read = over_the_wire(ApiKey::FindCoordinator, version, &response);
            let (id, host) = match read.coordinators.first() {
                Some(found) => (found.node_id.0, found.host.clone()),
                None => (read.node_id.0, read.host),
            };
            assert_eq!((id, &*host), (2, "h"));
        }
    }
}
