//! The log of a shard: appends go to the broker's partition, and what they cause is made known.

use bytes::Bytes;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, Codec};
use kafka_sim_core::{ErrorCode, Offset, SimTime};

use super::records::Record;
use super::turn::Journal;
use crate::broker::{Broker, Ctx, Partition, Timer};
use crate::disk::Disk;
use crate::event::Event;
use crate::log::{AppendError, AppendOrigin, Appended};
use crate::peer::Tp;

/// The log of one shard for the length of one call.
pub(super) struct ShardLog<'a> {
    pub(super) partition: Option<&'a mut Partition>,
    pub(super) disk: &'a mut Disk,
    pub(super) now: SimTime,
    pub(super) now_ms: i64,
    /// The log end before each append, and the append.
    pub(super) appended: Vec<(Offset, Appended)>,
    /// `offsets.topic.compression.codec`
    pub(super) codec: i64,
    pub(super) broken: bool,
}

impl Journal for ShardLog<'_> {
    fn append(&mut self, records: &[Record]) -> Result<Offset, ErrorCode> {
        let partition = self
            .partition
            .as_mut()
            .filter(|partition| partition.is_leader())
            .ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        if self.broken {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let before = partition.log.log_end_offset();
        let bytes = batch(records, self.codec, self.now_ms)?;
        let epoch = partition.leader_epoch;
        match partition.log.append_as_leader(
            self.disk,
            bytes,
            epoch,
            self.now,
            self.now_ms,
            AppendOrigin::Coordinator,
        ) {
            Ok(appended) => {
                self.appended.push((before, appended));
                Ok(appended.last_offset + 1)
            }
            Err(AppendError { code, storage, .. }) => {
                self.broken |= storage;
                Err(code)
            }
        }
    }
}

fn batch(records: &[Record], codec: i64, now_ms: i64) -> Result<Bytes, ErrorCode> {
    let codec = u8::try_from(codec)
        .ok()
        .and_then(|id| Codec::from_id(id).ok())
        .unwrap_or(Codec::None);
    let mut batch = BatchBuilder::new(BatchOptions {
        codec,
        ..BatchOptions::default()
    });
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for record in records {
        key.clear();
        value.clear();
        record.put_key(&mut key);
        let is_there = record.put_value(&mut value).is_some();
        batch.append(now_ms, Some(&key), is_there.then_some(&*value), &[]);
    }
    batch.build().map_err(|error| error.error_code())
}

impl Broker {
    pub(super) fn shard_appended(&mut self, ctx: &mut Ctx<'_>, tp: Tp, appended: &[(Offset, Appended)]) {
        let broker = self.id();
        for (before, appended) in appended {
            let Some(partition) = self.partitions.get_mut(&tp) else {
                return;
            };
            ctx.event(Event::Appended {
                broker,
                tp,
                base: appended.first_offset,
                last: appended.last_offset,
                leader_epoch: partition.leader_epoch,
                producer_id: -1,
                producer_epoch: -1,
                base_sequence: -1,
                duplicate: false,
            });
            partition.tell_rolls(ctx, broker);
            let Some(durable) = appended.flushed else { continue };
            ctx.event(Event::Flushed {
                broker,
                tp,
                up_to: appended.last_offset + 1,
            });
            if durable > ctx.now
                && let Some(leading) = partition.leading_mut()
            {
                leading.unflushed.push_back((durable, *before));
                self.timers.set(durable, Timer::LeaderFlushed(tp));
            }
        }
        if !appended.is_empty() {
            for follower in self.followers.values_mut() {
                follower.mark_changed(tp);
            }
            self.wake_followers(ctx, tp);
            self.advance_high_watermark(ctx, tp);
            self.complete_fetches(ctx, tp);
        }
    }
}
