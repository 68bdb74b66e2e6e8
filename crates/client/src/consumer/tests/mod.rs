//! The consumer against scripted brokers: broker 1 leads `orders`, broker 2 is the coordinator.

mod commits;
mod heartbeats;
mod joining;
mod modern;
mod polling;
mod positions;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    BrokerId, FetchResponse, FindCoordinatorResponse, GroupId, HeartbeatResponse, JoinGroupResponse,
    LeaveGroupResponse, ListOffsetsResponse, OffsetCommitResponse, OffsetFetchResponse, SyncGroupResponse, TopicName,
    fetch_response::{FetchableTopicResponse, PartitionData},
    find_coordinator_response::Coordinator as Found,
    join_group_response::JoinGroupResponseMember,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    offset_fetch_response::{OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics},
};
use kafka_sim_core::{
    ErrorCode,
    batch::{BatchBuilder, BatchOptions},
    wire::{ApiKey, RequestKind, StrBytes},
};

use super::*;
use crate::testing::{Received, Rig, topic_id};

const COORDINATOR: u16 = 9092;

/// A consumer of the group `g` that is subscribed to nothing so far.
fn consumer(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let pairs = [("group.id", "g"), ("auto.offset.reset", "earliest")];
    let pairs = pairs.iter().chain(settings).copied();
    let (config, _) = ConsumerConfig::from_pairs(pairs).expect("valid settings");
    let bootstrap = vec![(Arc::from("bootstrap"), 9091)];
    let consumer = Consumer::new(config, bootstrap, Seed(5), 0).expect("valid settings");
    Rig::new(consumer).topic("orders", &[1, 1])
}

/// The same, subscribed to `orders`.
fn subscribed(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let mut rig = consumer(settings);
    rig.act(|consumer, now, out| consumer.subscribe(now, &["orders".into()], out));
    rig
}

/// A member of the group since one second, alone, with both partitions at offset 0 and a fetch under way.
fn member(settings: &[(&str, &str)]) -> Rig<Consumer> {
    let mut rig = subscribed(settings);
    rig.poll(1_000);
    rig.find();
    rig.join_alone();
    rig.callback();
    rig.committed(&[(0, 0), (1, 0)]);
    rig.run_millis(1_000);
    rig.outcomes.clear();
    rig
}

fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

fn name(text: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(text))
}

impl Rig<Consumer> {
    fn poll(&mut self, millis: u64) {
        self.act(|consumer, now, out| consumer.poll(now, Duration::from_millis(millis), out));
    }

    /// Returns from the callback the consumer waits for.
    fn callback(&mut self) {
        self.act(|consumer, now, out| consumer.callback_done(now, out));
    }

    /// The oldest unanswered request of a kind.
    fn next_of(&mut self, api: ApiKey) -> Received {
        let at = self.requests.iter().position(|request| request.head.api_key == api);
        let at = at.unwrap_or_else(|| panic!("no {api:?} at {}: {:?}", self.now, self.requests));
        self.requests.remove(at)
    }

    fn has(&self, api: ApiKey) -> bool {
        self.requests.iter().any(|request| request.head.api_key == api)
    }

    /// Answers a search for the coordinator.
    fn find(&mut self) {
        let received = self.next_of(ApiKey::FindCoordinator);
        let found = Found::default()
            .with_key(StrBytes::from_static_str("g"))
            .with_node_id(BrokerId(2))
            .with_host(StrBytes::from_static_str("broker-2"))
            .with_port(i32::from(COORDINATOR));
        let answer = FindCoordinatorResponse::default().with_coordinators(vec![found]);
        self.answer(&received, &answer);
    }

    fn refuse_join(&mut self, error: ErrorCode) -> Received {
        let received = self.next_of(ApiKey::JoinGroup);
        let answer = JoinGroupResponse::default()
            .with_error_code(error.0)
            .with_member_id(StrBytes::from_static_str("m1"));
        self.answer(&received, &answer);
        received
    }

    /// Lets the consumer into generation 1 as the leader of these members, all subscribed as itself.
    fn lead(&mut self, members: &[&'static str]) {
        let received = self.next_of(ApiKey::JoinGroup);
        let RequestKind::JoinGroup(request) = &received.body else {
            panic!("{received:?}")
        };
        let proposed = &request.protocols[0];
        let members = members.iter().map(|id| {
            JoinGroupResponseMember::default()
                .with_member_id(StrBytes::from_static_str(id))
                .with_metadata(proposed.metadata.clone())
        });
        let answer = JoinGroupResponse::default()
            .with_generation_id(1)
            .with_protocol_type(Some(StrBytes::from_static_str("consumer")))
            .with_protocol_name(Some(proposed.name.clone()))
            .with_leader(StrBytes::from_static_str("m1"))
            .with_member_id(StrBytes::from_static_str("m1"))
            .with_members(members.collect());
        self.answer(&received, &answer);
    }

    /// Answers SyncGroup with these partitions of `orders`.
    fn sync(&mut self, partitions: &[i32]) -> Received {
        let received = self.next_of(ApiKey::SyncGroup);
        let owned: Vec<TopicPartition> = partitions.iter().map(|index| orders(*index)).collect();
        let answer = SyncGroupResponse::default().with_assignment(protocol::write_assignment(&owned));
        self.answer(&received, &answer);
        received
    }

    /// Goes through a whole join, up to the callback.
    fn join_alone(&mut self) {
        self.refuse_join(ErrorCode::MEMBER_ID_REQUIRED);
        self.lead(&["m1"]);
        self.sync(&[0, 1]);
    }

    /// Answers OffsetFetch with these offsets, -1 for none.
    fn committed(&mut self, offsets: &[(i32, i64)]) {
        let received = self.next_of(ApiKey::OffsetFetch);
        let partitions = offsets.iter().map(|(index, offset)| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(*index)
                .with_committed_offset(*offset)
                .with_committed_leader_epoch(-1)
        });
        self.offsets(&received, partitions.collect());
    }

    fn offsets(&mut self, received: &Received, partitions: Vec<OffsetFetchResponsePartitions>) {
        let topic = OffsetFetchResponseTopics::default()
            .with_name(name("orders"))
            .with_partitions(partitions);
        let group = OffsetFetchResponseGroup::default()
            .with_group_id(GroupId(StrBytes::from_static_str("g")))
            .with_topics(vec![topic]);
        self.answer(received, &OffsetFetchResponse::default().with_groups(vec![group]));
    }

    /// Answers a look-up of positions with this offset for every partition.
    fn listed(&mut self, offset: i64) -> Received {
        let received = self.next_of(ApiKey::ListOffsets);
        let RequestKind::ListOffsets(request) = &received.body else {
            panic!("{received:?}")
        };
        let partitions = request.topics[0].partitions.iter().map(|asked| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_offset(offset)
                .with_leader_epoch(0)
        });
        let topic = ListOffsetsTopicResponse::default()
            .with_name(name("orders"))
            .with_partitions(partitions.collect());
        self.answer(&received, &ListOffsetsResponse::default().with_topics(vec![topic]));
        received
    }

    fn heartbeat(&mut self, error: ErrorCode) -> Received {
        let received = self.next_of(ApiKey::Heartbeat);
        self.answer(&received, &HeartbeatResponse::default().with_error_code(error.0));
        received
    }

    fn left(&mut self) -> Received {
        let received = self.next_of(ApiKey::LeaveGroup);
        self.answer(&received, &LeaveGroupResponse::default());
        received
    }

    /// Answers a commit with the same code for every partition. Returns what it asked for.
    fn commit(&mut self, error: ErrorCode) -> Vec<(i32, i64)> {
        // Brokers answer in order.
        while self.has(ApiKey::Heartbeat) {
            self.heartbeat(ErrorCode::NONE);
        }
        let received = self.next_of(ApiKey::OffsetCommit);
        let RequestKind::OffsetCommit(request) = &received.body else {
            panic!("{received:?}")
        };
        let asked = &request.topics[0].partitions;
        let partitions = asked.iter().map(|asked| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(error.0)
        });
        let topic = OffsetCommitResponseTopic::default()
            .with_name(name("orders"))
            .with_partitions(partitions.collect());
        let answer = OffsetCommitResponse::default().with_topics(vec![topic]);
        self.answer(&received, &answer);
        let entry = |asked: &kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition| {
            (asked.partition_index, asked.committed_offset)
        };
        asked.iter().map(entry).collect()
    }

    /// Answers the fetch under way with records for some partitions: index, first offset, count.
    fn feed(&mut self, records: &[(i32, i64, i64)]) {
        let received = self.next_of(ApiKey::Fetch);
        let partitions = records.iter().map(|(index, base, count)| {
            PartitionData::default()
                .with_partition_index(*index)
                .with_high_watermark(base + count)
                .with_last_stable_offset(base + count)
                .with_records(Some(batch(*base, *count)))
                .with_preferred_read_replica(BrokerId(-1))
        });
        let topic = FetchableTopicResponse::default()
            .with_topic_id(topic_id("orders"))
            .with_partitions(partitions.collect());
        let answer = FetchResponse::default().with_session_id(7).with_responses(vec![topic]);
        self.answer(&received, &answer);
    }

    /// The records of the last poll, as partition and offset.
    fn polled(&mut self) -> Vec<(i32, i64)> {
        let polled = self.outcomes.iter().rev().find_map(|outcome| match outcome {
            ConsumerOutcome::Polled { records } => Some(records),
            _ => None,
        });
        let records = polled.expect("a poll ended").iter();
        records.map(|one| (one.partition, one.record.offset)).collect()
    }

    fn told(&self, wanted: impl Fn(&ConsumerOutcome) -> bool) -> bool {
        self.outcomes.iter().any(wanted)
    }

    fn failure(&self) -> Option<ConsumerError> {
        self.outcomes.iter().find_map(|outcome| match outcome {
            ConsumerOutcome::PollFailed { error } => Some(error.clone()),
            _ => None,
        })
    }
}

fn batch(base: i64, count: i64) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for offset in base..base + count {
        builder.append(1_000, None, Some(format!("v{offset}").as_bytes()), &[]);
    }
    let mut batch = builder.build_batch().expect("builds");
    batch.stamp(base, 0);
    let mut bytes = BytesMut::new();
    batch.write_to(&mut bytes);
    bytes.freeze()
}
