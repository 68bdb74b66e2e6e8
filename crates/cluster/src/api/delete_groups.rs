//! DeleteGroups (42), versions 0 to 2 (KIP-229).
//!
//! v1 throttle time; v2 flexible.

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, RequestKind, ResponseKind};

use super::grouped::word;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Reply, Text, Waiter};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: DeleteGroupsRequest) -> Answer {
    if request.groups_names.is_empty() {
        return call.ready(render(&request, Vec::new()));
    }
    let groups: Vec<Text> = request.groups_names.iter().map(|id| word(id)).collect();
    let ticket = broker.group_ticket(call.conn, call.head, RequestKind::DeleteGroups(request), groups.len());
    for (slot, group) in groups.into_iter().enumerate() {
        let waiter = Waiter { ticket, slot };
        match broker.group_shard(&group) {
            Err(error) => broker.group_reply(ctx, waiter, Reply::Deleted(error)),
            Ok(shard) => {
                broker.with_shard(ctx, shard, |shard, act| shard.delete_group(act, waiter, &group));
            }
        }
    }
    Answer::Later
}

pub(crate) fn render(request: &DeleteGroupsRequest, replies: Vec<Reply>) -> ResponseKind {
    let results = request.groups_names.iter().zip(replies).map(|(group, reply)| {
        let Reply::Deleted(error) = reply else {
            unreachable!("{reply:?} does not answer a DeleteGroups")
        };
        DeletableGroupResult::default()
            .with_group_id(group.clone())
            .with_error_code(error.0)
    });
    ResponseKind::DeleteGroups(DeleteGroupsResponse::default().with_results(results.collect()))
}
