//! ConsumerGroupHeartbeat (68), versions 0 and 1 (KIP-848).
//!
//! v1 subscriptions by regular expression, and members bring their own id (KIP-1082).

use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, RequestKind, ResponseKind,
};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::forwarded::text;
use super::grouped::{ask, caller, client_host, client_id, serves_consumer_groups, wire, word};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::config::BrokerConfig;
use crate::group::assignors;
use crate::group::words::{Beat, Beaten, LEAVES, LEAVES_FOR_A_WHILE, Parts, Reply};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &mut Ctx<'_>,
    call: Call,
    request: ConsumerGroupHeartbeatRequest,
) -> Answer {
    if let Err((error, message)) = check(&broker.config, call.head.version, &request) {
        return call.ready(render(vec![Reply::Beaten(Beaten::failed(error, message))]));
    }
    let beat = read(broker, &call, &request);
    let group = word(&request.group_id);
    ask(
        broker,
        ctx,
        call,
        &group.clone(),
        RequestKind::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest::default()),
        |error| Reply::Beaten(Beaten::failed(error, None)),
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| shard.beat(act, waiter, &group, &beat));
        },
    )
}

fn read(broker: &Broker, call: &Call, request: &ConsumerGroupHeartbeatRequest) -> Beat {
    let owned = request.topic_partitions.as_ref().map(|topics| {
        let mut owned = Parts::new();
        for topic in topics {
            owned.entry(topic.topic_id).or_default().extend(&topic.partitions);
        }
        owned
    });
    let topics = request.subscribed_topic_names.as_ref();
    Beat {
        caller: caller(&request.member_id, request.instance_id.as_ref()),
        epoch: request.member_epoch,
        client_id: client_id(call),
        client_host: client_host(broker, call),
        rack: request.rack_id.as_ref().map(word),
        rebalance_timeout: request.rebalance_timeout_ms,
        topics: topics.map(|topics| topics.iter().map(|name| word(name)).collect()),
        regex: request.subscribed_topic_regex.as_ref().map(word),
        assignor: request.server_assignor.as_ref().map(word),
        owned,
    }
}

/// What is wrong with a request, whatever the group is like.
fn check(
    config: &BrokerConfig,
    version: i16,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), (ErrorCode, Option<String>)> {
    if !serves_consumer_groups(config) {
        return Err((ErrorCode::UNSUPPORTED_VERSION, None));
    }
    let invalid = |message: &str| Err((ErrorCode::INVALID_REQUEST, Some(message.to_owned())));
    let is_blank = |text: Option<&StrBytes>| text.is_some_and(|text| text.trim().is_empty());
    let epoch = request.member_epoch;
    if (version >= 1 || epoch > 0 || epoch == LEAVES) && is_blank(Some(&request.member_id)) {
        return invalid("MemberId can't be empty.");
    }
    if is_blank(Some(&request.group_id)) {
        return invalid("GroupId can't be empty.");
    }
    if is_blank(request.instance_id.as_ref()) {
        return invalid("InstanceId can't be empty.");
    }
    if is_blank(request.rack_id.as_ref()) {
        return invalid("RackId can't be empty.");
    }
    if epoch == 0 {
        check_join(request).or_else(invalid)?;
    } else if epoch == LEAVES_FOR_A_WHILE && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    } else if epoch < LEAVES_FOR_A_WHILE {
        return invalid("MemberEpoch is invalid.");
    }
    match &request.server_assignor {
        Some(assignor) if !assignors(config).any(|name| name == assignor.as_str()) => {
            let supported: Vec<&str> = assignors(config).collect();
            let message = format!(
                "ServerAssignor {} is not supported. Supported assignors: {}.",
                assignor.as_str(),
                supported.join(", ")
            );
            Err((ErrorCode::UNSUPPORTED_ASSIGNOR, Some(message)))
        }
        _ => Ok(()),
    }
}

fn check_join(request: &ConsumerGroupHeartbeatRequest) -> Result<(), &'static str> {
    if request.rebalance_timeout_ms == -1 {
        return Err("RebalanceTimeoutMs must be provided in first request.");
    }
    if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
        return Err("TopicPartitions must be empty when (re-)joining.");
    }
    if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        return Err("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
    }
    Ok(())
}

pub(crate) fn render(replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Beaten(beaten)) = replies.into_iter().next() else {
        unreachable!("a ConsumerGroupHeartbeat is answered as one")
    };
    let assignment = beaten.assignment.map(|parts| {
        let topics = parts.iter().map(|(topic, indexes)| {
            TopicPartitions::default()
                .with_topic_id(*topic)
                .with_partitions(indexes.iter().copied().collect())
        });
        Assignment::default().with_topic_partitions(topics.collect())
    });
    let response = ConsumerGroupHeartbeatResponse::default()
        .with_error_code(beaten.error.0)
        .with_error_message(beaten.message.as_deref().map(text))
        .with_member_id(beaten.member.as_ref().map(wire))
        .with_member_epoch(beaten.epoch)
        .with_heartbeat_interval_ms(beaten.interval_ms)
        .with_assignment(assignment);
    ResponseKind::ConsumerGroupHeartbeat(response)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use kafka_protocol::messages::{ApiKey, GroupId, TopicName};
    use uuid::Uuid;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn join() -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId("g".into()))
            .with_member_id("m".into())
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![TopicName("orders".into())]))
            .with_topic_partitions(Some(Vec::new()))
    }

    fn verdict(version: i16, request: &ConsumerGroupHeartbeatRequest) -> ErrorCode {
        let config = BrokerConfig::default();
        check(&config, version, request)
            .err()
            .map_or(ErrorCode::NONE, |(error, _)| error)
    }

    #[test]
    fn a_request_to_join_has_to_be_whole() {
        assert_eq!(verdict(1, &join()), ErrorCode::NONE);
        for broken in [
            join().with_group_id(GroupId(" ".into())),
            join().with_member_id("".into()),
            join().with_instance_id(Some("".into())),
            join().with_rack_id(Some(" ".into())),
            join().with_rebalance_timeout_ms(-1),
            join().with_topic_partitions(None),
            join().with_subscribed_topic_names(None),
            join().with_member_epoch(-2),
            join().with_member_epoch(-3),
        ] {
            assert_eq!(verdict(1, &broken), ErrorCode::INVALID_REQUEST, "{broken:?}");
        }
    }

    #[test]
    fn before_version_1_the_coordinator_makes_up_the_member_id() {
        let anonymous = join().with_member_id("".into());
        assert_eq!(verdict(0, &anonymous), ErrorCode::NONE);
        assert_eq!(verdict(0, &anonymous.with_member_epoch(3)), ErrorCode::INVALID_REQUEST);
    }

    #[test]
    fn an_assignor_that_is_off_is_refused() {
        let asks = |name: &'static str| join().with_server_assignor(Some(name.into()));
        assert_eq!(verdict(1, &asks("range")), ErrorCode::NONE);
        assert_eq!(verdict(1, &asks("sticky")), ErrorCode::UNSUPPORTED_ASSIGNOR);
    }

    #[test]
    fn a_broker_without_the_protocol_refuses_it() {
        let mut config = BrokerConfig::default();
        config.set("group.coordinator.rebalance.protocols", "classic").unwrap();
        let refused = check(&config, 1, &join()).unwrap_err();
        assert_eq!(refused.0, ErrorCode::UNSUPPORTED_VERSION);
    }

    #[test]
    fn every_version_reads_an_assignment_and_a_failure() {
        let topic = Uuid::from_u128(7);
        let beaten = Beaten {
            member: Some("m".into()),
            epoch: 3,
            interval_ms: 5_000,
            assignment: Some(Arc::new([(topic, BTreeSet::from([0, 2]))].into())),
            ..Beaten::failed(ErrorCode::NONE, None)
        };
        for version in served_versions(ApiKey::ConsumerGroupHeartbeat) {
            let read = |beaten| {
                let ResponseKind::ConsumerGroupHeartbeat(response) = render(vec![Reply::Beaten(beaten)]) else {
                    panic!("another response")
                };
                over_the_wire(ApiKey::ConsumerGroupHeartbeat, version, &response)
            };
            let well = read(beaten.clone());
            assert_eq!((well.member_epoch, well.heartbeat_interval_ms), (3, 5_000));
            let assignment = well.assignment.unwrap();
            assert_eq!(assignment.topic_partitions[0].partitions, [0, 2]);
            let ill = read(Beaten::failed(ErrorCode::FENCED_MEMBER_EPOCH, Some("x".to_owned())));
            assert_eq!((ill.error_code, ill.assignment), (110, None));
        }
    }
}
