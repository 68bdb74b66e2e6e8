//! Batches that wait to be sent, by partition, beside the leaders they wait for.

use std::collections::VecDeque;

use kafka_sim_core::{SmallMap, TopicPartition};
use smallvec::SmallVec;
use uuid::Uuid;

use super::batch::BatchId;
use crate::network::Metadata;

/// The queue of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) batches: VecDeque<BatchId>,
    /// The leader, if it is known and its address too, with the leader epoch.
    pub(super) leader: Option<(i32, i32)>,
    /// Nil if unknown, and as long as nobody has asked for leaders.
    pub(super) topic_id: Uuid,
    /// A request is to be answered before the next one may be sent.
    pub(super) muted: bool,
}

/// All queues. One that is empty keeps its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Queues {
    queues: SmallMap<TopicPartition, Queue>,
    /// The edition of metadata that the leaders are from, and how many queues there were.
    leaders_of: (u64, usize),
}

impl Queues {
    /// Looks leaders up where metadata has changed, or queues have come, since they were looked up last.
    #[inline]
    pub(super) fn note_leaders(&mut self, metadata: &Metadata) {
        if !self.has_leaders_of(metadata) {
            self.look_up_leaders(metadata);
        }
    }

    /// Whether leaders are those that metadata shows now.
    #[inline]
    pub(super) fn has_leaders_of(&self, metadata: &Metadata) -> bool {
        self.leaders_of == (metadata.edition(), self.queues.len())
    }

    #[cold]
    fn look_up_leaders(&mut self, metadata: &Metadata) {
        self.leaders_of = (metadata.edition(), self.queues.len());
        for (partition, queue) in self.queues.iter_mut() {
            let led = metadata.led(partition);
            queue.leader = led.map(|(leader, info)| (leader, info.leader_epoch));
            queue.topic_id = metadata.topic(&partition.topic).map_or(Uuid::nil(), |topic| topic.id);
        }
    }

    /// The queue of a partition, which gets one if it had none.
    pub(super) fn of(&mut self, partition: &TopicPartition) -> &mut Queue {
        self.queues.get_or_insert_with(partition.clone(), Queue::default)
    }

    /// Where the queue of a partition is, see [`at`](Self::at).
    pub(super) fn place_of(&self, partition: &TopicPartition) -> Option<usize> {
        self.queues.place_of_partition(partition)
    }

    pub(super) fn get(&self, partition: &TopicPartition) -> Option<&Queue> {
        self.queues.of_partition(partition)
    }

    /// The queue at a place in the order of the partitions. Places stay the same until there is a new queue.
    pub(super) fn at(&self, place: usize) -> Option<&Queue> {
        self.queues.value_at(place)
    }

    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Queue> {
        self.queues.value_at_mut(place)
    }

    pub(super) fn get_mut(&mut self, partition: &TopicPartition) -> Option<&mut Queue> {
        self.queues.of_partition_mut(partition)
    }

    /// By partition, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &Queue)> {
        self.queues.iter()
    }

    /// The places of the queues whose leader is this node.
    pub(super) fn led_by(&self, node: i32) -> SmallVec<[usize; 4]> {
        let mut places = SmallVec::new();
        for (place, queue) in self.queues.values().enumerate() {
            if queue.leader.is_some_and(|(leader, _)| leader == node) {
                places.push(place);
            }
        }
        places
    }

    /// Whether a batch waits to be sent.
    pub(super) fn has_batches(&self) -> bool {
        self.queues.values().any(|queue| !queue.batches.is_empty())
    }
}
