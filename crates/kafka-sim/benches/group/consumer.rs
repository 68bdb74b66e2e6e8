//! The consumer protocol: heartbeats until everybody has what it is to own.

use std::collections::BTreeSet;

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, GroupId, TopicName};
use kafka_sim_core::wire::{ApiKey, RequestKind, ResponseKind};
use uuid::Uuid;

use super::wire::{GROUP, TOPIC, Wire};

#[derive(Default)]
struct Member {
    epoch: i32,
    topic: Uuid,
    owned: BTreeSet<i32>,
}

/// Lets `size` members share `size` partitions. Returns the rounds of heartbeats it took.
pub(crate) fn consumer(size: u16) -> usize {
    let mut wire = Wire::new(size, size);
    let mut members: Vec<Member> = (0..size).map(|_| Member::default()).collect();
    for round in 1..100 {
        let requests: Vec<(u64, ConsumerGroupHeartbeatRequest)> = (0..).zip(members.iter().map(request)).collect();
        let requests = requests
            .into_iter()
            .map(|(index, request)| (index, with_id(index, request)));
        for (index, response) in wire.ask(ApiKey::ConsumerGroupHeartbeat, 1, requests) {
            let ResponseKind::ConsumerGroupHeartbeat(response) = response else {
                unreachable!("asked for a heartbeat")
            };
            assert_eq!(response.error_code, 0, "{:?}", response.error_message);
            let member = &mut members[usize::try_from(index).expect("few members")];
            member.epoch = response.member_epoch;
            if let Some(assignment) = response.assignment {
                member.owned.clear();
                for topic in assignment.topic_partitions {
                    member.topic = topic.topic_id;
                    member.owned.extend(topic.partitions);
                }
            }
        }
        if members.iter().all(|member| member.owned.len() == 1) {
            return round;
        }
    }
    panic!("the group does not settle");
}

fn request(member: &Member) -> ConsumerGroupHeartbeatRequest {
    let owned = TopicPartitions::default()
        .with_topic_id(member.topic)
        .with_partitions(member.owned.iter().copied().collect());
    let owned = if member.owned.is_empty() {
        Vec::new()
    } else {
        vec![owned]
    };
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_member_epoch(member.epoch)
        .with_topic_partitions(Some(owned));
    if member.epoch == 0 {
        request
            .with_rebalance_timeout_ms(300_000)
            .with_subscribed_topic_names(Some(vec![TopicName(TOPIC.into())]))
    } else {
        request.with_rebalance_timeout_ms(-1)
    }
}

fn with_id(index: u64, request: ConsumerGroupHeartbeatRequest) -> RequestKind {
    RequestKind::ConsumerGroupHeartbeat(request.with_member_id(format!("member-{index:05}").into()))
}
