//! Partitions of the offsets topic that this broker comes to lead or leads no longer: loading and unloading shards.

use std::time::Duration;

use kafka_sim_core::Offset;
use kafka_sim_core::batch::BatchHeader;

use super::deed::Deed;
use super::host::{Hosted, OFFSETS_TOPIC};
use super::records::Record;
use super::shard::Shard;
use crate::broker::{Broker, Ctx, Effect, Partition, Timer};
use crate::log::Log;
use crate::peer::Tp;

/// The most bytes of records that one batch of the topic may decompress to.
const DECOMPRESSION_LIMIT: usize = 128 << 20;

impl Broker {
    /// This broker leads a partition from now on.
    pub(crate) fn coordinator_elected(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(partition) = self
            .partitions
            .get(&tp)
            .filter(|partition| &*partition.name.topic == OFFSETS_TOPIC)
        else {
            return;
        };
        self.groups.topic = Some(tp.topic);
        if self.groups.shards.contains_key(&tp.partition) {
            return;
        }
        let per_ms = u64::try_from(self.config.offsets_load_buffer_size).unwrap_or(1).max(1);
        let millis = partition.log.size_bytes().div_ceil(per_ms);
        self.groups.shards.insert(
            tp.partition,
            Hosted {
                shard: None,
                timer: None,
            },
        );
        if millis == 0 {
            return self.load_shard(ctx, tp.partition);
        }
        #[cfg(feature = "mutants")]
        if self.spec.mutant == Some(crate::mutant::Mutant::CoordinatorReadsNoLog) {
            let shard = Some(Box::new(Shard::unloaded(partition.high_watermark)));
            self.groups.shards.insert(tp.partition, Hosted { shard, timer: None });
            self.with_shard(ctx, tp.partition, Shard::loaded);
            return;
        }
        let at = ctx.now + Duration::from_millis(millis);
        let timer = Some((at, self.timers.set(at, Timer::GroupShard(tp.partition))));
        self.groups.shards.insert(tp.partition, Hosted { shard: None, timer });
    }

    pub(super) fn load_shard(&mut self, ctx: &mut Ctx<'_>, index: i32) {
        let Some(topic) = self.groups.topic else { return };
        let tp = Tp {
            topic,
            partition: index,
        };
        let Some(partition) = self.partitions.get(&tp) else {
            return;
        };
        let shard = Box::new(read_shard(partition));
        if let Some(hosted) = self.groups.shards.get_mut(&index) {
            hosted.shard = Some(shard);
        }
        self.with_shard(ctx, index, Shard::loaded);
        ctx.effects.push(Effect::Witnessed(tp, Box::new(Deed::Loaded)));
    }

    /// This broker no longer leads a partition.
    pub(crate) fn coordinator_resigned(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        if self.groups.topic != Some(tp.topic) {
            return;
        }
        let Some(hosted) = self.groups.shards.remove(&tp.partition) else {
            return;
        };
        if let Some((_, key)) = hosted.timer {
            self.timers.cancel(key);
        }
        let mut replies = Vec::new();
        if let Some(shard) = hosted.shard {
            shard.unload(&mut replies);
        }
        self.deliver(ctx, replies);
    }
}

/// Reads a shard's whole log.
fn read_shard(partition: &Partition) -> Shard {
    let mut shard = Shard::unloaded(partition.high_watermark);
    read_records(&partition.log, partition.log.log_start_offset(), |_, offset, record| {
        shard.replay(offset + 1, record);
    });
    shard
}

/// Reads the records of a log of the offsets topic from an offset on: with each the header of its batch and its offset.
/// Returns the offset to go on from.
pub(crate) fn read_records(log: &Log, from: Offset, mut each: impl FnMut(&BatchHeader, Offset, Record)) -> Offset {
    let end = log.log_end_offset();
    let mut next = from;
    while next < end {
        let Ok(read) = log.read(next, usize::MAX, end, true) else {
            break;
        };
        let Some(last) = read.batches.last() else { break };
        next = last.header.next_offset();
        for batch in read.batches.iter().filter(|batch| !batch.header.is_control()) {
            for record in batch.records(DECOMPRESSION_LIMIT).unwrap_or_default() {
                let Some(key) = record.key else { continue };
                if let Some(read) = Record::read(key, record.value) {
                    each(&batch.header, record.offset, read);
                }
            }
        }
    }
    next
}
