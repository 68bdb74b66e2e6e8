//! Putting a cleaned segment in the place of others, so that a crash at any moment leaves either the old ones or the new one
//! (LocalLog.replaceSegments, LogLoader).
//!
//! The new segment is written as `.cleaned` and synced, then renamed to `.swap`; from there on it counts. The old segments
//! are renamed to `.deleted`, and the new one gets its name. Whoever opens the log drops `.cleaned` files, and finishes what
//! a `.swap` file has begun.

use kafka_sim_core::batch::{Batch, BatchError};
use kafka_sim_core::{Offset, SimTime};

use super::{CleaningError, Filter, Job};
use crate::disk::{Chunk, Disk, FileId, IoError};
use crate::log::recovery::for_each_batch;
use crate::log::roll::segment_path;
use crate::log::segment::Segment;
use crate::log::{Log, roll};

const CLEANED: &str = ".cleaned";
const SWAP: &str = ".swap";
const DELETED: &str = ".deleted";

/// A segment that is written but not part of the log yet.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    segment: Segment,
    /// Base offsets of the segments it replaces.
    replaces: Vec<Offset>,
}

impl Replacement {
    pub(super) fn file(&self) -> FileId {
        self.segment.file
    }
}

/// The batches of a segment as the disk shows them.
pub(super) fn batches_of(disk: &Disk, segment: &Segment) -> Result<Vec<Batch>, BatchError> {
    let mut batches = Vec::with_capacity(segment.entries.len());
    let mut read = 0;
    for_each_batch(disk.read(segment.file), |batch| {
        read += batch.size();
        batches.push(batch);
        true
    });
    let size = usize::try_from(disk.len(segment.file)).unwrap_or(usize::MAX);
    if read == size {
        Ok(batches)
    } else {
        Err(BatchError::Truncated {
            needed: size,
            available: read,
        })
    }
}

impl Log {
    /// Writes and syncs what stays of a group of segments. Returns when it is durable.
    pub(super) fn write_replacement(
        &self,
        disk: &mut Disk,
        job: &mut Job,
        group: Vec<Offset>,
        now: SimTime,
    ) -> Result<(Replacement, SimTime), CleaningError> {
        let path = format!("{}{CLEANED}", segment_path(&self.dir, group[0]));
        if let Some(leftover) = disk.lookup(&path) {
            disk.unlink(leftover, now);
        }
        let file = disk.open_or_create(&path, now);
        let written = self.copy_cleaned(disk, job, &group, Segment::new(file, group[0], job.now_ms), now);
        let synced = written.and_then(|segment| Ok((segment, disk.sync(file, now)?)));
        match synced {
            Ok((segment, durable)) => {
                job.cleaned.bytes_after += segment.size();
                let replaces = group;
                Ok((Replacement { segment, replaces }, durable))
            }
            Err(error) => {
                disk.unlink(file, now);
                Err(error)
            }
        }
    }

    fn copy_cleaned(
        &self,
        disk: &mut Disk,
        job: &mut Job,
        group: &[Offset],
        mut into: Segment,
        now: SimTime,
    ) -> Result<Segment, CleaningError> {
        let sources = self
            .segments
            .iter()
            .filter(|segment| group.contains(&segment.base_offset));
        let sources: Vec<&Segment> = sources.collect();
        job.cleaned.bytes_before += sources.iter().map(|segment| segment.size()).sum::<u64>();
        let mut filter = Filter::new(job, &self.config, &self.producers);
        for source in sources {
            for batch in batches_of(disk, source)? {
                if let Some(kept) = filter.clean(&batch)? {
                    disk.append(into.file, Chunk::Batch(kept.clone()), now)?;
                    into.push(kept, source.last_modified_ms, self.config.index_interval_bytes);
                }
            }
            into.last_modified_ms = source.last_modified_ms;
        }
        Ok(into)
    }

    /// Makes a replacement part of the log. Returns when that is durable.
    pub(super) fn swap_in(&mut self, disk: &mut Disk, new: Replacement, now: SimTime) -> Result<SimTime, IoError> {
        let path = segment_path(&self.dir, new.segment.base_offset);
        disk.rename(new.segment.file, &format!("{path}{SWAP}"), now);
        let at = self
            .segments
            .partition_point(|segment| segment.base_offset < new.segment.base_offset);
        let end = at + new.replaces.len();
        let file = new.segment.file;
        let old: Vec<Segment> = self.segments.splice(at..end, [new.segment]).collect();
        for segment in old {
            self.delete_segment(disk, &segment, now);
        }
        disk.rename(file, &path, now);
        // The snapshots of segments that are no more would never go otherwise.
        self.remove_snapshots(disk, |offset| new.replaces[1..].contains(&offset));
        disk.sync_names(now)
    }
}

/// Brings the files of a log in order before it is opened: drops what was deleted or only half cleaned, and finishes swaps.
pub(in crate::log) fn settle_files(disk: &mut Disk, dir: &str, now: SimTime) {
    let unsettled = |path: &std::sync::Arc<str>| [DELETED, CLEANED, SWAP].iter().any(|suffix| path.ends_with(suffix));
    if !disk.below(&[dir, "/"].concat()).any(|(path, _)| unsettled(path)) {
        return;
    }
    unlink_all(disk, &with_suffix(disk, dir, DELETED), now);
    let cleaned = with_suffix(disk, dir, CLEANED);
    let mut swaps = with_suffix(disk, dir, SWAP);
    // A swap past a segment that is still being written belongs to a step that never came to its end.
    if let Some(&(first_cleaned, _)) = cleaned.first() {
        let valid = swaps.partition_point(|(base, _)| *base < first_cleaned);
        unlink_all(disk, &swaps.split_off(valid), now);
    }
    unlink_all(disk, &cleaned, now);
    let (Some(&(first, _)), Some(end)) = (swaps.first(), swaps.iter().map(|swap| next_offset(disk, *swap)).max())
    else {
        return;
    };
    let replaced = |(base, _): &(Offset, FileId)| (first..end).contains(base);
    let old: Vec<_> = roll::segment_files(disk, dir).into_iter().filter(replaced).collect();
    unlink_all(disk, &old, now);
    for (base, file) in swaps {
        disk.rename(file, &segment_path(dir, base), now);
    }
}

fn unlink_all(disk: &mut Disk, files: &[(Offset, FileId)], now: SimTime) {
    for (_, file) in files {
        disk.unlink(*file, now);
    }
}

/// Segment files with another ending, by base offset.
fn with_suffix(disk: &Disk, dir: &str, suffix: &str) -> Vec<(Offset, FileId)> {
    roll::files_ending_with(disk, dir, &format!("{}{suffix}", roll::SUFFIX))
}

/// The offset after the last batch of a segment file that can be read.
fn next_offset(disk: &Disk, (base, file): (Offset, FileId)) -> Offset {
    let mut next = base;
    for_each_batch(disk.read(file), |batch| {
        next = batch.header.next_offset();
        true
    });
    next
}
