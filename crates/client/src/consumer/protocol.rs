//! What members of a classic group tell each other through the coordinator, as Kafka's `ConsumerProtocol`.

use std::{collections::BTreeSet, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription, consumer_protocol_assignment,
        consumer_protocol_subscription,
    },
    protocol::{Decodable, Encodable},
};
use kafka_sim_core::TopicPartition;

use super::{ask::text, coordinator::shared};
use crate::config::Assignor;

/// The newest version of both messages.
const NEWEST: i16 = 3;

/// What a member wants and has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberSubscription {
    pub(super) topics: BTreeSet<Arc<str>>,
    pub(super) owned: Vec<TopicPartition>,
    /// -1 where it is not told (below version 2).
    pub(super) generation: i32,
    pub(super) user_data: Option<Bytes>,
}

pub(super) fn write_subscription(
    topics: &BTreeSet<Arc<str>>,
    user_data: Option<Bytes>,
    owned: &[TopicPartition],
    generation: i32,
    rack: Option<&str>,
) -> Bytes {
    let owned = by_topic(owned).into_iter().map(|(topic, partitions)| {
        consumer_protocol_subscription::TopicPartition::default()
            .with_topic(text(&topic).into())
            .with_partitions(partitions)
    });
    let subscription = ConsumerProtocolSubscription::default()
        .with_topics(topics.iter().map(|topic| text(topic)).collect())
        .with_user_data(user_data)
        .with_owned_partitions(owned.collect())
        .with_generation_id(generation)
        .with_rack_id(rack.map(text));
    versioned(&subscription)
}

/// Nothing if the bytes are no subscription.
pub(super) fn read_subscription(bytes: &Bytes) -> Option<MemberSubscription> {
    let (version, mut rest) = version_of(bytes)?;
    let read = ConsumerProtocolSubscription::decode(&mut rest, version).ok()?;
    let owned = read.owned_partitions.iter().flat_map(|topic| {
        let name = shared(&topic.topic);
        let partitions = topic.partitions.iter();
        partitions.map(move |partition| TopicPartition::new(name.clone(), *partition))
    });
    Some(MemberSubscription {
        topics: read.topics.iter().map(shared).collect(),
        owned: owned.collect(),
        generation: read.generation_id,
        user_data: read.user_data.filter(|data| !data.is_empty()),
    })
}

pub(super) fn write_assignment(partitions: &[TopicPartition]) -> Bytes {
    let topics = by_topic(partitions).into_iter().map(|(topic, partitions)| {
        consumer_protocol_assignment::TopicPartition::default()
            .with_topic(text(&topic).into())
            .with_partitions(partitions)
    });
    versioned(&ConsumerProtocolAssignment::default().with_assigned_partitions(topics.collect()))
}

/// The partitions, in order. Nothing if the bytes are no assignment.
pub(super) fn read_assignment(bytes: &Bytes) -> Option<Vec<TopicPartition>> {
    let (version, mut rest) = version_of(bytes)?;
    let read = ConsumerProtocolAssignment::decode(&mut rest, version).ok()?;
    let partitions = read.assigned_partitions.iter().flat_map(|topic| {
        let name = shared(&topic.topic);
        let partitions = topic.partitions.iter();
        partitions.map(move |partition| TopicPartition::new(name.clone(), *partition))
    });
    let sorted: BTreeSet<TopicPartition> = partitions.collect();
    Some(sorted.into_iter().collect())
}

/// What the sticky assignors add: `sticky` the last assignment and its generation, `cooperative-sticky` the generation.
pub(super) fn user_data(assignor: Assignor, sticky: &(Vec<TopicPartition>, i32)) -> Option<Bytes> {
    let (assignment, generation) = sticky;
    match assignor {
        Assignor::Range | Assignor::RoundRobin => None,
        Assignor::CooperativeSticky => Some(Bytes::copy_from_slice(&generation.to_be_bytes())),
        Assignor::Sticky if *generation == -1 => None,
        Assignor::Sticky => {
            let topics = by_topic(assignment);
            let mut data = BytesMut::new();
            data.put_i32(length(topics.len()));
            for (topic, partitions) in topics {
                data.put_i16(i16::try_from(topic.len()).unwrap_or(i16::MAX));
                data.put_slice(topic.as_bytes());
                data.put_i32(length(partitions.len()));
                for partition in partitions {
                    data.put_i32(partition);
                }
            }
            data.put_i32(*generation);
            Some(data.freeze())
        }
    }
}

/// The last assignment and its generation out of `sticky`'s data. Version 0 has no generation.
pub(super) fn read_sticky(data: &Bytes) -> Option<(Vec<TopicPartition>, i32)> {
    let mut data = data.clone();
    let topics = data.try_get_i32().ok()?;
    let mut partitions = Vec::new();
    for _ in 0..topics {
        let length = usize::try_from(data.try_get_i16().ok()?).ok()?;
        if data.remaining() < length {
            return None;
        }
        let name: Arc<str> = std::str::from_utf8(&data.split_to(length)).ok()?.into();
        for _ in 0..data.try_get_i32().ok()? {
            partitions.push(TopicPartition::new(name.clone(), data.try_get_i32().ok()?));
        }
    }
    Some((partitions, data.try_get_i32().unwrap_or(-1)))
}

fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn versioned<T: Encodable>(message: &T) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(NEWEST);
    message
        .encode(&mut bytes, NEWEST)
        .expect("all fields are of the newest version");
    bytes.freeze()
}

/// The version to read with: later ones begin with what the newest known one has.
fn version_of(bytes: &Bytes) -> Option<(i16, Bytes)> {
    let mut rest = bytes.clone();
    let version = rest.try_get_i16().ok().filter(|version| *version >= 0)?;
    Some((version.min(NEWEST), rest))
}

/// Partitions by topic, topics in order, partitions as they come.
fn by_topic(partitions: &[TopicPartition]) -> Vec<(Arc<str>, Vec<i32>)> {
    let mut topics: Vec<(Arc<str>, Vec<i32>)> = Vec::new();
    for partition in partitions {
        match topics.iter_mut().find(|(topic, _)| *topic == partition.topic) {
            Some((_, indexes)) => indexes.push(partition.partition),
            None => topics.push((partition.topic.clone(), vec![partition.partition])),
        }
    }
    topics
}
