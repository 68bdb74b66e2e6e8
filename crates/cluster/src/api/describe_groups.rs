//! DescribeGroups (15), versions 0 to 6.
//!
//! v1 throttle time; v3 authorized operations (KIP-430); v4 instance ids (KIP-345); v5 flexible; v6 GROUP_ID_NOT_FOUND
//! with a message (KIP-1043).

use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::forwarded::text;
use super::grouped::{GROUP_OPERATIONS, wire};
use super::{Answer, Call};
use crate::broker::Broker;
use crate::group::words::{Described, DescribedMember};

pub(crate) fn handle(broker: &mut Broker, call: Call, request: DescribeGroupsRequest) -> Answer {
    let version = call.head.version;
    let operations = request.include_authorized_operations.then_some(GROUP_OPERATIONS);
    let groups = request.groups.iter().map(|id| {
        let described = broker.group_shard(id).and_then(|index| {
            let shard = broker.loaded_shard(index).ok_or(ErrorCode::NOT_COORDINATOR)?;
            Ok(shard.describe(id))
        });
        render(version, id, described, operations)
    });
    let response = DescribeGroupsResponse::default().with_groups(groups.collect());
    call.ready(ResponseKind::DescribeGroups(response))
}

fn render(
    version: i16,
    id: &GroupId,
    described: Result<Result<Described, String>, ErrorCode>,
    operations: Option<i32>,
) -> DescribedGroup {
    let response = DescribedGroup::default().with_group_id(id.clone());
    match described {
        Err(error) => response.with_error_code(error.0),
        Ok(Err(message)) => {
            let dead = response.with_group_state(StrBytes::from_static_str("Dead"));
            if version < 6 {
                return dead;
            }
            dead.with_error_code(ErrorCode::GROUP_ID_NOT_FOUND.0)
                .with_error_message(Some(text(&message)))
        }
        Ok(Ok(group)) => {
            let mut response = response
                .with_group_state(StrBytes::from_static_str(group.state))
                .with_protocol_type(wire(&group.protocol_type))
                .with_protocol_data(wire(&group.protocol))
                .with_members(group.members.iter().map(|m| member(version, m)).collect());
            if let Some(operations) = operations {
                response.authorized_operations = operations;
            }
            response
        }
    }
}

fn member(version: i16, member: &DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(wire(&member.id))
        .with_group_instance_id(member.instance.as_ref().filter(|_| version >= 4).map(wire))
        .with_client_id(wire(&member.client_id))
        .with_client_host(wire(&member.client_host))
        .with_member_metadata(member.metadata.clone())
        .with_member_assignment(member.assignment.clone())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn read(version: i16, described: Result<Result<Described, String>, ErrorCode>) -> DescribedGroup {
        let group = render(version, &GroupId("g".into()), described, None);
        let response = DescribeGroupsResponse::default().with_groups(vec![group]);
        over_the_wire(ApiKey::DescribeGroups, version, &response)
            .groups
            .remove(0)
    }

    #[test]
    fn an_unknown_group_is_dead_and_from_version_6_not_found() {
        for version in served_versions(ApiKey::DescribeGroups) {
            let group = read(version, Ok(Err("x".to_owned())));
            assert_eq!(&*group.group_state, "Dead");
            assert_eq!(group.error_code, if version >= 6 { 69 } else { 0 });
        }
    }

    #[test]
    fn every_version_reads_a_member() {
        for version in served_versions(ApiKey::DescribeGroups) {
            let member = DescribedMember {
                id: "m".into(),
                instance: Some("i".into()),
                client_id: "c".into(),
                client_host: "/h".into(),
                metadata: Bytes::from_static(b"sub"),
                assignment: Bytes::from_static(b"asg"),
            };
            let described = Described {
                state: "Stable",
                protocol_type: "consumer".into(),
                protocol: "range".into(),
                members: vec![member],
            };
            let group = read(version, Ok(Ok(described)));
            assert_eq!(group.members[0].member_assignment, &b"asg"[..]);
            assert_eq!(read(version, Err(ErrorCode::NOT_COORDINATOR)).error_code, 16);
        }
    }
}
