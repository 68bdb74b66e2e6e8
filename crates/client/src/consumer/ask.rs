//! What a consumer asks of its coordinator, and the requests for it.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
    sync_group_request::SyncGroupRequestAssignment,
};
use kafka_sim_core::{
    TopicPartition,
    wire::{ApiKey, StrBytes},
};

use super::{commit::CommitAsk, member::Generation};
use crate::config::ConsumerConfig;

/// A request, with what is needed to write it and to recognise its answer.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    FindCoordinator,
    Join {
        generation: Generation,
        /// Assignors with this member's subscription as each wants it.
        protocols: Vec<(&'static str, Bytes)>,
        reason: &'static str,
    },
    Sync {
        generation: Generation,
        /// Only the leader's is not empty.
        assignments: Vec<(StrBytes, Bytes)>,
    },
    Heartbeat {
        generation: Generation,
    },
    Leave {
        member_id: Arc<str>,
        reason: &'static str,
    },
    /// Of the new protocol. The answer to a member that leaves because it was not polled does not matter.
    GroupHeartbeat {
        body: Box<ConsumerGroupHeartbeatRequest>,
        ignored: bool,
    },
    Commit(Box<CommitAsk>),
    FetchOffsets {
        generation: Generation,
        partitions: Vec<TopicPartition>,
    },
}

impl Ask {
    pub(super) fn api(&self) -> ApiKey {
        match self {
            Ask::FindCoordinator => ApiKey::FindCoordinator,
            Ask::Join { .. } => ApiKey::JoinGroup,
            Ask::Sync { .. } => ApiKey::SyncGroup,
            Ask::Heartbeat { .. } => ApiKey::Heartbeat,
            Ask::Leave { .. } => ApiKey::LeaveGroup,
            Ask::GroupHeartbeat { .. } => ApiKey::ConsumerGroupHeartbeat,
            Ask::Commit(_) => ApiKey::OffsetCommit,
            Ask::FetchOffsets { .. } => ApiKey::OffsetFetch,
        }
    }
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group(config: &ConsumerConfig) -> StrBytes {
    text(config.group_id.as_deref().unwrap_or_default())
}

/// The static member's name, in versions that have one.
fn instance(config: &ConsumerConfig, version: i16, since: i16) -> Option<StrBytes> {
    let name = config.group_instance_id.as_deref().filter(|_| version >= since);
    name.map(text)
}

fn millis(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

pub(super) fn join(
    config: &ConsumerConfig,
    generation: &Generation,
    protocols: &[(&'static str, Bytes)],
    reason: &'static str,
    version: i16,
) -> JoinGroupRequest {
    let protocols = protocols.iter().map(|(name, metadata)| {
        JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str(name))
            .with_metadata(metadata.clone())
    });
    let rebalance = if version >= 1 {
        millis(config.max_poll_interval)
    } else {
        -1
    };
    JoinGroupRequest::default()
        .with_group_id(group(config).into())
        .with_session_timeout_ms(millis(config.session_timeout))
        .with_rebalance_timeout_ms(rebalance)
        .with_member_id(text(&generation.member_id))
        .with_group_instance_id(instance(config, version, 5))
        .with_protocol_type(StrBytes::from_static_str("consumer"))
        .with_protocols(protocols.collect())
        .with_reason((version >= 8).then(|| StrBytes::from_static_str(reason)))
}

pub(super) fn sync(
    config: &ConsumerConfig,
    generation: &Generation,
    assignments: &[(StrBytes, Bytes)],
    version: i16,
) -> SyncGroupRequest {
    let assignments = assignments.iter().map(|(member, assignment)| {
        SyncGroupRequestAssignment::default()
            .with_member_id(member.clone())
            .with_assignment(assignment.clone())
    });
    let named = version >= 5;
    SyncGroupRequest::default()
        .with_group_id(group(config).into())
        .with_generation_id(generation.id)
        .with_member_id(text(&generation.member_id))
        .with_group_instance_id(instance(config, version, 3))
        .with_protocol_type(named.then(|| StrBytes::from_static_str("consumer")))
        .with_protocol_name(generation.protocol.as_deref().filter(|_| named).map(text))
        .with_assignments(assignments.collect())
}

pub(super) fn heartbeat(config: &ConsumerConfig, generation: &Generation, version: i16) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(group(config).into())
        .with_generation_id(generation.id)
        .with_member_id(text(&generation.member_id))
        .with_group_instance_id(instance(config, version, 3))
}

pub(super) fn leave(config: &ConsumerConfig, member_id: &str, reason: &'static str, version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(group(config).into());
    if version < 3 {
        return request.with_member_id(text(member_id));
    }
    let member = MemberIdentity::default()
        .with_member_id(text(member_id))
        .with_reason((version >= 5).then(|| StrBytes::from_static_str(reason)));
    request.with_members(vec![member])
}

pub(super) fn commit(config: &ConsumerConfig, ask: &CommitAsk, version: i16) -> OffsetCommitRequest {
    let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
    for entry in &ask.offsets {
        let epoch = entry.epoch.filter(|_| version >= 6).unwrap_or(-1);
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(entry.partition.partition)
            .with_committed_offset(entry.offset)
            .with_committed_leader_epoch(epoch)
            .with_committed_metadata(Some(StrBytes::default()));
        let name = &*entry.partition.topic;
        if topics.last().is_none_or(|topic| *topic.name != *name) {
            topics.push(OffsetCommitRequestTopic::default().with_name(text(name).into()));
        }
        let topic = topics.last_mut().expect("pushed for the first partition");
        topic.partitions.push(partition);
    }
    let named = ask.as_member.then(|| instance(config, version, 7)).flatten();
    OffsetCommitRequest::default()
        .with_group_id(group(config).into())
        .with_generation_id_or_member_epoch(ask.generation.id)
        .with_member_id(text(&ask.generation.member_id))
        .with_group_instance_id(named)
        .with_topics(topics)
}

pub(super) fn fetch_offsets(
    config: &ConsumerConfig,
    generation: &Generation,
    partitions: &[TopicPartition],
    version: i16,
) -> OffsetFetchRequest {
    let mut topics: Vec<(StrBytes, Vec<i32>)> = Vec::new();
    for partition in partitions {
        if topics.last().is_none_or(|(name, _)| **name != *partition.topic) {
            topics.push((text(&partition.topic), Vec::new()));
        }
        let (_, indexes) = topics.last_mut().expect("pushed for the first partition");
        indexes.push(partition.partition);
    }
    let request = OffsetFetchRequest::default().with_require_stable(version >= 7);
    if version < 8 {
        let topic = |(name, indexes): (StrBytes, _)| {
            OffsetFetchRequestTopic::default()
                .with_name(name.into())
                .with_partition_indexes(indexes)
        };
        return request
            .with_group_id(group(config).into())
            .with_topics(Some(topics.into_iter().map(topic).collect()));
    }
    let topic = |(name, indexes): (StrBytes, _)| {
        OffsetFetchRequestTopics::default()
            .with_name(name.into())
            .with_partition_indexes(indexes)
    };
    let mut asked = OffsetFetchRequestGroup::default()
        .with_group_id(group(config).into())
        .with_topics(Some(topics.into_iter().map(topic).collect()));
    if version >= 9 && generation.names_epoch {
        asked = asked
            .with_member_id(Some(text(&generation.member_id)))
            .with_member_epoch(generation.id);
    }
    request.with_groups(vec![asked])
}
