//! What was seen of one replica's log so far, kept up by looking only at what was added.

use std::collections::BTreeMap;

use kafka_sim_core::Offset;
use kafka_sim_core::batch::BatchHeader;

use super::runs::Runs;
use crate::log::{Log, ProducerMark};

/// A replica's log as it was last seen.
#[derive(Clone, Default, Debug)]
pub(super) struct Shadow {
    runs: Runs,
    /// The last batch of every producer.
    producers: BTreeMap<i64, ProducerMark>,
    /// The log may have lost records meanwhile: look at all of it.
    stale: bool,
}

/// What is wrong with a producer's batches.
pub(super) type Misfit = String;

impl Shadow {
    pub(super) fn forget(&mut self) {
        self.stale = true;
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Looks at what was added. `now_ms` is the broker's clock.
    pub(super) fn follow(&mut self, log: &Log, now_ms: i64) -> Option<Misfit> {
        let end = log.log_end_offset();
        if self.stale || end < self.runs.end() {
            *self = Shadow::default();
        }
        if end == self.runs.end() && !self.runs.is_empty() {
            return None;
        }
        let mut misfit = None;
        let mut added = Vec::new();
        for header in log.headers_from(self.runs.end()) {
            self.runs
                .push(header.base_offset, header.next_offset(), header.leader_epoch);
            if header.has_producer_id() && !header.is_control() {
                misfit = misfit.or(self.sequence_misfit(header, log));
                self.producers.insert(header.producer_id, ProducerMark::of(header));
                if !added.contains(&header.producer_id) {
                    added.push(header.producer_id);
                }
            }
        }
        added.into_iter().fold(misfit, |misfit, id| {
            misfit.or_else(|| self.state_misfit(id, log, now_ms))
        })
    }

    /// A producer's batches follow each other without gap or repetition, as long as it is remembered.
    fn sequence_misfit(&self, header: &BatchHeader, log: &Log) -> Option<Misfit> {
        let last = self.producers.get(&header.producer_id)?;
        let forgotten = header.max_timestamp.saturating_sub(last.timestamp) >= log.config().producer_id_expiration_ms;
        let expected = match last.last_sequence {
            _ if last.epoch != header.producer_epoch => 0,
            i32::MAX => 0,
            sequence => sequence + 1,
        };
        (header.base_sequence != expected && !forgotten).then(|| {
            format!(
                "the batch of producer {} at offset {} has sequence number {} where {expected} follows",
                header.producer_id, header.base_offset, header.base_sequence
            )
        })
    }

    fn state_misfit(&self, id: i64, log: &Log, now_ms: i64) -> Option<Misfit> {
        let written = self.producers[&id];
        let known = log.producer_mark(id);
        let expired = || now_ms.saturating_sub(written.timestamp) >= log.config().producer_id_expiration_ms;
        (known != Some(written) && !(known.is_none() && expired()))
            .then(|| format!("of producer {id} the log ends with {written:?}, and what is remembered is {known:?}"))
    }
}

/// The first offset that is in the log.
pub(super) fn first_offset(log_start: Offset, runs: &Runs) -> Offset {
    runs.starts()
        .next()
        .map_or(log_start, |(start, ..)| start.max(log_start))
}
