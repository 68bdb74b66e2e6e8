//! Producer id, epoch and sequence numbers, as Kafka's `TransactionManager` keeps them for a producer that is
//! idempotent but not transactional (KIP-98, KIP-360).

use std::collections::BTreeSet;

use kafka_sim_core::{ErrorCode, SimTime, SmallMap, TopicPartition};

use super::{
    accumulator::Batches,
    batch::{Batch, BatchId, Sequenced, increment_sequence},
    record::SendError,
};

/// Producer id and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// How the producer stands with its id.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// No id, and not asking for one before the given time.
    Without {
        retry_at: SimTime,
    },
    /// An InitProducerId is on its way.
    Asking,
    Ready,
    /// No id will ever be had.
    Failed(SendError),
}

/// Sequence numbers of one partition.
#[derive(Clone, Debug, Default)]
struct Numbers {
    identity: Option<Identity>,
    next: i32,
    last_acked: Option<i32>,
    /// Batches with a number and without a final answer, by first number; also those queued for a retry.
    in_flight: SmallMap<i32, BatchId>,
}

impl Numbers {
    /// Stops following a batch.
    fn untrack(&mut self, batch: &Batch) {
        let Some(sequence) = batch.base_sequence() else { return };
        // Under another epoch its number may be another batch's.
        if self.in_flight.get(&sequence) == Some(&batch.id) {
            self.in_flight.remove(&sequence);
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Idempotence {
    pub(crate) standing: Standing,
    identity: Option<Identity>,
    partitions: SmallMap<TopicPartition, Numbers>,
    /// Partitions for which an epoch bump was asked.
    to_renumber: BTreeSet<TopicPartition>,
    /// Partitions where a batch expired after it may have been written, with the number expected next.
    unresolved: SmallMap<TopicPartition, i32>,
}

impl Idempotence {
    pub(crate) fn new() -> Idempotence {
        Idempotence {
            standing: Standing::Without {
                retry_at: SimTime::ZERO,
            },
            identity: None,
            partitions: SmallMap::new(),
            to_renumber: BTreeSet::new(),
            unresolved: SmallMap::new(),
        }
    }

    /// Takes the id the broker gave. Batches numbered while there was none, because all epochs of an earlier id were
    /// used up, are numbered under the new one.
    pub(crate) fn ready(&mut self, identity: Identity, batches: &mut Batches) {
        self.identity = Some(identity);
        self.standing = Standing::Ready;
        let without = self.partitions.iter().filter(|(_, numbers)| numbers.identity.is_none());
        let without: Vec<TopicPartition> = without.map(|(partition, _)| partition.clone()).collect();
        for partition in without {
            self.start_over(&partition, batches);
        }
    }

    /// Whether there is nothing left to do and nothing to ask for.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.standing, Standing::Asking | Standing::Ready)
            && self.unresolved.is_empty()
            && self.to_renumber.is_empty()
    }

    /// Does what earlier failures left to do: decides about unresolved partitions and bumps the epoch if asked.
    pub(crate) fn settle(&mut self, batches: &mut Batches) {
        self.resolve_sequences();
        if !self.to_renumber.is_empty() {
            self.bump_epoch(batches);
        }
        if self.identity.is_none() && matches!(self.standing, Standing::Ready) {
            self.standing = Standing::Without {
                retry_at: SimTime::ZERO,
            };
        }
    }

    /// A partition is resolved once nothing is in flight: either the last number acknowledged shows that all were
    /// written, or the epoch must be bumped to start over.
    fn resolve_sequences(&mut self) {
        if self.unresolved.is_empty() {
            return;
        }
        let partitions = &self.partitions;
        let quiet = |partition: &TopicPartition| {
            partitions
                .get(partition)
                .is_none_or(|numbers| numbers.in_flight.is_empty())
        };
        let settled: Vec<TopicPartition> = self
            .unresolved
            .keys()
            .filter(|partition| quiet(partition))
            .cloned()
            .collect();
        for partition in settled {
            self.unresolved.remove(&partition);
            let next = self.partitions.get(&partition).map_or(0, |numbers| numbers.next);
            if !self.is_next(&partition, next) {
                self.to_renumber.insert(partition);
            }
        }
    }

    fn bump_epoch(&mut self, batches: &mut Batches) {
        self.identity = match self.identity {
            Some(Identity { id, epoch }) if epoch < i16::MAX => Some(Identity { id, epoch: epoch + 1 }),
            _ => None,
        };
        for partition in std::mem::take(&mut self.to_renumber) {
            self.unresolved.remove(&partition);
            self.start_over(&partition, batches);
        }
    }

    /// Numbers the partition's batches anew from 0, under the current id and epoch.
    fn start_over(&mut self, partition: &TopicPartition, batches: &mut Batches) {
        let identity = self.identity;
        let Some(numbers) = self.partitions.get_mut(partition) else {
            return;
        };
        let mut sequence = 0;
        let mut in_flight = SmallMap::new();
        for (_, id) in std::mem::take(&mut numbers.in_flight) {
            let Some(batch) = batches.get_mut(&id) else { continue };
            // Without an identity the batches are numbered once more when there is one, see `ready`.
            let Identity { id: producer_id, epoch } = identity.unwrap_or(Identity { id: -1, epoch: -1 });
            batch.reset_sequence(Sequenced {
                producer_id,
                epoch,
                base_sequence: sequence,
            });
            in_flight.insert(sequence, id);
            sequence = increment_sequence(sequence, batch.record_count());
        }
        *numbers = Numbers {
            identity,
            next: sequence,
            last_acked: None,
            in_flight,
        };
    }

    /// Whether a batch may be sent now. New batches wait while their partition still has batches under an older
    /// epoch or an unresolved gap; retries go out in the order of their numbers, one at a time.
    pub(crate) fn may_send(&self, batch: &Batch) -> bool {
        let Some(identity) = self.identity.filter(|_| matches!(self.standing, Standing::Ready)) else {
            return false;
        };
        let Some(numbers) = self.partitions.of_partition(&batch.partition) else {
            return true;
        };
        match batch.base_sequence() {
            None => {
                let stale = numbers.identity != Some(identity) && !numbers.in_flight.is_empty();
                !stale && !self.unresolved.contains_key(&batch.partition)
            }
            Some(sequence) => numbers.in_flight.keys().next().is_none_or(|&first| first == sequence),
        }
    }

    /// Numbers a batch that goes out for the first time.
    pub(crate) fn assign(&mut self, batch: &mut Batch) {
        if batch.sequenced.is_some() {
            return;
        }
        let identity = self.identity.expect("batches are only sent with a producer id");
        let numbers = match self.partitions.place_of_partition(&batch.partition) {
            Some(place) => self.partitions.value_at_mut(place).expect("it has just been found"),
            None => self
                .partitions
                .get_or_insert_with(batch.partition.clone(), Numbers::default),
        };
        if numbers.identity != Some(identity) {
            *numbers = Numbers {
                identity: Some(identity),
                ..Numbers::default()
            };
        }
        batch.sequenced = Some(Sequenced {
            producer_id: identity.id,
            epoch: identity.epoch,
            base_sequence: numbers.next,
        });
        numbers.in_flight.insert(numbers.next, batch.id);
        numbers.next = increment_sequence(numbers.next, batch.record_count());
    }

    /// Follows a batch that came out of another with its numbers.
    pub(crate) fn track(&mut self, batch: &Batch) {
        if let (Some(sequence), Some(numbers)) = (
            batch.base_sequence(),
            self.partitions.of_partition_mut(&batch.partition),
        ) {
            numbers.in_flight.insert(sequence, batch.id);
        }
    }

    /// Stops following a batch.
    pub(crate) fn untrack(&mut self, batch: &Batch) {
        if let Some(numbers) = self.partitions.of_partition_mut(&batch.partition) {
            numbers.untrack(batch);
        }
    }

    /// The broker acknowledged a batch.
    pub(crate) fn completed(&mut self, batch: &Batch) {
        let Some(numbers) = self.partitions.of_partition_mut(&batch.partition) else {
            return;
        };
        if let Some(last) = batch.last_sequence() {
            numbers.last_acked = Some(numbers.last_acked.map_or(last, |acked| acked.max(last)));
        }
        numbers.untrack(batch);
    }

    /// A batch failed for good. With `adjust` its numbers were certainly not used up, so that the others must be
    /// numbered anew.
    pub(crate) fn failed(&mut self, batch: &Batch, error: Option<ErrorCode>, adjust: bool) {
        self.untrack(batch);
        match error {
            Some(ErrorCode::CLUSTER_AUTHORIZATION_FAILED | ErrorCode::UNSUPPORTED_VERSION) => {
                let error = error.expect("matched as present");
                self.standing = Standing::Failed(SendError::Broker(error));
            }
            Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) => self.ask_bump(&batch.partition),
            Some(ErrorCode::UNKNOWN_PRODUCER_ID) => {
                self.partitions.remove(&batch.partition);
            }
            _ if adjust && batch.sequenced.is_some() => self.ask_bump(&batch.partition),
            _ => {}
        }
    }

    /// A retried batch ran out of time: whether it was written is not known until its partition is quiet.
    pub(crate) fn mark_unresolved(&mut self, batch: &Batch) {
        if let Some(last) = batch.last_sequence() {
            let next = increment_sequence(last, 1);
            let known = self.unresolved.get_or_insert_with(batch.partition.clone(), || next);
            *known = next.max(*known);
        }
    }

    fn ask_bump(&mut self, partition: &TopicPartition) {
        self.to_renumber.insert(partition.clone());
    }

    /// Whether a batch that got this error can be sent again; may ask for an epoch bump first.
    pub(crate) fn can_retry(&mut self, batch: &Batch, error: ErrorCode, log_start_offset: i64) -> bool {
        match error {
            ErrorCode::UNKNOWN_PRODUCER_ID => {
                // Without a log start the broker is too old to tell what happened to the state: just try again.
                if log_start_offset != -1 && !batch.sequence_reset {
                    self.ask_bump(&batch.partition);
                }
                true
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => {
                let sequence = batch.base_sequence().unwrap_or(-1);
                let unresolved = self.unresolved.get(&batch.partition).copied();
                let gap_before = batch.sequence_reset || !self.is_next(&batch.partition, sequence);
                let bump = match unresolved {
                    // An earlier batch is missing and will be retried, or this one is numbered anew already.
                    None => !gap_before,
                    Some(expected) => expected == sequence,
                };
                if bump {
                    self.ask_bump(&batch.partition);
                }
                true
            }
            _ => error.is_retriable(),
        }
    }

    fn is_next(&self, partition: &TopicPartition, sequence: i32) -> bool {
        let acked = self.partitions.get(partition).and_then(|numbers| numbers.last_acked);
        sequence.wrapping_sub(acked.unwrap_or(-1)) == 1
    }
}
