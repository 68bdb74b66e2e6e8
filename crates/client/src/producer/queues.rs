//! Batches that wait to be sent, by partition, beside the leaders they wait for.

use std::collections::VecDeque;

use kafka_sim_core::{SmallMap, TopicPartition};

use super::batch::BatchId;
use crate::network::Metadata;

/// The queue of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) batches: VecDeque<BatchId>,
    /// The leader, if it is known and its address too, with the leader epoch.
    pub(super) leader: Option<(i32, i32)>,
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
    pub(super) fn note_leaders(&mut self, metadata: &Metadata) {
        let of = (metadata.edition(), self.queues.len());
        if self.leaders_of != of {
            self.leaders_of = of;
            for (partition, queue) in self.queues.iter_mut() {
                let led = metadata.led(partition);
                queue.leader = led.map(|(leader, info)| (leader, info.leader_epoch));
            }
        }
    }

    /// The batches of a partition, which gets a queue if it had none.
    pub(super) fn of(&mut self, partition: &TopicPartition) -> &mut VecDeque<BatchId> {
        let queue = self.queues.get_or_insert_with(partition.clone(), Queue::default);
        &mut queue.batches
    }

    pub(super) fn get(&self, partition: &TopicPartition) -> Option<&Queue> {
        self.queues.get(partition)
    }

    /// The queue at a place in the order of the partitions. Places stay the same until there is a new queue.
    pub(super) fn at(&self, place: usize) -> Option<&Queue> {
        self.queues.value_at(place)
    }

    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Queue> {
        self.queues.value_at_mut(place)
    }

    pub(super) fn get_mut(&mut self, partition: &TopicPartition) -> Option<&mut Queue> {
        self.queues.get_mut(partition)
    }

    /// By partition, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &Queue)> {
        self.queues.iter()
    }

    /// The places of the queues whose leader is this node.
    pub(super) fn led_by(&self, node: i32) -> impl Iterator<Item = usize> {
        let is_leader = move |queue: &Queue| queue.leader.is_some_and(|(leader, _)| leader == node);
        let queues = self.queues.values().enumerate();
        queues
            .filter(move |(_, queue)| is_leader(queue))
            .map(|(place, _)| place)
    }

    /// Whether a batch waits to be sent.
    pub(super) fn has_batches(&self) -> bool {
        self.queues.values().any(|queue| !queue.batches.is_empty())
    }
}
