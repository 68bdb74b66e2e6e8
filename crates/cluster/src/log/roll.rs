//! Closing a segment and starting the next.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{Offset, SimTime};

use super::Log;
use super::segment::Segment;
use crate::disk::{Chunk, Disk, FileId, IoError};

pub(super) const SUFFIX: &str = ".log";

impl Log {
    /// Starts a segment for this batch if the active one must not take it.
    pub(super) fn roll_if_needed(&mut self, disk: &mut Disk, batch: &Batch, now: SimTime, now_ms: i64) {
        let config = &self.config;
        if self
            .segments
            .last()
            .is_some_and(|active| active.must_roll(batch, now_ms, config))
        {
            self.roll(disk, batch.header.base_offset, now, now_ms);
        }
    }

    /// Starts a segment at `base`. The producer snapshot and the flush of what lies below run in the background: nobody
    /// waits for them, and if they fail the log directory goes offline a little later.
    pub(super) fn roll(&mut self, disk: &mut Disk, base: Offset, now: SimTime, now_ms: i64) {
        let background = self
            .write_snapshot(disk, now)
            .and_then(|_| self.flush_below(disk, base, now));
        self.failure = self.failure.or(background.err());
        if self.active().is_empty()
            && let Some(unused) = self.segments.pop()
        {
            disk.remove(unused.file);
        }
        self.start_segment(disk, base, now, now_ms);
        self.rolled.push(base);
    }

    pub(super) fn start_segment(&mut self, disk: &mut Disk, base: Offset, now: SimTime, now_ms: i64) {
        let file = disk.open_or_create(&segment_path(&self.dir, base), now);
        self.segments.push(Segment::new(file, base, now_ms));
    }

    /// Writes a batch that has its place to the active segment.
    pub(super) fn write(&mut self, disk: &mut Disk, batch: Batch, now: SimTime, now_ms: i64) -> Result<(), IoError> {
        let interval = self.config.index_interval_bytes;
        disk.append(self.active().file, Chunk::Batch(batch.clone()), now)?;
        self.log_end = batch.header.next_offset();
        self.producers.note(&batch.header);
        self.active().push(batch, now_ms, interval);
        Ok(())
    }

    /// Renames a segment that is out of the log already. Its space is freed by [`Log::unlink_deleted`].
    pub(super) fn delete_segment(&mut self, disk: &mut Disk, segment: &Segment, now: SimTime) {
        let delay = std::time::Duration::from_millis(self.config.file_delete_delay_ms);
        disk.rename(
            segment.file,
            &format!("{}.deleted", segment_path(&self.dir, segment.base_offset)),
            now,
        );
        self.deleted.push((now.saturating_add(delay), segment.file));
    }

    /// Unlinks segments that were deleted `file.delete.delay.ms` ago or earlier.
    pub(super) fn unlink_deleted(&mut self, disk: &mut Disk, now: SimTime) {
        self.deleted.retain(|(at, file)| {
            let due = *at <= now;
            if due {
                disk.unlink(*file, now);
            }
            !due
        });
    }
}

pub(super) fn segment_path(dir: &str, base: Offset) -> String {
    offset_path(dir, base, SUFFIX)
}

/// As many digits as an offset has in the name of a file.
const ZEROS: &str = "00000000000000000000";

/// The file of a partition that is called by an offset, written with twenty digits, and an ending.
pub(super) fn offset_path(dir: &str, offset: Offset, suffix: &str) -> String {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(offset);
    let zeros = &ZEROS[digits.len()..];
    [dir, "/", zeros, digits, suffix].concat()
}

/// The segment files of a partition by base offset.
pub(super) fn segment_files(disk: &Disk, dir: &str) -> Vec<(Offset, FileId)> {
    files_ending_with(disk, dir, SUFFIX)
}

/// The files of a partition that are called by an offset and this ending, by that offset.
pub(super) fn files_ending_with(disk: &Disk, dir: &str, suffix: &str) -> Vec<(Offset, FileId)> {
    let prefix = [dir, "/"].concat();
    let base = |path: &str| path.strip_prefix(&prefix)?.strip_suffix(suffix)?.parse().ok();
    disk.below(&prefix)
        .filter_map(|(path, file)| Some((base(path)?, file)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_in_a_path_has_twenty_digits() {
        for offset in [0, 42, i64::MAX] {
            assert_eq!(offset_path("dir-0", offset, ".log"), format!("dir-0/{offset:020}.log"));
        }
    }
}
