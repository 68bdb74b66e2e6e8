//! SyncGroup (14), versions 0 to 5.
//!
//! v1 throttle time; v3 static members (KIP-345); v4 flexible; v5 protocol type and name (KIP-559).

use kafka_protocol::messages::{RequestKind, ResponseKind, SyncGroupRequest, SyncGroupResponse};
use kafka_sim_core::ErrorCode;

use super::grouped::{ask, caller, wire, word};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Reply, Sync, Synced};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: SyncGroupRequest) -> Answer {
    let failed = |error| Reply::Synced(Synced::failed(error));
    let lacks_protocol = request.protocol_type.is_none() || request.protocol_name.is_none();
    if request.group_id.is_empty() {
        return call.ready(render(vec![failed(ErrorCode::INVALID_GROUP_ID)]));
    }
    if call.head.version >= 5 && lacks_protocol {
        return call.ready(render(vec![failed(ErrorCode::INCONSISTENT_GROUP_PROTOCOL)]));
    }
    let sync = Sync {
        caller: caller(&request.member_id, request.group_instance_id.as_ref()),
        generation: request.generation_id,
        protocol_type: request.protocol_type.as_ref().map(word),
        protocol: request.protocol_name.as_ref().map(word),
        assignments: request
            .assignments
            .into_iter()
            .map(|given| (word(&given.member_id), given.assignment))
            .collect(),
    };
    let group = word(&request.group_id);
    let rendered_from = RequestKind::SyncGroup(SyncGroupRequest::default());
    ask(
        broker,
        ctx,
        call,
        &group.clone(),
        rendered_from,
        failed,
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| shard.sync(act, waiter, &group, sync));
        },
    )
}

pub(crate) fn render(replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Synced(synced)) = replies.into_iter().next() else {
        unreachable!("a SyncGroup is answered as one")
    };
    let response = SyncGroupResponse::default()
        .with_error_code(synced.error.0)
        .with_protocol_type(synced.protocol_type.as_ref().map(wire))
        .with_protocol_name(synced.protocol.as_ref().map(wire))
        .with_assignment(synced.assignment);
    ResponseKind::SyncGroup(response)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    #[test]
    fn every_version_reads_an_assignment() {
        let synced = Synced {
            error: ErrorCode::NONE,
            protocol_type: Some("consumer".into()),
            protocol: Some("range".into()),
            assignment: Bytes::from_static(b"mine"),
        };
        for version in served_versions(ApiKey::SyncGroup) {
            let ResponseKind::SyncGroup(response) = render(vec![Reply::Synced(synced.clone())]) else {
                panic!("another response")
            };
            let read = over_the_wire(ApiKey::SyncGroup, version, &response);
            assert_eq!(read.assignment, &b"mine"[..]);
            assert_eq!(read.protocol_name.is_some(), version >= 5);
        }
    }
}
