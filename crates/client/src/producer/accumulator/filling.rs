//! Records come in: to which partition without a key, into which batch, and when the sender is to look.

use std::sync::Arc;

use kafka_sim_core::{SimRng, SimTime, TopicPartition, batch::Codec};

use super::{Accumulator, Batches, TopicState};
use crate::{
    network::Metadata,
    producer::{
        batch::{Batch, BatchId, Entry},
        queues::Queues,
        ratio::Ratio,
    },
};

/// Why a record could not be appended now.
#[derive(Debug)]
pub(crate) struct NoMemory(pub(crate) Entry);

/// What an appended record means for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    Not,
    /// A batch has begun that will linger, the only one of its partition.
    Later,
    Now,
}

impl Accumulator {
    /// The partition a record without key goes to next.
    pub(crate) fn sticky_partition(&mut self, topic: &Arc<str>, metadata: &Metadata, rng: &mut SimRng) -> Option<i32> {
        let info = metadata.topic(topic)?;
        let all: Vec<i32> = info.partitions.keys().copied().collect();
        let with_leader = info
            .partitions
            .iter()
            .filter(|(_, partition)| partition.leader.is_some());
        let available: Vec<i32> = with_leader.map(|(&index, _)| index).collect();
        let state = self.topics.get_or_insert_with(topic.clone(), TopicState::default);
        let current = state.sticky.partition(&available, &all, rng)?;
        let complete = batch_complete(&self.queues, &self.batches, topic, current);
        state.sticky.appended(0, self.batch_size, complete);
        state.sticky.partition(&available, &all, rng)
    }

    /// Appends a record to its partition's newest batch, or begins one; `alone` is the most bytes that a batch of this
    /// record alone takes. The sender should look where a batch began or got full.
    ///
    /// # Errors
    /// Hands the record back while there is no buffer memory for a batch.
    pub(crate) fn append(
        &mut self,
        partition: &TopicPartition,
        entry: Entry,
        alone: usize,
        sticky: bool,
        now: SimTime,
    ) -> Result<Wake, NoMemory> {
        let ratio = self.ratio(&partition.topic);
        let place = self.queues.place_of(partition);
        let queue = place.and_then(|place| self.queues.at(place));
        let last = queue.and_then(|queue| queue.batches.back());
        let last = last.and_then(|id| self.batches.get_mut(id));
        let (appended, wake) = match last {
            Some(batch) => {
                let before = batch.size();
                match batch.try_append(entry, ratio) {
                    Ok(()) if batch.is_full() => (batch.size() - before, Wake::Now),
                    Ok(()) => (batch.size() - before, Wake::Not),
                    Err(entry) => self.begin(partition, place, entry, alone, ratio, now)?,
                }
            }
            None => self.begin(partition, place, entry, alone, ratio, now)?,
        };
        if sticky {
            let complete = batch_complete(&self.queues, &self.batches, &partition.topic, partition.partition);
            let state = self
                .topics
                .get_or_insert_with(partition.topic.clone(), TopicState::default);
            state.sticky.appended(appended, self.batch_size, complete);
        }
        Ok(wake)
    }

    /// How well the topic's batches compress, if they are compressed.
    pub(super) fn ratio(&mut self, topic: &Arc<str>) -> Option<Ratio> {
        if self.codec == Codec::None {
            return None;
        }
        let state = self.topics.get_or_insert_with(topic.clone(), TopicState::default);
        Some(*state.ratio.get_or_insert(Ratio::ONE))
    }

    /// Begins a batch with the record, in the queue at `place` if the partition has one. Returns the batch's size.
    fn begin(
        &mut self,
        partition: &TopicPartition,
        place: Option<usize>,
        entry: Entry,
        alone: usize,
        ratio: Option<Ratio>,
        now: SimTime,
    ) -> Result<(usize, Wake), NoMemory> {
        let capacity = self.batch_size.max(alone);
        let Some(left) = self.memory_free.checked_sub(capacity as u64) else {
            return Err(NoMemory(entry));
        };
        self.memory_free = left;
        let mut batch = self.fresh(partition, capacity, now);
        batch.pool_bytes = capacity as u64;
        batch.try_append(entry, ratio).expect("the first record always fits");
        let (size, full) = (batch.size(), batch.is_full());
        let queue = match place.and_then(|place| self.queues.at_mut(place)) {
            Some(queue) => queue,
            None => self.queues.of(partition),
        };
        queue.batches.push_back(batch.id);
        let lingers = !full && queue.batches.len() == 1 && queue.leader.is_some() && !queue.muted;
        self.batches.insert(batch.id, batch);
        let wake = if lingers { Wake::Later } else { Wake::Now };
        Ok((size, wake))
    }

    /// A batch without records, in the memory of one that is not used any more.
    fn fresh(&mut self, partition: &TopicPartition, capacity: usize, now: SimTime) -> Box<Batch> {
        let id = self.next_id();
        match self.spare.take() {
            Some(mut batch) => {
                batch.begin_again(id, partition.clone(), capacity, now);
                batch
            }
            None => Box::new(Batch::new(id, partition.clone(), capacity, now)),
        }
    }

    /// Takes a batch back whose records have been reported, for its memory.
    pub(crate) fn recycle(&mut self, batch: Box<Batch>) {
        self.spare = Some(batch);
    }

    /// When a batch that has just begun and [will linger](Wake::Later) is due, if leaders are those that metadata shows.
    pub(crate) fn lingers_until(&self, metadata: &Metadata, now: SimTime) -> Option<SimTime> {
        let lingers = !self.linger.is_zero() && !self.closed && self.flushing.is_empty();
        let until = now + self.linger.min(self.delivery_timeout);
        (lingers && self.queues.has_leaders_of(metadata)).then_some(until)
    }

    pub(super) fn next_id(&mut self) -> BatchId {
        self.next_batch += 1;
        BatchId(self.next_batch)
    }
}

/// Whether the newest batch of a partition takes no more records, or there is none.
fn batch_complete(queues: &Queues, batches: &Batches, topic: &Arc<str>, partition: i32) -> bool {
    let key = TopicPartition::new(topic.clone(), partition);
    let last = queues
        .get(&key)
        .and_then(|queue| queue.batches.back())
        .and_then(|id| batches.get(id));
    last.is_none_or(|last| last.is_full())
}
