//! What the log remembers of idempotent producers, so that it can recognise a batch sent twice (ProducerStateManager).

use kafka_sim_core::batch::{BatchHeader, NO_SEQUENCE};
use kafka_sim_core::{ErrorCode, Offset, SmallMap};
use smallvec::SmallVec;

use super::AppendError;

/// How many batches of a producer are remembered.
const REMEMBERED_BATCHES: usize = 5;

/// A batch in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BatchMeta {
    pub(super) last_sequence: i32,
    pub(super) last_offset: Offset,
    /// Last offset minus first offset.
    pub(super) offset_delta: i32,
    pub(super) timestamp: i64,
}

impl BatchMeta {
    fn of(header: &BatchHeader) -> Self {
        BatchMeta {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    pub(super) fn first_offset(&self) -> Offset {
        self.last_offset - i64::from(self.offset_delta)
    }

    fn first_sequence(&self) -> i32 {
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        // Sequence numbers wrap from 2^31 − 1 to 0, so this is in range again.
        first.rem_euclid(i64::from(i32::MAX) + 1) as i32
    }
}

/// One producer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ProducerState {
    pub(super) epoch: i16,
    /// Time of the last batch by its own timestamps.
    pub(super) last_timestamp: i64,
    /// Oldest first, at most five, all of this epoch.
    pub(super) batches: SmallVec<[BatchMeta; REMEMBERED_BATCHES]>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ProducerStates {
    states: SmallMap<i64, ProducerState>,
}

impl ProducerStates {
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &ProducerState)> {
        self.states.iter().map(|(id, state)| (*id, state))
    }

    pub(super) fn get(&self, id: i64) -> Option<&ProducerState> {
        self.states.get(&id)
    }

    pub(super) fn insert(&mut self, id: i64, state: ProducerState) {
        self.states.insert(id, state);
    }

    pub(super) fn clear(&mut self) {
        self.states.clear();
    }

    /// The batch in the log that this one repeats: same epoch and exactly the same sequence numbers.
    pub(super) fn duplicate_of(&self, header: &BatchHeader) -> Option<BatchMeta> {
        let state = self
            .states
            .get(&header.producer_id)
            .filter(|state| state.epoch == header.producer_epoch)?;
        let range = (header.base_sequence, header.last_sequence());
        state
            .batches
            .iter()
            .find(|batch| (batch.first_sequence(), batch.last_sequence) == range)
            .copied()
    }

    /// Whether a leader may append the batch. `sequences`: not only the epoch is checked.
    pub(super) fn check(&self, header: &BatchHeader, sequences: bool) -> Result<(), AppendError> {
        let Some(state) = self.states.get(&header.producer_id) else {
            return Ok(());
        };
        if header.producer_epoch < state.epoch {
            let text = format!("the epoch {} is older than {}", header.producer_epoch, state.epoch);
            return Err(AppendError::new(ErrorCode::INVALID_PRODUCER_EPOCH, text));
        }
        if !sequences || header.is_control() {
            return Ok(());
        }
        let last = match state.batches.last() {
            Some(batch) if header.producer_epoch == state.epoch => batch.last_sequence,
            _ => NO_SEQUENCE,
        };
        let expected = if last == i32::MAX { 0 } else { last + 1 };
        if header.base_sequence == expected {
            return Ok(());
        }
        let text = format!(
            "the sequence number {} came where {expected} was expected",
            header.base_sequence
        );
        Err(AppendError::new(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, text))
    }

    /// The batch is in the log. Followers come here without [`ProducerStates::check`]: they never refuse.
    pub(super) fn note(&mut self, header: &BatchHeader) {
        if !header.has_producer_id() {
            return;
        }
        let state = self.states.get_or_insert_with(header.producer_id, || ProducerState {
            epoch: header.producer_epoch,
            last_timestamp: header.max_timestamp,
            batches: SmallVec::new(),
        });
        if state.epoch != header.producer_epoch {
            state.epoch = header.producer_epoch;
            state.batches.clear();
        }
        state.last_timestamp = header.max_timestamp;
        if header.is_control() {
            return;
        }
        if state.batches.len() == REMEMBERED_BATCHES {
            state.batches.remove(0);
        }
        state.batches.push(BatchMeta::of(header));
    }

    pub(super) fn expire(&mut self, now_ms: i64, after_ms: i64) {
        self.states
            .retain(|_, state| now_ms.saturating_sub(state.last_timestamp) < after_ms);
    }
}
