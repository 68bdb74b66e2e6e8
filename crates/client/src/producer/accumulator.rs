//! Batches by partition, as Kafka's `RecordAccumulator` and `BufferPool`: readiness, draining, expiry.

mod filling;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kafka_sim_core::{SimRng, SimTime, SmallMap, TopicPartition, batch::Codec, earlier};
use smallvec::SmallVec;
use uuid::Uuid;

use super::{
    batch::{Batch, BatchId, Entry, Place, Sequenced},
    partitioner::Sticky,
    queues::Queues,
    ratio::Ratio,
};
use crate::{backoff::Backoff, config::ProducerConfig, network::Metadata};

pub(crate) use filling::{NoMemory, Wake};

/// What [`Accumulator::ready`] found.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Leaders with something to send, in order.
    pub(crate) nodes: SmallVec<[i32; 4]>,
    /// Topics with batches whose leader is not known.
    pub(crate) leaderless: Vec<Arc<str>>,
    /// When a batch that waits now will have waited long enough.
    pub(crate) next_check: Option<SimTime>,
}

/// Batches by their ids. They are large.
pub(crate) type Batches = SmallMap<BatchId, Box<Batch>>;

#[derive(Clone, Debug, Default)]
struct TopicState {
    sticky: Sticky,
    ratio: Option<Ratio>,
}

/// All batches of a producer.
#[derive(Clone, Debug)]
pub(crate) struct Accumulator {
    pub(crate) batches: Batches,
    /// Used for the next batch.
    spare: Option<Box<Batch>>,
    queues: Queues,
    topics: SmallMap<Arc<str>, TopicState>,
    /// Where the next drain of a node begins, so that no partition starves.
    drain_from: SmallMap<i32, usize>,
    next_batch: u64,
    memory_free: u64,
    /// Batches a flush waits for.
    flushing: BTreeSet<BatchId>,
    /// Nothing lingers any more: the producer is being closed.
    pub(crate) closed: bool,
    batch_size: usize,
    linger: Duration,
    codec: Codec,
    pub(crate) delivery_timeout: Duration,
    backoff: Backoff,
}

impl Accumulator {
    pub(crate) fn new(config: &ProducerConfig) -> Accumulator {
        Accumulator {
            batches: SmallMap::new(),
            spare: None,
            queues: Queues::default(),
            topics: SmallMap::new(),
            drain_from: SmallMap::new(),
            next_batch: 0,
            memory_free: config.buffer_memory,
            flushing: BTreeSet::new(),
            closed: false,
            batch_size: config.batch_size.max(1),
            linger: config.linger,
            codec: config.compression,
            delivery_timeout: config.effective_delivery_timeout(),
            backoff: Backoff::new(config.network.retry_backoff, config.network.retry_backoff_max),
        }
    }

    /// Finds out which nodes have something to send. `exhausted` says that sends wait for memory, which makes every
    /// batch ready.
    pub(crate) fn ready(&mut self, metadata: &Metadata, exhausted: bool, now: SimTime) -> Ready {
        self.queues.note_leaders(metadata);
        let mut ready = Ready::default();
        let no_linger = exhausted || self.closed || !self.flushing.is_empty();
        for (partition, queue) in self.queues.iter() {
            let Some(first) = queue.batches.front().and_then(|id| self.batches.get_mut(id)) else {
                continue;
            };
            let Some((leader, epoch)) = queue.leader else {
                // Partitions of a topic follow each other.
                if ready.leaderless.last() != Some(&partition.topic) {
                    ready.leaderless.push(partition.topic.clone());
                }
                continue;
            };
            first.note_leader_epoch(Some(epoch).filter(|&epoch| epoch >= 0));
            if queue.muted {
                continue;
            }
            let wait_until = match first.backing_off_until(now) {
                Some(until) => until,
                None if no_linger || queue.batches.len() > 1 || first.is_full() => SimTime::ZERO,
                None => first.waiting_since + self.linger,
            };
            if wait_until <= now {
                if !ready.nodes.contains(&leader) {
                    ready.nodes.push(leader);
                }
            } else {
                ready.next_check = earlier(ready.next_check, Some(wait_until));
            }
        }
        if ready.nodes.len() > 1 {
            ready.nodes.sort_unstable();
        }
        ready
    }

    /// Where the queues of partitions are whose leader is this node, in the order in which to drain them.
    pub(crate) fn places_of(&mut self, node: i32, metadata: &Metadata) -> SmallVec<[usize; 4]> {
        self.queues.note_leaders(metadata);
        let mut led = self.queues.led_by(node);
        if led.len() > 1 {
            let from = self.drain_from.get(&node).copied().unwrap_or(0);
            let shift = from % led.len();
            led.rotate_left(shift);
        }
        led
    }

    /// Notes that a drain of the node looked at so many partitions beyond the first.
    pub(crate) fn drained(&mut self, node: i32, steps: usize) {
        if steps == 0 {
            return;
        }
        let from = self.drain_from.get_or_insert_with(node, || 0);
        *from = from.wrapping_add(steps);
    }

    /// The first batch of the queue at a place, if it may be sent now: not muted, not in its pause.
    pub(crate) fn sendable(&self, place: usize, now: SimTime) -> Option<&Batch> {
        let queue = self.queues.at(place).filter(|queue| !queue.muted)?;
        let first = self.batches.get(queue.batches.front()?)?;
        first.backing_off_until(now).is_none().then_some(&**first)
    }

    /// Takes the first batch out of the queue at a place, for sending, with the id of its topic.
    pub(crate) fn take(&mut self, place: usize) -> Option<(&mut Batch, Uuid)> {
        let queue = self.queues.at_mut(place)?;
        let id = queue.batches.pop_front()?;
        let batch = self.batches.get_mut(&id)?;
        batch.place = Place::InFlight;
        Some((batch, queue.topic_id))
    }

    /// Puts a batch back whose attempt failed: in front, or behind batches of its partition with lower sequence
    /// numbers.
    pub(crate) fn reenqueue(&mut self, id: BatchId, now: SimTime, rng: &mut SimRng) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        let pause = self.backoff.pause(batch.attempts, rng);
        batch.reenqueued(now, pause);
        let partition = batch.partition.clone();
        self.insert_in_order(id, &partition);
    }

    fn insert_in_order(&mut self, id: BatchId, partition: &TopicPartition) {
        let sequence = self.batches.get(&id).and_then(|batch| batch.base_sequence());
        let batches = &self.batches;
        let queue = &mut self.queues.of(partition).batches;
        let lower = |other: &BatchId| {
            let other = batches.get(other).and_then(|batch| batch.base_sequence());
            matches!((other, sequence), (Some(other), Some(sequence)) if other < sequence)
        };
        let at = queue.iter().take_while(|&other| lower(other)).count();
        queue.insert(at, id);
    }

    /// Cuts a batch that the broker found too large into smaller ones, which take its place in the queue. Returns
    /// their ids, in order.
    pub(crate) fn split(&mut self, id: BatchId) -> Vec<BatchId> {
        let Some(big) = self.batches.remove(&id) else {
            return Vec::new();
        };
        let state = self
            .topics
            .get_or_insert_with(big.partition.topic.clone(), TopicState::default);
        if self.codec != Codec::None {
            state
                .ratio
                .get_or_insert(Ratio::ONE)
                .restart(big.size(), big.record_bytes());
        }
        let ratio = state.ratio;
        let target = if big.is_split {
            big.largest_record().max(big.size() / 2)
        } else {
            self.batch_size
        };
        let parts = self.cut(&big, target, ratio);
        let ids: Vec<BatchId> = parts.iter().map(|part| part.id).collect();
        let flushing = self.flushing.remove(&big.id);
        self.memory_free += big.pool_bytes;
        for part in parts {
            if flushing {
                self.flushing.insert(part.id);
            }
            self.batches.insert(part.id, Box::new(part));
        }
        for &part in ids.iter().rev() {
            self.insert_in_order(part, &big.partition);
        }
        ids
    }

    fn cut(&mut self, big: &Batch, target: usize, ratio: Option<Ratio>) -> Vec<Batch> {
        let mut parts: Vec<Batch> = Vec::new();
        for entry in &big.entries {
            let refused = match parts.last_mut() {
                Some(part) => part.try_append(entry.clone(), ratio).err(),
                None => Some(entry.clone()),
            };
            if let Some(entry) = refused {
                let mut part = Batch::new(self.next_id(), big.partition.clone(), target, big.created);
                part.is_split = true;
                part.maybe_written = big.maybe_written;
                part.try_append(entry, ratio).expect("the first record always fits");
                parts.push(part);
            }
        }
        let mut sequence = big.base_sequence();
        for part in &mut parts {
            part.closed = true;
            part.sequenced = big.sequenced.zip(sequence).map(|(sequenced, base_sequence)| Sequenced {
                base_sequence,
                ..sequenced
            });
            sequence = sequence.map(|base| super::batch::increment_sequence(base, part.record_count()));
        }
        parts
    }

    /// Queued and unanswered batches whose delivery time is over.
    pub(crate) fn expired(&self, now: SimTime) -> Vec<BatchId> {
        if self.next_expiry().is_none_or(|first| first > now) {
            return Vec::new();
        }
        let delivery_timeout = self.delivery_timeout;
        let over = |batch: &Batch| batch.place != Place::Abandoned && batch.created + delivery_timeout <= now;
        let expired = self.batches.values().filter(|batch| over(batch));
        expired.map(|batch| batch.id).collect()
    }

    /// Whether a batch waits to be sent.
    pub(crate) fn has_queued(&self) -> bool {
        !self.batches.is_empty() && self.queues.has_batches()
    }

    /// When the next batch expires.
    pub(crate) fn next_expiry(&self) -> Option<SimTime> {
        let alive = self.batches.values().filter(|batch| batch.place != Place::Abandoned);
        let first = alive.map(|batch| batch.created).min()?;
        Some(first + self.delivery_timeout)
    }

    /// Learns from an encoded batch how well its topic compresses.
    pub(crate) fn observe_ratio(&mut self, topic: &Arc<str>, compressed: usize, content: usize) {
        if self.codec != Codec::None {
            let state = self.topics.get_or_insert_with(topic.clone(), TopicState::default);
            state.ratio.get_or_insert(Ratio::ONE).observe(compressed, content);
        }
    }

    /// Forgets a batch whose records have been reported, and frees its memory.
    pub(crate) fn remove(&mut self, id: BatchId) -> Option<Box<Batch>> {
        let batch = self.batches.remove(&id)?;
        if batch.place == Place::Queued
            && let Some(queue) = self.queues.get_mut(&batch.partition)
        {
            queue.batches.retain(|&other| other != id);
        }
        if !self.flushing.is_empty() {
            self.flushing.remove(&id);
        }
        self.memory_free += batch.pool_bytes;
        Some(batch)
    }

    /// Keeps a batch, whose request has no answer yet, without its records. Its memory stays in use, as its bytes
    /// may still be on their way out.
    pub(crate) fn abandon(&mut self, id: BatchId) -> Vec<Entry> {
        self.flushing.remove(&id);
        match self.batches.get_mut(&id) {
            Some(batch) => {
                batch.place = Place::Abandoned;
                batch.bytes = None;
                std::mem::take(&mut batch.entries)
            }
            None => Vec::new(),
        }
    }

    /// Holds the partition's batches back, or sends them again.
    pub(crate) fn set_muted(&mut self, partition: &TopicPartition, muted: bool) {
        if let Some(queue) = self.queues.get_mut(partition) {
            queue.muted = muted;
        }
    }

    /// Makes all present batches ready.
    pub(crate) fn flush(&mut self) {
        let alive = self.batches.values().filter(|batch| batch.place != Place::Abandoned);
        self.flushing.extend(alive.map(|batch| batch.id));
    }

    /// Whether some record still awaits its outcome.
    pub(crate) fn has_incomplete(&self) -> bool {
        self.batches.values().any(|batch| batch.place != Place::Abandoned)
    }
}
