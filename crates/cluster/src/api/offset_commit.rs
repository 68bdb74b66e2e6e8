//! OffsetCommit (8), versions 2 to 10.
//!
//! v3 throttle time; v5 without explicit retention (KIP-211); v6 leader epochs (KIP-320); v7 static members (KIP-345); v8
//! flexible; v9 GROUP_ID_NOT_FOUND, and members of KIP-848 groups; v10 topic ids.

use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, RequestKind, ResponseKind, TopicName};
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::topic_id_of_name;
use uuid::Uuid;

use super::grouped::{ask, caller, word};
use super::hosted::{known, named_topic};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Commit, CommitPart, Reply};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: OffsetCommitRequest) -> Answer {
    let version = call.head.version;
    let by_id = version >= 10;
    let exists =
        |topic: &TopicName, part: &OffsetCommitRequestPartition| known(broker, topic, part.partition_index).is_ok();
    let parts = request.topics.iter().flat_map(|topic| {
        let id = topic_id_of_name(&topic.name).filter(|_| by_id);
        let name = named_topic(&broker.image, by_id, &topic.name);
        let parts = topic.partitions.iter();
        parts.filter_map(move |part| {
            let name = name.as_ref().filter(|name| exists(name, part))?;
            Some(read(name, id, part))
        })
    });
    let commit = Commit {
        parts: parts.collect(),
        caller: caller(&request.member_id, request.group_instance_id.as_ref()),
        generation: request.generation_id_or_member_epoch,
        retention_ms: Some(request.retention_time_ms).filter(|ms| *ms >= 0),
        version,
    };
    // Partitions that do not exist are marked, so that the coordinator's verdicts can be matched with the rest.
    let mut request = request;
    for topic in &mut request.topics {
        let name = named_topic(&broker.image, by_id, &topic.name);
        for part in &mut topic.partitions {
            part.committed_metadata = None;
            part.committed_offset = match &name {
                None => UNKNOWN_ID,
                Some(name) if known(broker, name, part.partition_index).is_ok() => 0,
                Some(_) => UNKNOWN,
            };
        }
    }
    if commit.parts.is_empty() && !request.topics.is_empty() {
        return call.ready(render(&request, vec![Reply::Committed(Ok(Vec::new()))]));
    }
    let group = word(&request.group_id);
    ask(
        broker,
        ctx,
        call,
        &group.clone(),
        RequestKind::OffsetCommit(request),
        |error| Reply::Committed(Err(error)),
        |broker, ctx, shard, waiter| {
            broker.with_shard(ctx, shard, |shard, act| shard.commit(act, waiter, &group, &commit));
        },
    )
}

/// Stands in a request that waits for an answer in place of the offset: the partition does not exist.
const UNKNOWN: i64 = -1;
/// The same for a topic id that stands for nothing.
const UNKNOWN_ID: i64 = -2;

fn read(topic: &TopicName, topic_id: Option<Uuid>, part: &OffsetCommitRequestPartition) -> CommitPart {
    CommitPart {
        topic: word(topic),
        topic_id,
        partition: part.partition_index,
        offset: part.committed_offset,
        leader_epoch: part.committed_leader_epoch,
        metadata: part.committed_metadata.as_ref().map(word).unwrap_or_else(|| "".into()),
    }
}

pub(crate) fn render(request: &OffsetCommitRequest, replies: Vec<Reply>) -> ResponseKind {
    let Some(Reply::Committed(outcome)) = replies.into_iter().next() else {
        unreachable!("an OffsetCommit is answered as one")
    };
    let mut verdicts = outcome.as_ref().map(|all| all.iter()).ok();
    let mut verdict = |part: &OffsetCommitRequestPartition| {
        match part.committed_offset {
            UNKNOWN => return ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            UNKNOWN_ID => return ErrorCode::UNKNOWN_TOPIC_ID,
            _ => {}
        }
        let one = verdicts.as_mut().and_then(Iterator::next).copied();
        one.or(outcome.as_ref().err().copied()).unwrap_or_default()
    };
    let topics = request.topics.iter().map(|topic| {
        let parts = topic.partitions.iter().map(|part| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(part.partition_index)
                .with_error_code(verdict(part).0)
        });
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(parts.collect())
    });
    ResponseKind::OffsetCommit(OffsetCommitResponse::default().with_topics(topics.collect()))
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
    use kafka_sim_core::wire::topic_id_as_name;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn codes(version: i16, outcome: Result<Vec<ErrorCode>, ErrorCode>) -> Vec<i16> {
        let part = |index, offset| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
        };
        let parts = vec![part(0, 0), part(1, UNKNOWN), part(2, 0), part(3, UNKNOWN_ID)];
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(topic_id_as_name(Uuid::from_u128(5))))
            .with_partitions(parts);
        let request = OffsetCommitRequest::default().with_topics(vec![topic]);
        let ResponseKind::OffsetCommit(response) = render(&request, vec![Reply::Committed(outcome)]) else {
            panic!("another response")
        };
        let read = over_the_wire(ApiKey::OffsetCommit, version, &response);
        read.topics[0].partitions.iter().map(|part| part.error_code).collect()
    }

    #[test]
    fn every_partition_gets_its_own_verdict_and_unknown_ones_error_3() {
        for version in served_versions(ApiKey::OffsetCommit) {
            let verdicts = vec![ErrorCode::OFFSET_METADATA_TOO_LARGE, ErrorCode::NONE];
            assert_eq!(codes(version, Ok(verdicts)), [12, 3, 0, 100]);
            assert_eq!(codes(version, Err(ErrorCode::ILLEGAL_GENERATION)), [22, 3, 22, 100]);
        }
    }
}
