//! Heartbeat (12), versions 0 to 4.
//!
//! v1 throttle time; v3 static members (KIP-345); v4 flexible.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::grouped::caller;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: HeartbeatRequest) -> Answer {
    let error = beat(broker, ctx, &request);
    call.ready(ResponseKind::Heartbeat(
        HeartbeatResponse::default().with_error_code(error.0),
    ))
}

fn beat(broker: &mut Broker, ctx: &mut Ctx<'_>, request: &HeartbeatRequest) -> ErrorCode {
    if request.group_id.is_empty() {
        return ErrorCode::INVALID_GROUP_ID;
    }
    let caller = caller(&request.member_id, request.group_instance_id.as_ref());
    match broker.group_shard(&request.group_id) {
        Ok(shard) => broker
            .with_shard(ctx, shard, |shard, act| {
                shard.heartbeat(act, &request.group_id, &caller, request.generation_id)
            })
            .unwrap_or(ErrorCode::NOT_COORDINATOR),
        // Nobody knows yet whether there is such a member: it is given the benefit of the doubt.
        Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => ErrorCode::NONE,
        Err(error) => error,
    }
}
