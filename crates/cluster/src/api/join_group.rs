//! JoinGroup (11), versions 0 to 9.
//!
//! v1 rebalance timeout; v2 throttle time; v4 MEMBER_ID_REQUIRED (KIP-394); v5 static members (KIP-345); v6 flexible; v7
//! protocol type and nullable protocol name; v8 reason (KIP-800); v9 skip_assignment (KIP-814).

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse, RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::grouped::{ask, caller, client_host, client_id, wire, word};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Join, Joined, Reply};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: JoinGroupRequest) -> Answer {
    let version = call.head.version;
    let join = read(broker, &call, &request);
    if let Err(error) = check(broker, &request) {
        let failed = Joined::failed(error, join.caller.member);
        return call.ready(render(version, vec![Reply::Joined(failed)]));
    }
    let (group, member) = (word(&request.group_id), join.caller.member.clone());
    let failed = |error| Reply::Joined(Joined::failed(error, member));
    let rendered_from = RequestKind::JoinGroup(JoinGroupRequest::default());
    ask(
        broker,
        ctx,
        call,
        &request.group_id,
        rendered_from,
        failed,
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| shard.join(act, waiter, &group, join));
        },
    )
}

fn check(broker: &Broker, request: &JoinGroupRequest) -> Result<(), ErrorCode> {
    let config = &broker.config;
    let allowed = config.group_min_session_timeout_ms..=config.group_max_session_timeout_ms;
    if request.group_id.is_empty() {
        Err(ErrorCode::INVALID_GROUP_ID)
    } else if !allowed.contains(&request.session_timeout_ms) {
        Err(ErrorCode::INVALID_SESSION_TIMEOUT)
    } else {
        Ok(())
    }
}

fn read(broker: &Broker, call: &Call, request: &JoinGroupRequest) -> Join {
    let version = call.head.version;
    let protocols = request.protocols.iter();
    Join {
        caller: caller(&request.member_id, request.group_instance_id.as_ref()),
        client_id: client_id(call),
        client_host: client_host(broker, call),
        session_timeout: request.session_timeout_ms,
        rebalance_timeout: if version == 0 {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        },
        protocol_type: word(&request.protocol_type),
        protocols: protocols.map(|p| (word(&p.name), p.metadata.clone())).collect(),
        needs_known_id: version >= 4,
        may_skip_assignment: version >= 9,
    }
}

pub(crate) fn render(version: i16, replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Joined(joined)) = replies.into_iter().next() else {
        unreachable!("a JoinGroup is answered as one")
    };
    let members = joined.members.into_iter().map(|(id, instance, metadata)| {
        JoinGroupResponseMember::default()
            .with_member_id(wire(&id))
            .with_group_instance_id(instance.as_ref().filter(|_| version >= 5).map(wire))
            .with_metadata(metadata)
    });
    let none = || (version < 7).then(|| StrBytes::from_static_str(""));
    let response = JoinGroupResponse::default()
        .with_error_code(joined.error.0)
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.as_ref().filter(|_| version >= 7).map(wire))
        .with_protocol_name(joined.protocol.as_ref().map(wire).or_else(none))
        .with_leader(wire(&joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(wire(&joined.member))
        .with_members(members.collect());
    ResponseKind::JoinGroup(response)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn seen(version: i16, joined: Joined) -> JoinGroupResponse {
        let ResponseKind::JoinGroup(response) = render(version, vec![Reply::Joined(joined)]) else {
            panic!("another response")
        };
        over_the_wire(ApiKey::JoinGroup, version, &response)
    }

    #[test]
    fn every_version_reads_a_generation_and_a_failure() {
        for version in served_versions(ApiKey::JoinGroup) {
            let failed = seen(version, Joined::failed(ErrorCode::UNKNOWN_MEMBER_ID, "m".into()));
            assert_eq!((failed.error_code, failed.generation_id), (25, -1));
            assert_eq!(failed.protocol_name.is_none(), version >= 7);
            let read = seen(
                version,
                Joined {
                    error: ErrorCode::NONE,
                    generation: 3,
                    protocol_type: Some("consumer".into()),
                    protocol: Some("range".into()),
                    leader: "m".into(),
                    member: "m".into(),
                    skip_assignment: version >= 9,
                    members: vec![("m".into(), Some("i".into()), Bytes::from_static(b"sub"))],
                },
            );
            assert_eq!(read.protocol_name.as_deref(), Some("range"));
            assert_eq!(read.members[0].metadata, &b"sub"[..]);
            assert_eq!(read.members[0].group_instance_id.is_some(), version >= 5);
        }
    }
}
