//! The reader as a consumer's engine: partitions come and go one by one, records wait until they are taken, and
//! requests are sent only while the consumer polls.

use kafka_sim_core::{ConfigError, Seed, SimTime, TopicPartition};

use super::{
    Reader,
    partition::{Assigned, Stage},
    types::{ReadError, ReadRecord, StartAt},
};
use crate::{config::ReaderConfig, consumer::Ask, network::Event};

/// What was taken out of the buffers.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) records: Vec<(TopicPartition, ReadRecord)>,
    /// Some position moved, perhaps without a record to show for it.
    pub(crate) advanced: bool,
    /// What stands in the way, if there was nothing before it.
    pub(crate) error: Option<(TopicPartition, ReadError)>,
}

impl Reader {
    /// A reader without partitions that holds back what it fetches.
    pub(crate) fn holding(
        config: ReaderConfig,
        bootstrap: Vec<(std::sync::Arc<str>, u16)>,
        seed: Seed,
        index: u64,
    ) -> Result<Reader, ConfigError> {
        let mut reader = Reader::new(config, bootstrap, seed, index)?;
        reader.buffering = true;
        reader.active = false;
        Ok(reader)
    }

    /// Allows or forbids sending.
    pub(crate) fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    /// The next thing that happened to a request of the consumer.
    pub(crate) fn next_group_event(&mut self) -> Option<Event<Ask>> {
        self.group_events.pop_front()
    }

    /// Adds a partition whose position the consumer has to find.
    pub(crate) fn add(&mut self, partition: TopicPartition) {
        self.partitions.get_or_insert_with(partition, Assigned::initializing);
    }

    /// Forgets a partition and what was fetched of it.
    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        self.partitions.remove(partition);
    }

    /// The next offset to hand out, unless it has to be looked up.
    pub(crate) fn position(&self, partition: &TopicPartition) -> Option<i64> {
        let assigned = self.partitions.get(partition)?;
        let known = !matches!(assigned.stage, Stage::Lookup(_) | Stage::Initializing);
        known.then_some(assigned.offset)
    }

    pub(crate) fn is_assigned(&self, partition: &TopicPartition) -> bool {
        self.partitions.contains_key(partition)
    }

    /// Partitions whose position nobody has looked for.
    pub(crate) fn initializing(&self) -> impl Iterator<Item = &TopicPartition> {
        let initializing = |assigned: &Assigned| assigned.stage == Stage::Initializing && !assigned.withheld;
        self.partitions
            .iter()
            .filter(move |(_, assigned)| initializing(assigned))
            .map(|(partition, _)| partition)
    }

    /// Sets a position. With the epoch of the record before it, it is validated first.
    pub(crate) fn set_position(&mut self, partition: &TopicPartition, offset: i64, epoch: Option<i32>) {
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.seek(offset, epoch);
        }
    }

    /// Has a position looked up.
    pub(crate) fn look_up(&mut self, partition: &TopicPartition, start: StartAt) {
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.buffer = None;
            assigned.retry_at = SimTime::ZERO;
            assigned.stage = Stage::Lookup(start);
        }
    }

    pub(crate) fn set_paused(&mut self, partition: &TopicPartition, paused: bool) {
        if let Some(assigned) = self.partitions.get_mut(partition) {
            assigned.paused = paused;
        }
    }

    /// Nothing is fetched or handed out of any partition until it is removed, or this is taken back.
    pub(crate) fn withhold(&mut self, partitions: impl Fn(&TopicPartition) -> bool, withheld: bool) {
        for (partition, assigned) in self.partitions.iter_mut() {
            if partitions(partition) {
                assigned.withheld = withheld;
            }
        }
    }

    /// Tries partitions again whose failure was reported.
    pub(crate) fn rearm(&mut self) {
        for assigned in self.partitions.values_mut() {
            if assigned.stage == Stage::Stopped {
                assigned.stage = Stage::Fetch;
                assigned.leader = None;
            }
        }
    }

    /// The position and the leader epoch before it, where it is known and checked.
    pub(crate) fn valid_position(&self, partition: &TopicPartition) -> Option<(i64, Option<i32>)> {
        let assigned = self.partitions.get(partition)?;
        (assigned.stage == Stage::Fetch).then_some((assigned.offset, assigned.offset_epoch))
    }

    /// Takes up to `most` records out of the buffers, in the order in which these came.
    pub(crate) fn take(&mut self, most: usize) -> Taken {
        let mut taken = Taken::default();
        let mut paused = Vec::new();
        while taken.records.len() < most {
            let Some(partition) = self.ready.pop_front() else { break };
            let Some(assigned) = self.partitions.get_mut(&partition) else {
                continue;
            };
            if assigned.paused && assigned.buffer.is_some() {
                paused.push(partition);
                continue;
            }
            if !take_from(&partition, assigned, most, &mut taken) {
                self.ready.push_front(partition);
                break;
            }
        }
        self.ready.extend(paused);
        taken
    }
}

/// Takes what there is room for. Returns whether the buffer is used up.
fn take_from(partition: &TopicPartition, assigned: &mut Assigned, most: usize, taken: &mut Taken) -> bool {
    let fetchable = assigned.is_fetchable();
    let Some(buffer) = assigned
        .buffer
        .as_mut()
        .filter(|buffer| fetchable && buffer.offset == assigned.offset)
    else {
        assigned.buffer = None;
        return true;
    };
    let room = (most - taken.records.len()).min(buffer.records.len());
    for record in buffer.records.drain(..room) {
        buffer.offset = record.offset + 1;
        assigned.offset_epoch = (record.leader_epoch >= 0).then_some(record.leader_epoch);
        taken.records.push((partition.clone(), record));
    }
    taken.advanced |= buffer.offset > assigned.offset;
    assigned.offset = buffer.offset;
    // As in Java the end is noticed only when there is room for one more record.
    if !buffer.records.is_empty() || taken.records.len() == most {
        return false;
    }
    if let Some(error) = &buffer.error {
        if taken.records.is_empty() && !taken.advanced {
            taken.error = Some((partition.clone(), error.clone()));
        }
        return false;
    }
    taken.advanced |= buffer.next_offset > assigned.offset;
    assigned.offset = buffer.next_offset;
    assigned.offset_epoch = buffer.last_epoch.or(assigned.offset_epoch);
    assigned.buffer = None;
    true
}
