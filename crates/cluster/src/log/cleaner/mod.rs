//! Compaction: of every key only the last record stays (Cleaner, LogCleanerManager).
//!
//! One cleaning runs like this. [`Log::cleanable`] says which range is dirty and whether it is worth it.
//! [`Log::begin_cleaning`] reads the dirty range into a map from keys to offsets ([`keys`]), and sorts the segments below
//! its end into groups that fit into one segment each ([`range`]). For each group a new segment is written with what stays
//! ([`filter`], [`transactions`]), synced, and put in the place of the old ones ([`swap`]). [`Log::continue_cleaning`]
//! takes the next step once the disk is done with the last one, so the log is read, appended to, killed and loses power in
//! between. The active segment and everything past the last stable offset are never touched, and no offset changes.
//!
//! What is read is what the disk shows, without looking at checksums, as in Kafka: damage that does not stop a batch from
//! being parsed is copied, under a new and valid checksum if the batch is written anew.
//!
//! Divergence: copying takes no time besides the syncs (`log.cleaner.io.max.bytes.per.second` has no effect), and keys are
//! compared, not their MD5 hashes.

mod filter;
mod keys;
mod range;
pub(super) mod swap;
mod transactions;

use std::collections::VecDeque;

use kafka_sim_core::batch::BatchError;
use kafka_sim_core::{Offset, SimTime};

use super::Log;
use crate::disk::{Disk, IoError};

pub use range::Cleanable;

use filter::Filter;
use keys::KeyMap;
use swap::Replacement;
use transactions::Transactions;

/// Why a cleaning ended early. The log is as it was before the group of segments it was at.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CleaningError {
    /// The disk failed; the log directory is to go offline.
    #[error(transparent)]
    Disk(#[from] IoError),
    /// A batch cannot be read: the partition cannot be cleaned any more.
    #[error("a batch cannot be read: {0}")]
    Damaged(#[from] BatchError),
}

/// Where a cleaning is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleaning {
    /// The disk is busy until then; [`Log::continue_cleaning`] goes on.
    Waits(SimTime),
    /// It is over.
    Done(Cleaned),
}

/// What a cleaning has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cleaned {
    /// Where the dirty range began.
    pub from: Offset,
    /// The offset after the dirty range: what the checkpoint is to say.
    pub to: Offset,
    /// Size of the segments before, in bytes.
    pub bytes_before: u64,
    /// Their size after.
    pub bytes_after: u64,
}

/// A cleaning under way.
#[derive(Clone, Debug)]
pub(super) struct Job {
    keys: KeyMap,
    transactions: Transactions,
    /// End of the range that may be cleaned. The batch that ends there keeps at least its header.
    end: Offset,
    /// The broker's clock when the cleaning began.
    now_ms: i64,
    /// Base offsets of the segments that are to become one, for each segment to come.
    groups: VecDeque<Vec<Offset>>,
    /// Written, and synced at the end of the step.
    written: Option<Replacement>,
    cleaned: Cleaned,
}

impl Log {
    /// Whether a cleaning is under way.
    pub fn is_being_cleaned(&self) -> bool {
        self.cleaning.is_some()
    }

    /// Begins a cleaning of what [`Log::cleanable`] has found. `max_keys` is how many keys there is memory for: a dirty
    /// range with more of them is cleaned only as far as they reach. `now_ms` is the broker's clock.
    ///
    /// # Errors
    /// See [`CleaningError`].
    pub fn begin_cleaning(
        &mut self,
        disk: &mut Disk,
        range: &Cleanable,
        max_keys: usize,
        now: SimTime,
        now_ms: i64,
    ) -> Result<Cleaning, CleaningError> {
        self.abort_cleaning(disk, now);
        let aborted = self.aborted_transactions(disk, range.end)?;
        let keys = self.map_keys(disk, range, &aborted, max_keys)?;
        let to = keys.end();
        let groups = self.groups_below(to, range.end);
        self.cleaning = Some(Box::new(Job {
            keys,
            transactions: Transactions::of(aborted),
            end: range.end,
            now_ms,
            groups,
            written: None,
            cleaned: Cleaned {
                from: range.first_dirty,
                to,
                bytes_before: 0,
                bytes_after: 0,
            },
        }));
        self.continue_cleaning(disk, now)
    }

    /// The next step of a cleaning. Must be called at the instant the last step gave, or later.
    ///
    /// # Errors
    /// See [`CleaningError`]. The cleaning is over then.
    ///
    /// # Panics
    /// Without a cleaning under way.
    pub fn continue_cleaning(&mut self, disk: &mut Disk, now: SimTime) -> Result<Cleaning, CleaningError> {
        let mut job = self.cleaning.take().expect("only a cleaning under way is continued");
        if let Some(written) = job.written.take() {
            let durable = self.swap_in(disk, written, now)?;
            self.cleaning = Some(job);
            return Ok(Cleaning::Waits(durable));
        }
        let Some(group) = job.groups.pop_front() else {
            return Ok(Cleaning::Done(job.cleaned));
        };
        let (replacement, durable) = self.write_replacement(disk, &mut job, group, now)?;
        job.written = Some(replacement);
        self.cleaning = Some(job);
        Ok(Cleaning::Waits(durable))
    }

    /// Gives up a cleaning under way, as before a truncation. What was swapped in stays.
    pub fn abort_cleaning(&mut self, disk: &mut Disk, now: SimTime) {
        if let Some(replacement) = self.cleaning.take().and_then(|job| job.written) {
            disk.unlink(replacement.file(), now);
        }
    }
}
