//! Making the log durable, and knowing how far it is.

use std::time::Duration;

use kafka_sim_core::{Offset, SimTime};

use super::Log;
use crate::disk::{Disk, IoError};

/// How far fsync has come.
#[derive(Clone, Debug)]
pub(super) struct FlushState {
    /// Everything below is durable.
    recovery_point: Offset,
    /// Everything below is durable once the syncs under way are.
    flushed_to: Offset,
    /// Syncs under way: when they are durable, and up to which offset.
    pending: Vec<(SimTime, Offset)>,
    last_flush: SimTime,
}

impl FlushState {
    pub(super) fn at(offset: Offset, now: SimTime) -> Self {
        FlushState {
            recovery_point: offset,
            flushed_to: offset,
            pending: Vec::new(),
            last_flush: now,
        }
    }

    pub(super) fn truncate(&mut self, offset: Offset) {
        self.recovery_point = self.recovery_point.min(offset);
        self.flushed_to = self.flushed_to.min(offset);
        self.pending
            .iter_mut()
            .for_each(|(_, upto)| *upto = (*upto).min(offset));
    }

    pub(super) fn settle(&mut self, now: SimTime) {
        while let Some(&(at, upto)) = self.pending.first()
            && at <= now
        {
            self.recovery_point = self.recovery_point.max(upto);
            self.pending.remove(0);
        }
    }
}

impl Log {
    /// Offset below which everything is known to be durable, as of the last append, flush or sweep.
    pub fn recovery_point(&self) -> Offset {
        self.flush.recovery_point
    }

    /// Counts the syncs that are complete by `now` towards the recovery point.
    pub fn settle(&mut self, now: SimTime) {
        self.flush.settle(now);
    }

    /// fsync of everything in the log. Returns when it is durable: `now` if there was nothing to do.
    ///
    /// # Errors
    /// fsync failed; the log directory is to go offline.
    pub fn flush(&mut self, disk: &mut Disk, now: SimTime) -> Result<SimTime, IoError> {
        self.flush_below(disk, self.log_end, now)
    }

    /// Flushes if `flush.ms` have passed since the last flush and there is anything to flush.
    ///
    /// # Errors
    /// fsync failed; the log directory is to go offline.
    pub fn flush_if_due(&mut self, disk: &mut Disk, now: SimTime) -> Result<Option<SimTime>, IoError> {
        self.flush.settle(now);
        let waited = now.saturating_since(self.flush.last_flush);
        if self.flush.flushed_to >= self.log_end || waited < Duration::from_millis(self.config.flush_ms) {
            return Ok(None);
        }
        self.flush(disk, now).map(Some)
    }

    /// Flushes if `flush.messages` records have accumulated.
    pub(super) fn flush_if_many(&mut self, disk: &mut Disk, now: SimTime) -> Result<Option<SimTime>, IoError> {
        let unflushed = u64::try_from(self.log_end - self.flush.flushed_to).unwrap_or(0);
        if unflushed < self.config.flush_messages {
            return Ok(None);
        }
        self.flush(disk, now).map(Some)
    }

    /// Syncs the segments that hold unflushed records below `offset`.
    pub(super) fn flush_below(&mut self, disk: &mut Disk, offset: Offset, now: SimTime) -> Result<SimTime, IoError> {
        self.flush.settle(now);
        let under_way = self.flush.pending.last().map_or(now, |(at, _)| *at);
        if offset <= self.flush.flushed_to {
            return Ok(under_way);
        }
        let first = self
            .segments
            .partition_point(|segment| segment.base_offset <= self.flush.flushed_to);
        let mut durable = under_way;
        for segment in &self.segments[first.saturating_sub(1)..] {
            #[cfg(feature = "mutants")]
            if self.mutant == Some(crate::mutant::Mutant::FsyncIgnored) {
                continue;
            }
            if segment.base_offset < offset {
                durable = durable.max(disk.sync(segment.file, now)?);
            }
        }
        self.flush.flushed_to = offset;
        self.flush.last_flush = now;
        self.flush.pending.push((durable, offset));
        self.flush.settle(now);
        Ok(durable)
    }

    /// Flushes the log and writes the producer snapshot, as a clean shutdown does. Returns when all of it is durable. The
    /// recovery point is the log end from here on: a checkpoint written now takes no less time than this flush.
    ///
    /// # Errors
    /// The disk failed; the shutdown is not clean.
    pub fn close_clean(&mut self, disk: &mut Disk, now: SimTime) -> Result<SimTime, IoError> {
        // The active segment is synced in any case: a truncation since the last flush is to be durable too.
        let active = disk.sync(self.active().file, now)?;
        let flushed = self.flush(disk, now)?.max(active);
        let snapshot = self.write_snapshot(disk, now)?;
        self.flush = FlushState::at(self.log_end, now);
        Ok(flushed.max(snapshot))
    }

    /// Offset below which a loss of power at `now` could not touch anything.
    pub fn durable_end_offset(&self, disk: &Disk, now: SimTime) -> Offset {
        for segment in &self.segments {
            let durable = disk.durable_len(segment.file, now);
            let whole = segment.entries.partition_point(|entry| entry.end() <= durable);
            if let Some(entry) = segment.entries.get(whole) {
                return entry.batch.header.base_offset;
            }
        }
        self.log_end
    }
}
