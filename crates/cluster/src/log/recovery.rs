//! Making a log from what is on the disk (LogLoader, LogSegment.recover).

use kafka_sim_core::batch::{Batch, split_batches};
use kafka_sim_core::{Offset, SimTime};

use super::cleaner::swap;
use super::epochs::EpochCache;
use super::flush::FlushState;
use super::producers::ProducerStates;
use super::segment::Segment;
use super::{Log, LogConfig, roll};
use crate::disk::{Chunk, Disk, Extent, FileId, IoError};

/// What the checkpoint files of the log directory say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// The last shutdown was clean: nothing is scanned.
    pub clean: bool,
    /// Checkpointed recovery point, 0 if unknown.
    pub recovery_point: Offset,
    /// Checkpointed log start, 0 if unknown.
    pub log_start: Offset,
    /// Now.
    pub now: SimTime,
    /// The broker's clock now.
    pub now_ms: i64,
}

/// What opening a log has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    /// Bytes that were read and checked.
    pub scanned: u64,
    /// Bytes that were cut off, whole segments included.
    pub truncated_bytes: u64,
    /// Offset from which on everything was cut off; `None` if nothing was.
    pub lost_from: Option<Offset>,
    /// The log ended below the checkpointed log start, so all of it was dropped.
    pub restarted: bool,
}

impl Log {
    /// Opens the log of a partition, creating it if there is none. After an unclean stop the segments from the one with the
    /// recovery point on are checked batch by batch; the first bad batch and everything after it is cut off, later segments
    /// included. Segments wholly below the recovery point are trusted.
    ///
    /// Nothing checks that batches or segments follow each other without gaps, as in Kafka.
    ///
    /// # Errors
    /// The disk failed; the log directory is to go offline.
    pub fn open(
        disk: &mut Disk,
        dir: &str,
        config: LogConfig,
        options: OpenOptions,
    ) -> Result<(Log, RecoveryReport), IoError> {
        swap::settle_files(disk, dir, options.now);
        let mut report = RecoveryReport::default();
        let epochs = EpochCache::load(disk, dir);
        let mut log = Log {
            dir: dir.into(),
            config,
            segments: Vec::new(),
            log_start: options.log_start,
            log_end: options.log_start,
            epochs: epochs.clone(),
            producers: ProducerStates::default(),
            flush: FlushState::at(0, options.now),
            deleted: Vec::new(),
            failure: None,
            cleaning: None,
            rolled: Vec::new(),
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        log.load_segments(disk, &options, &mut report);
        log.settle_bounds(disk, &options, &epochs, &mut report)?;
        log.rebuild_producers(disk);
        log.producers
            .expire(options.now_ms, log.config.producer_id_expiration_ms);
        let durable = if options.clean {
            log.log_end
        } else {
            options.recovery_point.min(log.log_end)
        };
        log.flush = FlushState::at(durable, options.now);
        Ok((log, report))
    }

    fn load_segments(&mut self, disk: &mut Disk, options: &OpenOptions, report: &mut RecoveryReport) {
        let files = roll::segment_files(disk, &self.dir);
        let mut epochs_learnt = self.epochs.clone();
        for (at, &(base, file)) in files.iter().enumerate() {
            let last = at + 1 == files.len();
            let unflushed = last || files[at + 1].0 > options.recovery_point;
            let scan = unflushed && !options.clean;
            let segment = self.load_segment(disk, base, file, scan, options);
            let (size, len) = (segment.size(), disk.len(file));
            self.log_end = segment
                .entries
                .last()
                .map_or(base, |entry| entry.batch.header.next_offset());
            if scan {
                report.scanned += len;
                learn_epochs(&mut epochs_learnt, &segment);
            }
            self.segments.push(segment);
            if size < len && (scan || last) {
                tracing::info!(dir = %self.dir, offset = self.log_end, bytes = len - size, "cut the log at a bad batch");
                report.truncated_bytes += len - size;
                report.lost_from = Some(self.log_end);
                disk.truncate(file, size, options.now);
                for &(base, file) in &files[at + 1..] {
                    report.truncated_bytes += disk.len(file);
                    self.delete_segment(disk, &Segment::new(file, base, options.now_ms), options.now);
                }
                break;
            }
        }
        if self.segments.is_empty() {
            self.start_segment(disk, options.log_start, options.now, options.now_ms);
        }
        self.epochs = epochs_learnt;
    }

    /// The good batches at the beginning of a segment file.
    fn load_segment(&self, disk: &Disk, base: Offset, file: FileId, scan: bool, options: &OpenOptions) -> Segment {
        let mut segment = Segment::new(file, base, options.now_ms);
        let mut next = base;
        let extents = disk.read(file);
        for_each_batch(extents, |batch| {
            let header = &batch.header;
            // Divergence: Kafka does not mind offsets that go backwards, which only a lost truncation can leave behind.
            let ascends = header.base_offset >= next && header.last_offset() >= header.base_offset;
            let addressable = header.last_offset().saturating_sub(base) <= i64::from(i32::MAX);
            let good = ascends && addressable && (!scan || batch.check_crc());
            if good {
                next = header.next_offset();
                segment.push(batch, options.now_ms, self.config.index_interval_bytes);
            }
            good
        });
        if let Some(last) = extents.last() {
            let age = options.now.saturating_since(last.written).as_millis();
            segment.last_modified_ms = options.now_ms.saturating_sub(i64::try_from(age).unwrap_or(i64::MAX));
        }
        segment
    }

    /// Brings log start, epochs and log end into agreement. `written`: the epochs as their file has them.
    fn settle_bounds(
        &mut self,
        disk: &mut Disk,
        options: &OpenOptions,
        written: &EpochCache,
        report: &mut RecoveryReport,
    ) -> Result<(), IoError> {
        if self.log_end < options.log_start {
            report.restarted = true;
            report.truncated_bytes += self.size_bytes();
            report.lost_from = Some(self.segments[0].base_offset);
            return self.restart_at(disk, options.log_start, options.now, options.now_ms);
        }
        self.log_start = options.log_start.max(self.segments[0].base_offset);
        self.epochs.truncate_from_end(self.log_end);
        self.epochs.truncate_from_start(self.log_start);
        if self.epochs == *written {
            Ok(())
        } else {
            self.write_epochs_unsynced(disk, options.now)
        }
    }
}

/// Only epochs newer than all known ones are learnt from batches.
fn learn_epochs(epochs: &mut EpochCache, segment: &Segment) {
    for header in segment.entries.iter().map(|entry| &entry.batch.header) {
        if header.leader_epoch >= 0 && epochs.latest().is_none_or(|latest| header.leader_epoch > latest) {
            epochs.assign(header.leader_epoch, header.base_offset);
        }
    }
}

/// Hands out batches until `take` returns false or the bytes are no batch. Whole batches are shared with the disk; bytes are
/// put together only from the first chunk on that a loss of power has torn.
pub(super) fn for_each_batch(extents: &[Extent], mut take: impl FnMut(Batch) -> bool) {
    for (at, extent) in extents.iter().enumerate() {
        match &extent.chunk {
            Chunk::Batch(batch) => {
                if !take(batch.clone()) {
                    return;
                }
            }
            Chunk::Plain(_) => {
                let rest = crate::disk::to_bytes(&extents[at..]);
                split_batches(&rest).map_while(Result::ok).all(take);
                return;
            }
        }
    }
}
