//! The coordinator's place in a broker: which shards it has, their log, their timers, and who waits for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::RequestKind;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions, Codec};
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, ErrorCode, Offset, SimTime};
use uuid::Uuid;

use super::records::Record;
use super::shard::Shard;
use super::turn::{Act, Journal};
use super::words::{Reply, Waiter};
use crate::broker::{Broker, Ctx, Partition, Timer, TimerKey};
use crate::disk::Disk;
use crate::event::Event;
use crate::log::{AppendError, AppendOrigin, Appended};
use crate::peer::Tp;

/// The topic that groups and offsets are kept in.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// The most bytes of records that one batch of the topic may decompress to.
const DECOMPRESSION_LIMIT: usize = 128 << 20;

/// All shards of one broker.
#[derive(Clone, Default, Debug)]
pub(crate) struct Coordinators {
    topic: Option<Uuid>,
    shards: BTreeMap<i32, Hosted>,
    tickets: BTreeMap<u64, Ticket>,
    numbers: u64,
}

#[derive(Clone, Debug)]
struct Hosted {
    /// `None` while the log is being read.
    shard: Option<Box<Shard>>,
    timer: Option<(SimTime, TimerKey)>,
}

/// A request that waits. It is answered once every slot has its reply.
#[derive(Clone, Debug)]
struct Ticket {
    conn: ConnId,
    head: RequestHead,
    request: RequestKind,
    replies: Vec<Option<Reply>>,
}

/// The shard of a group: the absolute value of Java's hash of its id (GroupCoordinatorService.partitionFor, Utils.abs).
pub(crate) fn shard_of(group: &str, partitions: i32) -> i32 {
    let hash = group
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

/// The log of one shard for the length of one call.
struct ShardLog<'a> {
    partition: Option<&'a mut Partition>,
    disk: &'a mut Disk,
    now: SimTime,
    now_ms: i64,
    /// The log end before each append, and the append.
    appended: Vec<(Offset, Appended)>,
    /// `offsets.topic.compression.codec`
    codec: i64,
    broken: bool,
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
    for record in records {
        batch.append(now_ms, Some(&record.key()), record.value().as_deref(), &[]);
    }
    batch.build().map_err(|error| error.error_code())
}

impl Broker {
    /// The shard that serves a group: COORDINATOR_LOAD_IN_PROGRESS while it loads, NOT_COORDINATOR if it is not here.
    pub(crate) fn group_shard(&self, group: &str) -> Result<i32, ErrorCode> {
        let topic = self
            .image
            .topic_named(OFFSETS_TOPIC)
            .ok_or(ErrorCode::NOT_COORDINATOR)?;
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let index = shard_of(group, count);
        match self.groups.shards.get(&index) {
            Some(Hosted { shard: Some(_), .. }) => Ok(index),
            Some(_) => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            None => Err(ErrorCode::NOT_COORDINATOR),
        }
    }

    /// The shard's state, to look at.
    pub(crate) fn loaded_shard(&self, index: i32) -> Option<&Shard> {
        self.groups.shards.get(&index)?.shard.as_deref()
    }

    /// Every shard of this broker; an error while any of them loads.
    pub(crate) fn loaded_shards(&self) -> Result<Vec<&Shard>, ErrorCode> {
        let loaded = self
            .groups
            .shards
            .values()
            .map(|hosted| hosted.shard.as_deref().ok_or(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS));
        loaded.collect()
    }

    /// Lets a request wait for `slots` replies.
    pub(crate) fn group_ticket(&mut self, conn: ConnId, head: RequestHead, request: RequestKind, slots: usize) -> u64 {
        self.groups.numbers += 1;
        let number = self.groups.numbers;
        self.groups.tickets.insert(
            number,
            Ticket {
                conn,
                head,
                request,
                replies: vec![None; slots],
            },
        );
        number
    }

    /// Gives a waiting request a reply that is not a shard's.
    pub(crate) fn group_reply(&mut self, ctx: &mut Ctx<'_>, waiter: Waiter, reply: Reply) {
        self.deliver(ctx, vec![(waiter, reply)]);
    }

    /// Runs a handler of a shard, if it is here and loaded; then answers, replicates and arms what it caused.
    pub(crate) fn with_shard<T>(
        &mut self,
        ctx: &mut Ctx<'_>,
        index: i32,
        run: impl FnOnce(&mut Shard, &mut Act<'_>) -> T,
    ) -> Option<T> {
        let tp = Tp {
            topic: self.groups.topic?,
            partition: index,
        };
        let shard = self.groups.shards.get_mut(&index)?.shard.as_mut()?;
        let mut replies = Vec::new();
        let mut log = ShardLog {
            partition: self.partitions.get_mut(&tp),
            disk: ctx.disk,
            now: ctx.now,
            now_ms: ctx.now_ms,
            appended: Vec::new(),
            codec: self.config.number("offsets.topic.compression.codec").unwrap_or(0),
            broken: self.log_dir_offline,
        };
        let mut generations = Vec::new();
        let mut act = Act {
            now: ctx.now,
            now_ms: ctx.now_ms,
            config: &self.config,
            rng: &mut self.rng,
            log: &mut log,
            replies: &mut replies,
            generations: &mut generations,
        };
        let outcome = run(shard, &mut act);
        let (appended, broken) = (log.appended, log.broken);
        for (group, generation, members) in generations {
            let members = u32::try_from(members).unwrap_or(u32::MAX);
            ctx.event(Event::GroupRebalanced {
                broker: self.spec.id,
                group,
                generation,
                members,
            });
        }
        self.arm_shard(index);
        self.deliver(ctx, replies);
        self.shard_appended(ctx, tp, &appended);
        if broken {
            self.fail_log_dir(ctx);
        }
        Some(outcome)
    }

    fn shard_appended(&mut self, ctx: &mut Ctx<'_>, tp: Tp, appended: &[(Offset, Appended)]) {
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

    /// One timer for each shard, at the first thing that is due in it.
    fn arm_shard(&mut self, index: i32) {
        let Some(hosted) = self.groups.shards.get_mut(&index) else {
            return;
        };
        let Some(shard) = &hosted.shard else { return };
        let due = shard.next_due();
        if hosted.timer.map(|(at, _)| at) == due {
            return;
        }
        if let Some((_, key)) = hosted.timer.take() {
            self.timers.cancel(key);
        }
        hosted.timer = due.map(|at| (at, self.timers.set(at, Timer::GroupShard(index))));
    }

    pub(crate) fn on_shard_timer(&mut self, ctx: &mut Ctx<'_>, index: i32) {
        let Some(hosted) = self.groups.shards.get_mut(&index) else {
            return;
        };
        hosted.timer = None;
        if hosted.shard.is_none() {
            return self.load_shard(ctx, index);
        }
        self.with_shard(ctx, index, |shard, act| while shard.advance(act) {});
    }

    fn deliver(&mut self, ctx: &mut Ctx<'_>, replies: Vec<(Waiter, Reply)>) {
        for (waiter, reply) in replies {
            // A request that was answered already is gone.
            let Some(ticket) = self.groups.tickets.get_mut(&waiter.ticket) else {
                continue;
            };
            ticket.replies[waiter.slot].get_or_insert(reply);
            if ticket.replies.iter().any(Option::is_none) {
                continue;
            }
            let Some(ticket) = self.groups.tickets.remove(&waiter.ticket) else {
                continue;
            };
            let replies = ticket.replies.into_iter().flatten().collect();
            let response = crate::api::render_group(ticket.head.version, &ticket.request, replies);
            self.respond(ctx, ticket.conn, &ticket.head, &response);
        }
    }

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
        let at = ctx.now + Duration::from_millis(millis);
        let timer = Some((at, self.timers.set(at, Timer::GroupShard(tp.partition))));
        self.groups.shards.insert(tp.partition, Hosted { shard: None, timer });
    }

    fn load_shard(&mut self, ctx: &mut Ctx<'_>, index: i32) {
        let Some(topic) = self.groups.topic else { return };
        let Some(partition) = self.partitions.get(&Tp {
            topic,
            partition: index,
        }) else {
            return;
        };
        let shard = Box::new(read_shard(partition));
        if let Some(hosted) = self.groups.shards.get_mut(&index) {
            hosted.shard = Some(shard);
        }
        self.with_shard(ctx, index, Shard::loaded);
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

    /// The high watermark of a partition that this broker leads has moved.
    pub(crate) fn coordinator_replicated(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        if self.groups.topic != Some(tp.topic) {
            return;
        }
        let Some(high_watermark) = self.partitions.get(&tp).map(|partition| partition.high_watermark) else {
            return;
        };
        self.with_shard(ctx, tp.partition, |shard, act| shard.replicated_to(act, high_watermark));
    }

    /// Topics are gone: so is what was committed for them.
    pub(crate) fn coordinator_forgets_deleted_topics(&mut self, ctx: &mut Ctx<'_>) {
        let names: BTreeSet<Arc<str>> = self.image.names.keys().cloned().collect();
        let shards: Vec<i32> = self.groups.shards.keys().copied().collect();
        for index in shards {
            self.with_shard(ctx, index, |shard, act| {
                shard.forget_topics(act, |topic| names.contains(topic))
            });
        }
    }
}

/// Reads a shard's whole log.
fn read_shard(partition: &Partition) -> Shard {
    let mut shard = Shard::unloaded(partition.high_watermark);
    let end = partition.log.log_end_offset();
    let mut next = partition.log.log_start_offset();
    while next < end {
        let Ok(read) = partition.log.read(next, usize::MAX, end, true) else {
            break;
        };
        let Some(last) = read.batches.last() else { break };
        next = last.header.next_offset();
        for batch in read.batches.iter().filter(|batch| !batch.header.is_control()) {
            for record in batch.records(DECOMPRESSION_LIMIT).unwrap_or_default() {
                let Some(key) = record.key else { continue };
                if let Some(read) = Record::read(key, record.value) {
                    shard.replay(record.offset + 1, read);
                }
            }
        }
    }
    shard
}
