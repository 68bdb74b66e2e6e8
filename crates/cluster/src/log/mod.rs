//! One replica's log: segments of record batches, leader epochs and producer state.
//!
//! The log is what a broker process knows; what it has written is in its [`Disk`](crate::disk::Disk). Killing the process
//! drops the `Log` and keeps the disk, and [`Log::open`] makes a new one from what is there.
//!
//! Divergence: Kafka finds batches through sparse index files. Here the log keeps its batches (which share their bytes with
//! the disk, the requests and the other replicas) in order and searches them, so there are no index files to flush or to
//! rebuild. Their number of entries is still counted, since a full index closes a segment.

mod append;
pub mod checkpoint;
mod cleaner;
mod config;
mod epochs;
mod error;
mod flush;
mod follower;
mod index;
mod marks;
mod producers;
mod read;
mod recovery;
mod retention;
mod roll;
mod segment;
mod snapshot;
#[cfg(test)]
mod tests;
mod timestamps;
mod truncate;
mod validate;

use std::sync::Arc;

use kafka_sim_core::{Offset, SimTime};

use crate::disk::{FileId, IoError};

pub use append::{AppendOrigin, Appended};
pub use cleaner::{Cleanable, Cleaned, Cleaning, CleaningError};
pub use config::{LogConfig, TopicCompression};
pub use error::AppendError;
pub(crate) use marks::ProducerMark;
pub use read::ReadOutcome;
pub use recovery::{OpenOptions, RecoveryReport};
pub use retention::{RetentionReason, Retired};

use epochs::EpochCache;
use flush::FlushState;
use producers::ProducerStates;
use segment::Segment;

/// The most bytes a compressed batch may decompress to.
const DECOMPRESSION_LIMIT: usize = 128 << 20;

/// One replica's log (UnifiedLog).
#[derive(Clone, Debug)]
pub struct Log {
    /// Directory inside the log directory, "orders-0".
    dir: Arc<str>,
    config: LogConfig,
    /// By base offset; never empty. The last is the active one.
    segments: Vec<Segment>,
    log_start: Offset,
    log_end: Offset,
    epochs: EpochCache,
    producers: ProducerStates,
    flush: FlushState,
    /// Segments that retention or a truncation has renamed, and when they are unlinked.
    deleted: Vec<(SimTime, FileId)>,
    failure: Option<IoError>,
    cleaning: Option<Box<cleaner::Job>>,
    /// First offsets of the segments begun since [`Log::take_rolled`].
    rolled: Vec<Offset>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::mutant::Mutant>,
}

impl Log {
    /// Offset of the first record that may be read.
    pub fn log_start_offset(&self) -> Offset {
        self.log_start
    }

    /// Offset the next record will get.
    pub fn log_end_offset(&self) -> Offset {
        self.log_end
    }

    /// Bytes in all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(Segment::size).sum()
    }

    /// Number of segments, the active one included.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// First offset of the segment that is written to.
    pub fn active_base_offset(&self) -> Offset {
        self.segments.last().map_or(self.log_end, |active| active.base_offset)
    }

    /// First offsets of the segments that were begun since the last call.
    pub fn take_rolled(&mut self) -> Vec<Offset> {
        std::mem::take(&mut self.rolled)
    }

    /// The settings in force.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Applies a changed configuration from the next append on.
    pub fn update_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Why background work (the flush and the producer snapshot after a roll) failed, if it did. Kafka takes the log
    /// directory offline then; every later append is refused with `KAFKA_STORAGE_ERROR`.
    pub fn failure(&self) -> Option<IoError> {
        self.failure
    }

    /// Raises the log start, as DeleteRecords and a leader's answers to its followers do. Returns whether it moved. The
    /// segments below go with the next retention sweep.
    ///
    /// The caller has checked that `offset` is not past the high watermark.
    pub fn raise_log_start(&mut self, offset: Offset) -> bool {
        let raised = offset > self.log_start && offset <= self.log_end;
        if raised {
            self.log_start = offset;
            self.epochs.truncate_from_start(offset);
        }
        raised
    }

    /// Forgets producers that have been idle too long. `now_ms` is the broker's clock.
    pub fn expire_producers(&mut self, now_ms: i64) {
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms);
    }

    /// Number of producers the log remembers.
    pub fn producer_count(&self) -> usize {
        self.producers.len()
    }

    fn active(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has at least one segment")
    }
}
