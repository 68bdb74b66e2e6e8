//! The Kafka APIs this broker serves: one file per API key.
//!
//! A file opens with the versions it serves, what each of them added and what is left out. The table in [`versions`] is
//! the only place that says what is served; ApiVersions is made from it.

pub(crate) mod alter_configs;
pub(crate) mod api_versions;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
#[cfg(test)]
mod decoders;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_topic_partitions;
pub(crate) mod elect_leaders;
mod endpoints;
pub(crate) mod fetch;
mod fetch_decode;
mod fetch_encode;
pub(crate) mod find_coordinator;
mod forwarded;
mod grouped;
pub(crate) mod heartbeat;
mod hosted;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
mod produce_decode;
mod produce_encode;
pub(crate) mod sync_group;
pub(crate) mod versions;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ConnId;
use kafka_sim_core::wire::{self, RequestHead, WireError};

use crate::broker::{AdminCall, Broker, CloseReason, Ctx};
use crate::event::Event;
use crate::group::words::Reply;
use crate::peer::AdminResponse;

/// What a handler did with a request.
pub(crate) enum Answer {
    /// The response.
    Ready(RequestHead, Box<ResponseKind>),
    /// The response, encoded already.
    Encoded(RequestHead, Bytes),
    /// The response follows: the request is parked or was forwarded to the controller.
    Later,
    /// There is no response (acks=0).
    Nothing,
    /// Only closing the connection can answer this.
    Close(CloseReason),
}

/// A decoded request on its way to its handler.
pub(crate) struct Call {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
}

impl Call {
    pub(crate) fn ready(self, response: ResponseKind) -> Answer {
        Answer::Ready(self.head, Box::new(response))
    }
}

/// Takes the header off a frame, or says at once how a request with such a header is answered. `client_id`: what the
/// connection's request before this one named.
pub(crate) fn take_head(frame: &mut Bytes, client_id: &mut Option<StrBytes>) -> Result<RequestHead, Answer> {
    let raw = wire::peek_head(frame).map_err(|_| Answer::Close(CloseReason::BadHeader))?;
    let Some(served) = versions::served(raw.api_key) else {
        return Err(Answer::Close(CloseReason::BadHeader));
    };
    if !served.contains(raw.version) {
        return Err(if served.key == ApiKey::ApiVersions {
            api_versions::downgrade(raw.correlation_id)
        } else {
            Answer::Close(CloseReason::UnsupportedVersion)
        });
    }
    wire::decode_request_head_after(frame, client_id).map_err(|error| match error {
        // Advertised for the sake of old clients, yet not even decodable: Produce before version 3.
        WireError::UnsupportedVersion { .. } => Answer::Close(CloseReason::UnsupportedVersion),
        _ => Answer::Close(CloseReason::BadHeader),
    })
}

/// Decodes what follows the header of a request and hands it to its API.
pub(crate) fn serve(broker: &mut Broker, ctx: &mut Ctx<'_>, conn: ConnId, head: RequestHead, frame: Bytes) -> Answer {
    let api_key = head.api_key as i16;
    if ctx.gate.drops_request(broker.id(), api_key, head.client_id.as_deref()) {
        ctx.event(Event::RequestDropped {
            broker: broker.id(),
            conn,
            api_key,
        });
        return Answer::Close(CloseReason::Fault);
    }
    match head.api_key {
        ApiKey::Fetch => return fetch::handle(broker, ctx, Call { conn, head }, &frame),
        ApiKey::Produce => return produce::handle(broker, ctx, Call { conn, head }, &frame),
        _ => {}
    }
    match wire::decode_request_body(head.api_key, head.version, frame) {
        Ok(request) => dispatch(broker, ctx, Call { conn, head }, request),
        Err(WireError::UnsupportedVersion { .. }) => Answer::Close(CloseReason::UnsupportedVersion),
        Err(_) => Answer::Close(CloseReason::BadBody),
    }
}

fn dispatch(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: RequestKind) -> Answer {
    match request {
        RequestKind::ListOffsets(request) => list_offsets::handle(broker, ctx, call, request),
        RequestKind::Metadata(request) => metadata::handle(broker, ctx, call, request),
        RequestKind::FindCoordinator(request) => find_coordinator::handle(broker, ctx, call, request),
        RequestKind::ApiVersions(request) => api_versions::handle(broker, ctx, call, request),
        RequestKind::CreateTopics(request) => create_topics::handle(broker, ctx, call, request),
        RequestKind::DeleteTopics(request) => delete_topics::handle(broker, ctx, call, request),
        RequestKind::DeleteRecords(request) => delete_records::handle(broker, ctx, call, request),
        RequestKind::InitProducerId(request) => init_producer_id::handle(broker, ctx, call, request),
        RequestKind::OffsetForLeaderEpoch(request) => offset_for_leader_epoch::handle(broker, ctx, call, request),
        RequestKind::DescribeConfigs(request) => describe_configs::handle(broker, ctx, call, request),
        RequestKind::AlterConfigs(request) => alter_configs::handle(broker, ctx, call, request),
        RequestKind::IncrementalAlterConfigs(request) => incremental_alter_configs::handle(broker, ctx, call, request),
        RequestKind::CreatePartitions(request) => create_partitions::handle(broker, ctx, call, request),
        RequestKind::ElectLeaders(request) => elect_leaders::handle(broker, ctx, call, request),
        RequestKind::DescribeCluster(request) => describe_cluster::handle(broker, ctx, call, request),
        RequestKind::DescribeTopicPartitions(request) => describe_topic_partitions::handle(broker, ctx, call, request),
        RequestKind::JoinGroup(request) => join_group::handle(broker, ctx, call, request),
        RequestKind::SyncGroup(request) => sync_group::handle(broker, ctx, call, request),
        RequestKind::Heartbeat(request) => heartbeat::handle(broker, ctx, call, request),
        RequestKind::LeaveGroup(request) => leave_group::handle(broker, ctx, call, request),
        RequestKind::OffsetCommit(request) => offset_commit::handle(broker, ctx, call, request),
        RequestKind::OffsetFetch(request) => offset_fetch::handle(broker, ctx, call, request),
        RequestKind::OffsetDelete(request) => offset_delete::handle(broker, ctx, call, request),
        RequestKind::ListGroups(request) => list_groups::handle(broker, call, request),
        RequestKind::DescribeGroups(request) => describe_groups::handle(broker, call, request),
        RequestKind::DeleteGroups(request) => delete_groups::handle(broker, ctx, call, request),
        RequestKind::ConsumerGroupHeartbeat(request) => consumer_group_heartbeat::handle(broker, ctx, call, request),
        RequestKind::ConsumerGroupDescribe(request) => consumer_group_describe::handle(broker, call, request),
        // The table lets nothing else through.
        _ => Answer::Close(CloseReason::UnsupportedVersion),
    }
}

/// Renders the controller's decision on a forwarded request; `None` when it did not answer in time
/// (REQUEST_TIMED_OUT, though the change may still happen).
pub(crate) fn render_admin(broker: &Broker, call: &AdminCall, response: Option<AdminResponse>) -> ResponseKind {
    let version = call.head.version;
    match &call.request {
        RequestKind::CreateTopics(request) => create_topics::render(broker, version, request, response),
        RequestKind::DeleteTopics(request) => delete_topics::render(broker, version, request, response),
        RequestKind::CreatePartitions(request) => create_partitions::render(broker, version, request, response),
        RequestKind::AlterConfigs(request) => alter_configs::render(broker, version, request, response),
        RequestKind::IncrementalAlterConfigs(request) => {
            incremental_alter_configs::render(broker, version, request, response)
        }
        RequestKind::ElectLeaders(request) => elect_leaders::render(broker, version, request, response),
        other => unreachable!("{other:?} is never forwarded"),
    }
}

/// Renders what the group coordinator answered, one reply for each slot of the request.
pub(crate) fn render_group(broker: &Broker, version: i16, request: &RequestKind, replies: Vec<Reply>) -> ResponseKind {
    match request {
        RequestKind::JoinGroup(_) => join_group::render(version, replies),
        RequestKind::SyncGroup(_) => sync_group::render(replies),
        RequestKind::Heartbeat(_) => heartbeat::render(replies),
        RequestKind::LeaveGroup(request) => leave_group::render(version, request, replies),
        RequestKind::ConsumerGroupHeartbeat(_) => consumer_group_heartbeat::render(replies),
        RequestKind::OffsetCommit(request) => offset_commit::render(request, replies),
        RequestKind::OffsetFetch(request) => offset_fetch::render(&broker.image, version, request, replies),
        RequestKind::OffsetDelete(request) => offset_delete::render(request, replies),
        RequestKind::DeleteGroups(request) => delete_groups::render(request, replies),
        other => unreachable!("{other:?} never waits for the group coordinator"),
    }
}
