//! OffsetFetch (9), versions 1 to 10.
//!
//! v2 all topics, top-level error; v3 throttle time; v5 leader epochs (KIP-320); v6 flexible; v7 require_stable
//! (KIP-447); v8 several groups (KIP-709); v9 members of KIP-848 groups; v10 topic ids.

use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, RequestKind, ResponseKind, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::topic_id_as_name;

use super::grouped::{wire, word};
use super::hosted::named_topic;
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::group::words::{Committed, Found, FoundPart, Reply, Text, Waiter, Wanted};
use crate::peer::MetadataImage;

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: OffsetFetchRequest) -> Answer {
    let version = call.head.version;
    let asked = asked(&broker.image, version, &request);
    let stable = request.require_stable;
    if asked.is_empty() {
        return call.ready(render(&broker.image, version, &request, Vec::new()));
    }
    let ticket = broker.group_ticket(call.conn, call.head, RequestKind::OffsetFetch(request), asked.len());
    for (slot, Asked { group, claim, wanted }) in asked.into_iter().enumerate() {
        let waiter = Waiter { ticket, slot };
        match allowed(broker, &group, claim.as_ref()) {
            Err(error) => broker.group_reply(ctx, waiter, Reply::Fetched(Err(error))),
            Ok(shard) if stable => {
                broker.with_shard(ctx, shard, |shard, act| shard.fetch_stable(act, waiter, &group, wanted));
            }
            Ok(shard) => {
                let found = broker.loaded_shard(shard).map(|shard| shard.fetch(&group, &wanted));
                broker.group_reply(ctx, waiter, Reply::Fetched(found.ok_or(ErrorCode::NOT_COORDINATOR)));
            }
        }
    }
    Answer::Later
}

/// What is asked of one group.
struct Asked {
    group: Text,
    /// Member id and epoch of the caller, from v9 on.
    claim: Option<(Option<Text>, i32)>,
    wanted: Wanted,
}

/// The shard of a group, if the caller may read its offsets.
fn allowed(broker: &Broker, group: &str, claim: Option<&(Option<Text>, i32)>) -> Result<i32, ErrorCode> {
    let index = broker.group_shard(group)?;
    let shard = broker.loaded_shard(index).ok_or(ErrorCode::NOT_COORDINATOR)?;
    if let Some((member, epoch)) = claim {
        shard.check_fetch(group, member.as_deref(), *epoch)?;
    }
    Ok(index)
}

fn asked(image: &MetadataImage, version: i16, request: &OffsetFetchRequest) -> Vec<Asked> {
    if version < 8 {
        let topics = request.topics.as_ref().map(|topics| {
            let parts = topics
                .iter()
                .flat_map(|t| t.partition_indexes.iter().map(|p| (word(&t.name), *p)));
            parts.collect()
        });
        return vec![Asked {
            group: word(&request.group_id),
            claim: None,
            wanted: topics,
        }];
    }
    let groups = request.groups.iter().map(|group| {
        let topics = group.topics.as_ref().map(|topics| {
            let known = topics
                .iter()
                .filter_map(|topic| Some((named_topic(image, version >= 10, &topic.name)?, topic)));
            let parts = known.flat_map(|(name, topic)| {
                let name = word(&name);
                topic.partition_indexes.iter().map(move |p| (name.clone(), *p))
            });
            parts.collect()
        });
        Asked {
            group: word(&group.group_id),
            claim: (version >= 9).then(|| (group.member_id.as_ref().map(word), group.member_epoch)),
            wanted: topics,
        }
    });
    groups.collect()
}

pub(crate) fn render(
    image: &MetadataImage,
    version: i16,
    request: &OffsetFetchRequest,
    replies: Vec<Reply>,
) -> ResponseKind {
    let mut outcomes = replies.into_iter().map(|reply| match reply {
        Reply::Fetched(outcome) => outcome,
        other => unreachable!("{other:?} does not answer an OffsetFetch"),
    });
    let response = OffsetFetchResponse::default();
    ResponseKind::OffsetFetch(if version >= 8 {
        let groups = request.groups.iter().zip(outcomes).map(|(group, outcome)| {
            let response = OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
            match outcome {
                Ok(found) if version >= 10 => response.with_topics(topics_by_id(image, group, &found)),
                Ok(found) => response.with_topics(topics(&found)),
                Err(error) => response.with_error_code(error.0),
            }
        });
        response.with_groups(groups.collect())
    } else {
        match outcomes.next().unwrap_or(Err(ErrorCode::NOT_COORDINATOR)) {
            Ok(found) => response.with_topics(old_topics(&found, ErrorCode::NONE)),
            Err(error) if version >= 2 => response.with_error_code(error.0),
            // There is no place for it but in every partition.
            Err(error) => {
                let wanted = asked(image, version, request)
                    .pop()
                    .and_then(|asked| asked.wanted)
                    .unwrap_or_default();
                let nothing: Found = wanted.into_iter().map(|(topic, part)| (topic, part, None)).collect();
                response.with_topics(old_topics(&nothing, error))
            }
        }
    })
}

/// Offset, leader epoch and metadata; nothing committed is −1, −1 and the empty text.
fn values(committed: Option<&Committed>) -> (i64, i32, StrBytes) {
    match committed {
        Some(committed) => (committed.offset, committed.leader_epoch, wire(&committed.metadata)),
        None => (-1, -1, StrBytes::from_static_str("")),
    }
}

fn by_topic(found: &Found) -> impl Iterator<Item = (TopicName, &[FoundPart])> {
    let topics = found.chunk_by(|a, b| a.0 == b.0);
    topics.map(|parts| (TopicName(wire(&parts[0].0)), parts))
}

fn topics(found: &Found) -> Vec<OffsetFetchResponseTopics> {
    let topic = |(name, parts): (TopicName, &[FoundPart])| {
        let parts = parts
            .iter()
            .map(|(_, index, committed)| partition(*index, committed.as_ref()));
        OffsetFetchResponseTopics::default()
            .with_name(name)
            .with_partitions(parts.collect())
    };
    by_topic(found).map(topic).collect()
}

fn partition(index: i32, committed: Option<&Committed>) -> OffsetFetchResponsePartitions {
    let (offset, epoch, metadata) = values(committed);
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(epoch)
        .with_metadata(Some(metadata))
}

/// As [`topics`], each under its id. Those that were asked for by an id that stands for nothing come last; of all
/// topics of a group those without an id are left out.
fn topics_by_id(
    image: &MetadataImage,
    group: &OffsetFetchRequestGroup,
    found: &Found,
) -> Vec<OffsetFetchResponseTopics> {
    let known = by_topic(found).filter_map(|(name, parts)| {
        let id = image.topic_named(&name)?.id;
        // What was committed for another topic of that name counts for nothing.
        let valid = |committed: &&Committed| committed.topic_id.is_none_or(|committed| committed == id);
        let parts = parts
            .iter()
            .map(|(_, index, committed)| partition(*index, committed.as_ref().filter(valid)));
        let topic = OffsetFetchResponseTopics::default().with_name(TopicName(topic_id_as_name(id)));
        Some(topic.with_partitions(parts.collect()))
    });
    let asked = group.topics.iter().flatten();
    let unknown = asked.filter(|topic| named_topic(image, true, &topic.name).is_none());
    let refused = unknown.map(|topic| {
        let parts = topic.partition_indexes.iter();
        let parts = parts.map(|index| partition(*index, None).with_error_code(ErrorCode::UNKNOWN_TOPIC_ID.0));
        OffsetFetchResponseTopics::default()
            .with_name(topic.name.clone())
            .with_partitions(parts.collect())
    });
    known.chain(refused).collect()
}

fn old_topics(found: &Found, error: ErrorCode) -> Vec<OffsetFetchResponseTopic> {
    let topic = |(name, parts): (TopicName, &[FoundPart])| {
        let parts = parts.iter().map(|(_, index, committed)| {
            let (offset, epoch, metadata) = values(committed.as_ref());
            OffsetFetchResponsePartition::default()
                .with_partition_index(*index)
                .with_committed_offset(offset)
                .with_committed_leader_epoch(epoch)
                .with_metadata(Some(metadata))
                .with_error_code(error.0)
        });
        OffsetFetchResponseTopic::default()
            .with_name(name)
            .with_partitions(parts.collect())
    };
    by_topic(found).map(topic).collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
    use uuid::Uuid;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    /// With the topic `t`.
    fn image() -> MetadataImage {
        let mut image = MetadataImage::default();
        image.apply(&crate::peer::MetadataRecord::Topic(crate::peer::TopicState {
            id: Uuid::from_u128(5),
            name: "t".into(),
            partitions: Vec::new(),
        }));
        image
    }

    fn read(version: i16, outcome: Result<Found, ErrorCode>) -> OffsetFetchResponse {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(TopicName("t".into()))
            .with_partition_indexes(vec![0]);
        let mut request = OffsetFetchRequest::default().with_topics(Some(vec![topic]));
        if version >= 8 {
            request = OffsetFetchRequest::default().with_groups(vec![OffsetFetchRequestGroup::default()]);
        }
        let ResponseKind::OffsetFetch(response) = render(&image(), version, &request, vec![Reply::Fetched(outcome)])
        else {
            panic!("another response")
        };
        over_the_wire(ApiKey::OffsetFetch, version, &response)
    }

    #[test]
    fn every_version_reads_offsets_and_their_absence() {
        let committed = Committed {
            offset: 7,
            leader_epoch: 2,
            metadata: "x".into(),
            commit_ms: 0,
            expire_ms: None,
            topic_id: None,
        };
        for version in served_versions(ApiKey::OffsetFetch) {
            let found = vec![("t".into(), 0, Some(committed.clone())), ("t".into(), 1, None)];
            let response = read(version, Ok(found));
            let offsets: Vec<i64> = if version >= 8 {
                response.groups[0].topics[0]
                    .partitions
                    .iter()
                    .map(|p| p.committed_offset)
                    .collect()
            } else {
                response.topics[0]
                    .partitions
                    .iter()
                    .map(|p| p.committed_offset)
                    .collect()
            };
            assert_eq!(offsets, [7, -1]);
        }
    }

    #[test]
    fn every_version_reads_a_failure() {
        for version in served_versions(ApiKey::OffsetFetch) {
            let response = read(version, Err(ErrorCode::NOT_COORDINATOR));
            let code = match version {
                1 => response.topics[0].partitions[0].error_code,
                2..=7 => response.error_code,
                _ => response.groups[0].error_code,
            };
            assert_eq!(code, 16);
        }
    }
}
