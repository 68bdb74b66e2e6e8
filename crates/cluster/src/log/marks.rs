//! What somebody from outside can compare a log with.

use kafka_sim_core::Offset;
use kafka_sim_core::batch::BatchHeader;

use super::Log;

/// Where a producer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProducerMark {
    pub(crate) epoch: i16,
    pub(crate) last_sequence: i32,
    pub(crate) last_offset: Offset,
    pub(crate) timestamp: i64,
}

impl ProducerMark {
    /// After a batch.
    pub(crate) fn of(header: &BatchHeader) -> ProducerMark {
        ProducerMark {
            epoch: header.producer_epoch,
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            timestamp: header.max_timestamp,
        }
    }
}

impl Log {
    /// No record goes but with everything before it: what is there can be told from epochs and where they begin.
    pub(crate) fn keeps_every_record(&self) -> bool {
        self.config.cleanup_delete && !self.config.cleanup_compact
    }

    /// The headers of all batches that end at `offset` or later.
    pub(crate) fn headers_from(&self, offset: Offset) -> impl Iterator<Item = &BatchHeader> {
        let first = self.segments.partition_point(|segment| segment.base_offset <= offset);
        let entries = self.segments[first.saturating_sub(1)..]
            .iter()
            .flat_map(move |segment| &segment.entries[segment.at_or_after(offset)..]);
        entries.map(|entry| &entry.batch.header)
    }

    /// What is remembered of a producer.
    pub(crate) fn producer_mark(&self, id: i64) -> Option<ProducerMark> {
        let state = self.producers.get(id)?;
        let last = state.batches.last()?;
        Some(ProducerMark {
            epoch: state.epoch,
            last_sequence: last.last_sequence,
            last_offset: last.last_offset,
            timestamp: last.timestamp,
        })
    }
}
