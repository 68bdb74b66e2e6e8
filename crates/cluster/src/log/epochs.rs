//! Which leader epoch began at which offset (LeaderEpochFileCache).

use bytes::Bytes;
use kafka_sim_core::{Offset, SimTime};

use super::{Log, checkpoint};
use crate::disk::{Disk, IoError};

const FILE: &str = "leader-epoch-checkpoint";

/// Leader epochs and their first offsets, both ascending.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct EpochCache {
    entries: Vec<(i32, Offset)>,
}

impl EpochCache {
    /// Records that `epoch` starts at `start`. Entries that contradict it go. Returns whether anything changed.
    pub(super) fn assign(&mut self, epoch: i32, start: Offset) -> bool {
        match self.entries.last() {
            Some(&(latest, latest_start)) if latest == epoch && start >= latest_start => return false,
            _ => {}
        }
        self.entries
            .retain(|&(other, other_start)| other < epoch && other_start < start);
        self.entries.push((epoch, start));
        true
    }

    pub(super) fn latest(&self) -> Option<i32> {
        self.entries.last().map(|&(epoch, _)| epoch)
    }

    pub(super) fn epoch_at(&self, offset: Offset) -> Option<i32> {
        let after = self.entries.partition_point(|&(_, start)| start <= offset);
        after.checked_sub(1).map(|at| self.entries[at].0)
    }

    fn end_offset_for(&self, epoch: i32, log_end: Offset) -> Option<(i32, Offset)> {
        let (latest, _) = *self.entries.last()?;
        let (smallest, smallest_start) = *self.entries.first()?;
        if epoch < 0 || epoch > latest {
            None
        } else if epoch == latest {
            Some((epoch, log_end))
        } else if epoch < smallest {
            Some((epoch, smallest_start))
        } else {
            let next = self.entries.partition_point(|&(other, _)| other <= epoch);
            Some((self.entries[next - 1].0, self.entries[next].1))
        }
    }

    /// Drops the epochs that start at `end` or later. Returns whether there were any.
    pub(super) fn truncate_from_end(&mut self, end: Offset) -> bool {
        let kept = self.entries.partition_point(|&(_, start)| start < end);
        let changed = kept < self.entries.len();
        self.entries.truncate(kept);
        changed
    }

    /// Drops the epochs below `start`; the one `start` falls into starts there now. Returns whether anything changed.
    pub(super) fn truncate_from_start(&mut self, start: Offset) -> bool {
        let below = self.entries.partition_point(|&(_, first)| first <= start);
        let Some(last) = below.checked_sub(1) else { return false };
        let changed = last > 0 || self.entries[last].1 != start;
        self.entries.drain(..last);
        self.entries[0].1 = start;
        changed
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The file of a partition, or nothing if it is missing or corrupt.
    pub(super) fn load(disk: &Disk, dir: &str) -> Self {
        let rows = checkpoint::read_rows(disk, &path(dir)).unwrap_or_default();
        let parsed: Option<Vec<(i32, Offset)>> = rows
            .iter()
            .map(|row| match row.as_slice() {
                [epoch, start] => Some((epoch.parse().ok()?, start.parse().ok()?)),
                _ => None,
            })
            .collect();
        let entries = parsed.unwrap_or_default();
        let ascending = entries
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        EpochCache {
            entries: if ascending { entries } else { Vec::new() },
        }
    }

    fn to_file(&self) -> Bytes {
        checkpoint::pairs_to_text(&self.entries)
    }
}

impl Log {
    /// The newest epoch the log knows.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.epochs.latest()
    }

    /// The epoch `offset` was or would be written in.
    pub fn epoch_at(&self, offset: Offset) -> Option<i32> {
        self.epochs.epoch_at(offset)
    }

    /// Where `epoch` ends in this log: the largest epoch not above it, and the offset after its last. `None` if the log
    /// cannot tell.
    pub fn end_offset_for(&self, epoch: i32) -> Option<(i32, Offset)> {
        self.epochs.end_offset_for(epoch, self.log_end)
    }

    /// Records that a leader epoch begins, synced before anything is written in it. Returns when it is durable: `now` if
    /// the epoch was known.
    ///
    /// # Errors
    /// The checkpoint file could not be written; the log directory is to go offline.
    pub fn assign_epoch(
        &mut self,
        disk: &mut Disk,
        epoch: i32,
        start: Offset,
        now: SimTime,
    ) -> Result<SimTime, IoError> {
        if self.epochs.assign(epoch, start) {
            disk.write_checkpoint(&path(&self.dir), self.epochs.to_file(), now)
        } else {
            Ok(now)
        }
    }

    /// Writes the epochs without waiting for the disk, as after truncations: a loss of power may bring the old file back,
    /// and opening the log cuts it again.
    pub(super) fn write_epochs_unsynced(&self, disk: &mut Disk, now: SimTime) -> Result<(), IoError> {
        disk.write_unsynced(&path(&self.dir), self.epochs.to_file(), now)
    }
}

fn path(dir: &str) -> String {
    [dir, "/", FILE].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, Offset)]) -> EpochCache {
        EpochCache {
            entries: entries.to_vec(),
        }
    }

    #[test]
    fn the_end_of_an_epoch_is_where_the_next_one_starts() {
        let cache = cache(&[(2, 10), (4, 20), (7, 30)]);
        let cases = [
            (-1, None),
            (0, Some((0, 10))),
            (1, Some((1, 10))),
            (2, Some((2, 20))),
            (3, Some((2, 20))),
            (4, Some((4, 30))),
            (6, Some((4, 30))),
            (7, Some((7, 99))),
            (8, None),
        ];
        for (epoch, expected) in cases {
            assert_eq!(cache.end_offset_for(epoch, 99), expected, "epoch {epoch}");
        }
        assert_eq!(EpochCache::default().end_offset_for(0, 99), None);
    }

    #[test]
    fn assigning_drops_what_contradicts_it() {
        let mut epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        assert!(!epochs.assign(7, 35), "the epoch is known");
        assert!(epochs.assign(8, 30), "epoch 7 turned out empty");
        assert_eq!(epochs.entries, [(2, 10), (4, 20), (8, 30)]);
        assert!(epochs.assign(3, 25));
        assert_eq!(epochs.entries, [(2, 10), (3, 25)]);
    }

    #[test]
    fn truncation_below_epochs_forgets_them() {
        let mut epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        assert!(!epochs.truncate_from_end(31));
        assert!(epochs.truncate_from_end(20));
        assert_eq!(epochs.entries, [(2, 10)]);
        assert!(epochs.truncate_from_end(0));
        assert_eq!(epochs.latest(), None);
    }

    #[test]
    fn raising_the_start_moves_the_epoch_it_falls_into() {
        let mut epochs = cache(&[(2, 10), (4, 20), (7, 30)]);
        assert!(!epochs.truncate_from_start(5));
        assert!(epochs.truncate_from_start(25));
        assert_eq!(epochs.entries, [(4, 25), (7, 30)]);
        assert!(!epochs.truncate_from_start(25));
        assert_eq!(
            (epochs.epoch_at(24), epochs.epoch_at(29), epochs.epoch_at(30)),
            (None, Some(4), Some(7))
        );
    }
}
