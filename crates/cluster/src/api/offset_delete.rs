//! OffsetDelete (47), version 0 (KIP-496).

use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, RequestKind, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::grouped::{ask, word};
use super::hosted::known;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Reply, Text};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, mut request: OffsetDeleteRequest) -> Answer {
    let mut parts: Vec<(Text, i32)> = Vec::new();
    for topic in &mut request.topics {
        let name = word(&topic.name);
        for part in &mut topic.partitions {
            if known(broker, &name, part.partition_index).is_ok() {
                parts.push((name.clone(), part.partition_index));
            } else {
                // So that the coordinator's verdicts can be matched with the rest.
                part.partition_index = !part.partition_index.max(0);
            }
        }
    }
    let group = word(&request.group_id);
    ask(
        broker,
        ctx,
        call,
        &group.clone(),
        RequestKind::OffsetDelete(request),
        |error| Reply::OffsetsDeleted(Err(error)),
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| {
                shard.delete_offsets(act, waiter, &group, &parts)
            });
        },
    )
}

pub(crate) fn render(request: &OffsetDeleteRequest, replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::OffsetsDeleted(outcome)) = replies.into_iter().next() else {
        unreachable!("an OffsetDelete is answered as one")
    };
    let response = OffsetDeleteResponse::default();
    let verdicts = match outcome {
        Ok(verdicts) => verdicts,
        Err(error) => return ResponseKind::OffsetDelete(response.with_error_code(error.0)),
    };
    let mut verdicts = verdicts.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let parts = topic.partitions.iter().map(|part| {
            let index = part.partition_index;
            let (index, error) = if index < 0 {
                (!index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
            } else {
                (index, verdicts.next().unwrap_or_default())
            };
            OffsetDeleteResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(error.0)
        });
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(parts.collect())
    });
    ResponseKind::OffsetDelete(response.with_topics(topics.collect()))
}
