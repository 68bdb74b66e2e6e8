//! LeaveGroup (13), versions 0 to 5.
//!
//! v1 throttle time; v3 several members, also by instance id (KIP-345); v4 flexible; v5 reason (KIP-800).

use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse, RequestKind, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::grouped::{ask, caller, word};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Caller, Reply};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: LeaveGroupRequest) -> Answer {
    let version = call.head.version;
    if request.group_id.is_empty() {
        let refused = vec![Reply::Left(Err(ErrorCode::INVALID_GROUP_ID))];
        return call.ready(render(version, &request, refused));
    }
    let leavers: Vec<Caller> = if version < 3 {
        vec![caller(&request.member_id, None)]
    } else {
        let members = request.members.iter();
        members
            .map(|member| caller(&member.member_id, member.group_instance_id.as_ref()))
            .collect()
    };
    let group = word(&request.group_id);
    ask(
        broker,
        ctx,
        call,
        &group.clone(),
        RequestKind::LeaveGroup(request),
        |error| Reply::Left(Err(error)),
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| shard.leave(act, waiter, &group, &leavers));
        },
    )
}

pub(crate) fn render(version: i16, request: &LeaveGroupRequest, replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Left(outcome)) = replies.into_iter().next() else {
        unreachable!("a LeaveGroup is answered as one")
    };
    ResponseKind::LeaveGroup(response(version, request, outcome))
}

fn response(
    version: i16,
    request: &LeaveGroupRequest,
    outcome: Result<Vec<ErrorCode>, ErrorCode>,
) -> LeaveGroupResponse {
    let response = LeaveGroupResponse::default();
    match outcome {
        Err(error) => response.with_error_code(error.0),
        Ok(errors) if version < 3 => response.with_error_code(errors.first().copied().unwrap_or_default().0),
        Ok(errors) => {
            let members = request.members.iter().zip(errors).map(|(member, error)| {
                MemberResponse::default()
                    .with_member_id(member.member_id.clone())
                    .with_group_instance_id(member.group_instance_id.clone())
                    .with_error_code(error.0)
            });
            response.with_members(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::leave_group_request::MemberIdentity;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    #[test]
    fn every_version_reads_the_outcome_of_a_member() {
        let request = LeaveGroupRequest::default().with_members(vec![MemberIdentity::default()]);
        for version in served_versions(ApiKey::LeaveGroup) {
            let left = response(version, &request, Ok(vec![ErrorCode::UNKNOWN_MEMBER_ID]));
            let read = over_the_wire(ApiKey::LeaveGroup, version, &left);
            let code = read.members.first().map_or(read.error_code, |member| member.error_code);
            assert_eq!(code, 25);
            let refused = response(version, &request, Err(ErrorCode::NOT_COORDINATOR));
            assert_eq!(over_the_wire(ApiKey::LeaveGroup, version, &refused).error_code, 16);
        }
    }
}
