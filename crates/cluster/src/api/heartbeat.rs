//! Heartbeat (12), versions 0 to 4.
//!
//! v1 throttle time; v3 static members (KIP-345); v4 flexible.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse, RequestKind, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::grouped::{ask, caller};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::Reply;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: HeartbeatRequest) -> Answer {
    if request.group_id.is_empty() {
        return call.ready(render(vec![Reply::Alive(ErrorCode::INVALID_GROUP_ID)]));
    }
    let caller = caller(&request.member_id, request.group_instance_id.as_ref());
    let failed = |error| match error {
        // Nobody knows yet whether there is such a member: it is given the benefit of the doubt.
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS => Reply::Alive(ErrorCode::NONE),
        error => Reply::Alive(error),
    };
    ask(
        broker,
        ctx,
        call,
        &request.group_id,
        RequestKind::Heartbeat(HeartbeatRequest::default()),
        failed,
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| {
                shard.heartbeat(act, waiter, &request.group_id, &caller, request.generation_id);
            });
        },
    )
}

pub(crate) fn render(replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Alive(error)) = replies.into_iter().next() else {
        unreachable!("a Heartbeat is answered as one")
    };
    ResponseKind::Heartbeat(HeartbeatResponse::default().with_error_code(error.0))
}
