//! Producer state on disk, and its reconstruction from there and from the batches after it.
//!
//! Only the last batch of each producer is stored, so after a restart an older one that comes again is refused as out of
//! order rather than recognised.
//!
//! Divergence: the file has the fields of Kafka's version 1 that are used here, without a CRC. It is replaced atomically, so
//! it can be old, empty or missing but not torn.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_sim_core::{Offset, SimTime};
use smallvec::{SmallVec, smallvec};

use super::Log;
use super::producers::{BatchMeta, ProducerState, ProducerStates};
use super::roll::offset_path;
use crate::disk::{Disk, IoError};

const VERSION: i16 = 1;
const ENTRY_SIZE: usize = 8 + 2 + 4 + 8 + 4 + 8;
const SUFFIX: &str = ".snapshot";

fn encode(producers: &ProducerStates) -> Bytes {
    let mut out = BytesMut::with_capacity(6 + ENTRY_SIZE * producers.len());
    out.put_i16(VERSION);
    out.put_u32(u32::try_from(producers.len()).expect("fewer than 2^32 producers"));
    for (id, state) in producers.iter() {
        out.put_i64(id);
        out.put_i16(state.epoch);
        let nothing = BatchMeta {
            last_sequence: -1,
            last_offset: -1,
            offset_delta: 0,
            timestamp: -1,
        };
        let last = state.batches.last().copied().unwrap_or(nothing);
        out.put_i32(last.last_sequence);
        out.put_i64(last.last_offset);
        out.put_i32(last.offset_delta);
        out.put_i64(state.last_timestamp);
    }
    out.freeze()
}

fn decode(mut bytes: Bytes) -> Option<ProducerStates> {
    if bytes.try_get_i16().ok()? != VERSION {
        return None;
    }
    let count = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    if bytes.len() != count.checked_mul(ENTRY_SIZE)? {
        return None;
    }
    let mut producers = ProducerStates::default();
    for _ in 0..count {
        let (id, epoch) = (bytes.get_i64(), bytes.get_i16());
        let (last_sequence, last_offset) = (bytes.get_i32(), bytes.get_i64());
        let (offset_delta, timestamp) = (bytes.get_i32(), bytes.get_i64());
        let batches = match last_offset {
            0.. => smallvec![BatchMeta {
                last_sequence,
                last_offset,
                offset_delta,
                timestamp
            }],
            _ => SmallVec::new(),
        };
        producers.insert(
            id,
            ProducerState {
                epoch,
                last_timestamp: timestamp,
                batches,
            },
        );
    }
    Some(producers)
}

impl Log {
    /// Writes the producer state as of the log end.
    pub(super) fn write_snapshot(&self, disk: &mut Disk, now: SimTime) -> Result<SimTime, IoError> {
        disk.write_checkpoint(&self.snapshot_path(self.log_end), encode(&self.producers), now)
    }

    /// Builds the producer state from the newest snapshot inside the log and the batches after it.
    pub(super) fn rebuild_producers(&mut self, disk: &mut Disk) {
        self.producers.clear();
        let mut from = self.log_start;
        for offset in self.snapshot_offsets(disk).into_iter().rev() {
            let path = self.snapshot_path(offset);
            let Some(file) = disk.lookup(&path) else { continue };
            let inside = offset > self.log_start && offset <= self.log_end;
            match decode(disk.read_bytes(file)).filter(|_| inside) {
                Some(producers) => {
                    self.producers = producers;
                    from = offset;
                    break;
                }
                None => disk.remove(file),
            }
        }
        self.replay_producers(from);
    }

    /// Removes the snapshots below the first segment.
    pub(super) fn drop_old_snapshots(&self, disk: &mut Disk) {
        let first = self.segments[0].base_offset;
        self.remove_snapshots(disk, |offset| offset < first);
    }

    pub(super) fn remove_snapshots(&self, disk: &mut Disk, unwanted: impl Fn(Offset) -> bool) {
        for offset in self
            .snapshot_offsets(disk)
            .into_iter()
            .filter(|offset| unwanted(*offset))
        {
            if let Some(file) = disk.lookup(&self.snapshot_path(offset)) {
                disk.remove(file);
            }
        }
    }

    fn replay_producers(&mut self, from: Offset) {
        let first = self
            .segments
            .partition_point(|segment| segment.base_offset <= from)
            .saturating_sub(1);
        for segment in &self.segments[first..] {
            for entry in &segment.entries[segment.at_or_after(from)..] {
                self.producers.note(&entry.batch.header);
            }
        }
    }

    /// Ascending.
    fn snapshot_offsets(&self, disk: &Disk) -> Vec<Offset> {
        let prefix = [&*self.dir, "/"].concat();
        let offset = |path: &str| path.strip_prefix(&prefix)?.strip_suffix(SUFFIX)?.parse().ok();
        disk.below(&prefix).filter_map(|(path, _)| offset(path)).collect()
    }

    fn snapshot_path(&self, offset: Offset) -> String {
        offset_path(&self.dir, offset, SUFFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(last_sequence: i32) -> BatchMeta {
        BatchMeta {
            last_sequence,
            last_offset: i64::from(last_sequence) + 100,
            offset_delta: 0,
            timestamp: 5,
        }
    }

    #[test]
    fn a_snapshot_keeps_only_the_last_batch_of_each_producer() {
        let mut producers = ProducerStates::default();
        producers.insert(
            1,
            ProducerState {
                epoch: 3,
                last_timestamp: 5,
                batches: smallvec![meta(0), meta(1), meta(2)],
            },
        );
        producers.insert(
            2,
            ProducerState {
                epoch: 0,
                last_timestamp: 9,
                batches: SmallVec::new(),
            },
        );
        let read = decode(encode(&producers)).unwrap();
        let states: Vec<_> = read
            .iter()
            .map(|(id, state)| (id, state.epoch, state.batches.to_vec()))
            .collect();
        assert_eq!(states, [(1, 3, vec![meta(2)]), (2, 0, vec![])]);
    }

    #[test]
    fn a_snapshot_of_the_wrong_size_or_version_is_no_snapshot() {
        let good = encode(&ProducerStates::default());
        assert_eq!(decode(good.clone()), Some(ProducerStates::default()));
        assert_eq!(decode(good.slice(..5)), None);
        assert_eq!(decode(Bytes::new()), None);
        assert_eq!(decode(Bytes::from_static(&[0, 2, 0, 0, 0, 0])), None);
        assert_eq!(decode(Bytes::from_static(&[0, 1, 255, 255, 255, 255])), None);
    }
}
