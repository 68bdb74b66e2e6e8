//! ConsumerGroupDescribe (69), versions 0 and 1 (KIP-848).
//!
//! v1 whether a member uses the classic or the consumer protocol (KIP-1099).
//!
//! Divergence: members and assignments are shown as they are, not as they were at the high watermark.

use kafka_protocol::messages::consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId, ResponseKind, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::forwarded::text;
use super::grouped::{GROUP_OPERATIONS, serves_consumer_groups, wire};
use super::{Answer, Call};
use crate::broker::Broker;
use crate::group::words::Parts;
use crate::group::{ConsumerGroup, ConsumerMember, assignors};
use crate::peer::MetadataImage;

/// What `member_type` says of a member of the classic protocol, and of one of the consumer protocol.
const MEMBER_TYPES: [i8; 2] = [0, 1];

pub(crate) fn handle(broker: &mut Broker, call: Call, request: ConsumerGroupDescribeRequest) -> Answer {
    let operations = request.include_authorized_operations.then_some(GROUP_OPERATIONS);
    let groups = request.group_ids.iter().map(|id| {
        let group = find(broker, id);
        render(broker, call.head.version, id, group, operations)
    });
    let response = ConsumerGroupDescribeResponse::default().with_groups(groups.collect());
    call.ready(ResponseKind::ConsumerGroupDescribe(response))
}

fn find<'b>(broker: &'b Broker, id: &str) -> Result<&'b ConsumerGroup, (ErrorCode, Option<String>)> {
    if !serves_consumer_groups(&broker.config) {
        return Err((ErrorCode::UNSUPPORTED_VERSION, None));
    }
    if id.is_empty() {
        return Err((ErrorCode::INVALID_GROUP_ID, None));
    }
    let index = broker.group_shard(id).map_err(|error| (error, None))?;
    let shard = broker.loaded_shard(index).ok_or((ErrorCode::NOT_COORDINATOR, None))?;
    shard
        .consumer_group(id)
        .map_err(|message| (ErrorCode::GROUP_ID_NOT_FOUND, Some(message)))
}

fn render(
    broker: &Broker,
    version: i16,
    id: &GroupId,
    group: Result<&ConsumerGroup, (ErrorCode, Option<String>)>,
    operations: Option<i32>,
) -> DescribedGroup {
    let response = DescribedGroup::default().with_group_id(id.clone());
    let group = match group {
        Ok(group) => group,
        Err((error, message)) => {
            return response
                .with_error_code(error.0)
                .with_error_message(message.as_deref().map(text));
        }
    };
    let default = || text(assignors(&broker.config).next().unwrap_or_default());
    let members = group.members.values().map(|member| {
        let target = group.targets.get(&member.id);
        describe(&broker.image, version, member, target.map(|parts| &**parts))
    });
    let mut response = response
        .with_group_state(StrBytes::from_static_str(group.state()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.target_epoch)
        .with_assignor_name(group.preferred_assignor().map_or_else(default, wire))
        .with_members(members.collect());
    if let Some(operations) = operations {
        response.authorized_operations = operations;
    }
    response
}

fn describe(image: &MetadataImage, version: i16, member: &ConsumerMember, target: Option<&Parts>) -> Member {
    let said = &member.metadata;
    let topics = said.topics.iter().map(|name| TopicName(wire(name)));
    let described = Member::default()
        .with_member_id(wire(&member.id))
        .with_instance_id(said.instance.as_ref().map(wire))
        .with_rack_id(said.rack.as_ref().map(wire))
        .with_member_epoch(member.epoch)
        .with_client_id(wire(&said.client_id))
        .with_client_host(wire(&said.client_host))
        .with_subscribed_topic_names(topics.collect())
        .with_subscribed_topic_regex(said.regex.as_ref().map(wire))
        .with_assignment(assignment(image, &member.assigned))
        .with_target_assignment(target.map(|parts| assignment(image, parts)).unwrap_or_default());
    if version >= 1 {
        described.with_member_type(MEMBER_TYPES[usize::from(!member.is_classic())])
    } else {
        described
    }
}

/// Topics that are gone are left out.
fn assignment(image: &MetadataImage, parts: &Parts) -> Assignment {
    let topics = parts.iter().filter_map(|(id, indexes)| {
        let topic = image.topics.get(id)?;
        let partitions = TopicPartitions::default()
            .with_topic_id(*id)
            .with_topic_name(TopicName(wire(&topic.name)))
            .with_partitions(indexes.iter().copied().collect());
        Some(partitions)
    });
    Assignment::default().with_topic_partitions(topics.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use kafka_protocol::messages::ApiKey;
    use uuid::Uuid;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;
    use crate::peer::{MetadataRecord, TopicState};

    #[test]
    fn every_version_reads_a_member_and_leaves_out_deleted_topics() {
        let (orders, deleted) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut image = MetadataImage::default();
        image.apply(&MetadataRecord::Topic(TopicState {
            id: orders,
            name: "orders".into(),
            partitions: Vec::new(),
        }));
        let mut member = ConsumerMember::new("m".into());
        member.epoch = 4;
        member.assigned = Arc::new([orders, deleted].map(|id| (id, BTreeSet::from([0]))).into());
        for version in served_versions(ApiKey::ConsumerGroupDescribe) {
            let group = DescribedGroup::default().with_members(vec![describe(&image, version, &member, None)]);
            let response = ConsumerGroupDescribeResponse::default().with_groups(vec![group]);
            let read = over_the_wire(ApiKey::ConsumerGroupDescribe, version, &response);
            let member = &read.groups[0].members[0];
            assert_eq!(member.member_epoch, 4);
            let topics = &member.assignment.topic_partitions;
            assert_eq!((topics.len(), &*topics[0].topic_name.0), (1, "orders"));
            assert_eq!(member.member_type, if version >= 1 { 1 } else { -1 });
        }
    }
}
