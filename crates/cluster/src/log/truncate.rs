//! Cutting the end off the log.

use kafka_sim_core::{Offset, SimTime};

use super::Log;
use super::flush::FlushState;
use crate::disk::{Disk, IoError};

impl Log {
    /// Makes `offset` the log end. The batch that contains it goes as a whole. At or past the log end no record goes, but
    /// an epoch does that began there and never got a record: a leader that was replaced before anybody wrote to it left
    /// it behind, and the new leader knows nothing of it. Producers are remembered as they were then, so a batch that was undone may come again.
    ///
    /// The caller is to write the recovery-point checkpoint afterwards if the recovery point moved.
    ///
    /// # Errors
    /// The disk failed; the log directory is to go offline.
    pub fn truncate_to(&mut self, disk: &mut Disk, offset: Offset, now: SimTime) -> Result<(), IoError> {
        if offset >= self.log_end {
            return self.truncate_epochs(disk, self.log_end, now);
        }
        if offset < self.segments[0].base_offset {
            return self.truncate_fully_and_start_at(disk, offset, now);
        }
        if offset < self.active_base_offset() {
            self.abort_cleaning(disk, now);
        }
        let kept = self.segments.partition_point(|segment| segment.base_offset <= offset);
        for segment in self.segments.split_off(kept) {
            self.delete_segment(disk, &segment, now);
        }
        let interval = self.config.index_interval_bytes;
        let active = self.active();
        let size = active.cut(active.at_or_after(offset), interval);
        disk.truncate(active.file, size, now);
        self.log_end = offset;
        self.log_start = self.log_start.min(offset);
        self.flush.truncate(offset);
        self.remove_snapshots(disk, |snapshot| snapshot > offset);
        self.rebuild_producers(disk);
        self.truncate_epochs(disk, offset, now)
    }

    fn truncate_epochs(&mut self, disk: &mut Disk, end: Offset, now: SimTime) -> Result<(), IoError> {
        if self.epochs.truncate_from_end(end) {
            self.write_epochs_unsynced(disk, now)?;
        }
        Ok(())
    }

    /// Drops everything and begins again at `offset`, as a follower does that has fallen behind the leader's log start.
    ///
    /// # Errors
    /// The disk failed; the log directory is to go offline.
    pub fn truncate_fully_and_start_at(
        &mut self,
        disk: &mut Disk,
        offset: Offset,
        now: SimTime,
    ) -> Result<(), IoError> {
        let now_ms = self.active().last_modified_ms;
        self.restart_at(disk, offset, now, now_ms)
    }

    pub(super) fn restart_at(
        &mut self,
        disk: &mut Disk,
        offset: Offset,
        now: SimTime,
        now_ms: i64,
    ) -> Result<(), IoError> {
        self.abort_cleaning(disk, now);
        for segment in std::mem::take(&mut self.segments) {
            self.delete_segment(disk, &segment, now);
        }
        self.start_segment(disk, offset, now, now_ms);
        self.remove_snapshots(disk, |_| true);
        self.producers.clear();
        self.log_start = offset;
        self.log_end = offset;
        self.flush = FlushState::at(offset, now);
        self.epochs.clear();
        self.write_epochs_unsynced(disk, now)
    }
}
