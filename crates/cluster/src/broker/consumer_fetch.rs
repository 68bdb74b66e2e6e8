//! Reading for consumers: bounds, limits, waiting (ReplicaManager.fetchMessages, DelayedFetch).

use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{BrokerId, ConnId, ErrorCode, Offset, SimTime};
use smallvec::SmallVec;
use uuid::Uuid;

use super::fetch_reads::{FetchRead, FetchReads};
use super::purgatory::WaitsFor;
use super::{Broker, Ctx, Partition, Role, SessionUse, byte_count};
use crate::event::Event;
use crate::peer::Tp;

/// One partition of a fetch request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FetchPart {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) index: i32,
    pub(crate) tp: Result<Tp, ErrorCode>,
    /// −1: not checked.
    pub(crate) current_leader_epoch: i32,
    pub(crate) fetch_offset: Offset,
    /// −1: not checked.
    pub(crate) last_fetched_epoch: i32,
    pub(crate) max_bytes: usize,
}

/// The partitions of a fetch request: mostly one or two.
pub(crate) type FetchParts = SmallVec<[FetchPart; 2]>;

impl FetchPart {
    /// Whether the other names the same partition.
    pub(super) fn is_of_same(&self, other: &FetchPart) -> bool {
        self.index == other.index && self.topic_id == other.topic_id && self.topic == other.topic
    }

    /// Reads from now on where the other does, which names the same partition.
    pub(super) fn read_from(&mut self, other: &FetchPart) {
        self.current_leader_epoch = other.current_leader_epoch;
        self.fetch_offset = other.fetch_offset;
        self.last_fetched_epoch = other.last_fetched_epoch;
        self.max_bytes = other.max_bytes;
    }
}

/// A consumer's fetch request.
#[derive(Clone, Debug)]
pub(crate) struct FetchAsk {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
    /// A debugging consumer (replica id −2) reads to the log end of any replica.
    pub(crate) debugging: bool,
    pub(crate) max_wait: Duration,
    pub(crate) min_bytes: usize,
    pub(crate) max_bytes: usize,
    pub(crate) read_committed: bool,
    pub(crate) rack: Option<Arc<str>>,
    pub(crate) parts: FetchParts,
    pub(crate) session: SessionUse,
}

impl Broker {
    /// A request to be filled in, in the memory of one that was answered if there is any.
    pub(crate) fn blank_ask(&mut self, conn: ConnId, head: RequestHead) -> Box<FetchAsk> {
        if let Some(mut ask) = self.spare_asks.pop() {
            ask.conn = conn;
            ask.head = head;
            return ask;
        }
        Box::new(FetchAsk {
            conn,
            head,
            debugging: false,
            max_wait: Duration::ZERO,
            min_bytes: 0,
            max_bytes: 0,
            read_committed: false,
            rack: None,
            parts: FetchParts::new(),
            session: SessionUse::None,
        })
    }

    /// Reads at once if there is enough, otherwise parks the request. `None` means parked.
    pub(crate) fn fetch(&mut self, ctx: &mut Ctx<'_>, ask: Box<FetchAsk>) -> Option<(Box<FetchAsk>, FetchReads)> {
        if !self.has_nothing_for(&ask) {
            let mut reads = std::mem::take(&mut self.spare_reads);
            self.read_all(ctx, &ask, &mut reads);
            if ask.max_wait.is_zero() || satisfied(&ask, &reads) {
                self.note_reads(ctx, &ask, &reads);
                return Some((ask, reads));
            }
            self.keep_reads(reads);
        }
        let id = self.purgatory.next_id();
        for tp in ask.parts.iter().filter_map(|part| part.tp.ok()) {
            if let Some(partition) = self.partitions.get_mut(&tp) {
                partition.waiting_fetches.push(id);
            }
        }
        let deadline = ctx.now + ask.max_wait;
        self.park(WaitsFor::Fetch(ask), deadline, SimTime::ZERO);
        None
    }

    /// A quick look, before anything is read: the consumer is at the end of every partition and has time to wait.
    fn has_nothing_for(&self, ask: &FetchAsk) -> bool {
        let waits = !ask.max_wait.is_zero() && ask.min_bytes > 0 && ask.rack.is_none() && !ask.parts.is_empty();
        waits && ask.parts.iter().all(|part| self.is_at_end(ask, part))
    }

    fn is_at_end(&self, ask: &FetchAsk, part: &FetchPart) -> bool {
        let Ok(partition) = self.readable(ask, part) else {
            return false;
        };
        let in_range = partition.log.log_start_offset()..=partition.log.log_end_offset();
        let at_end = part.fetch_offset >= bound(ask, partition) && in_range.contains(&part.fetch_offset);
        at_end && part.last_fetched_epoch < 0
    }

    fn read_all(&self, ctx: &Ctx<'_>, ask: &FetchAsk, reads: &mut FetchReads) {
        let mut left = ask.max_bytes.min(byte_count(self.config.fetch_max_bytes));
        let mut nothing_yet = true;
        for part in &ask.parts {
            let read = self.read_one(ctx, ask, part, left, nothing_yet, &mut reads.batches);
            left = left.saturating_sub(read.bytes);
            nothing_yet &= read.bytes == 0;
            reads.parts.push(read);
        }
    }

    /// The memory of what was read is kept for what is read next.
    pub(crate) fn keep_reads(&mut self, mut reads: FetchReads) {
        reads.parts.clear();
        reads.batches.clear();
        self.spare_reads = reads;
    }

    fn read_one(
        &self,
        ctx: &Ctx<'_>,
        ask: &FetchAsk,
        part: &FetchPart,
        left: usize,
        nothing_yet: bool,
        batches: &mut Vec<Batch>,
    ) -> FetchRead {
        let partition = match self.readable(ask, part) {
            Ok(partition) => partition,
            Err(error) => return FetchRead::failed(error),
        };
        let log = &partition.log;
        let mut read = FetchRead {
            high_watermark: partition.high_watermark,
            last_stable_offset: partition.last_stable_offset(),
            log_start: log.log_start_offset(),
            ..FetchRead::failed(ErrorCode::NONE)
        };
        if part.last_fetched_epoch >= 0 {
            match log.end_offset_for(part.last_fetched_epoch) {
                None => return FetchRead::failed(ErrorCode::OFFSET_OUT_OF_RANGE),
                Some((epoch, end)) if epoch < part.last_fetched_epoch || end < part.fetch_offset => {
                    read.diverging = Some((epoch, end));
                    return read;
                }
                Some(_) => {}
            }
        }
        if part.fetch_offset < log.log_start_offset() || part.fetch_offset > log.log_end_offset() {
            return FetchRead {
                error: ErrorCode::OFFSET_OUT_OF_RANGE,
                ..read
            };
        }
        read.preferred_read_replica = self.preferred_read_replica(ctx, ask, partition, part.fetch_offset);
        if read.preferred_read_replica.is_some() {
            return read;
        }
        let bound = bound(ask, partition);
        if left == 0 || part.fetch_offset >= bound {
            return read;
        }
        let first = batches.len();
        match log.read_into(batches, part.fetch_offset, part.max_bytes.min(left), bound, nothing_yet) {
            Ok(bytes) => {
                read.bytes = bytes;
                read.batches = first..batches.len();
                read
            }
            Err(error) => FetchRead { error, ..read },
        }
    }

    /// The checks of one partition, in the order of the real broker.
    fn readable(&self, ask: &FetchAsk, part: &FetchPart) -> Result<&Partition, ErrorCode> {
        let tp = part.tp?;
        if self.log_dir_offline {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let absent = || match self.known(tp) {
            Some(_) => ErrorCode::NOT_LEADER_OR_FOLLOWER,
            None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        };
        let partition = self.partitions.get(&tp).ok_or_else(absent)?;
        self.check_epoch(partition, part.current_leader_epoch)?;
        let any_replica = ask.debugging || ask.head.version >= 11;
        if !any_replica && !partition.is_leader() {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        Ok(partition)
    }

    /// 74 for an epoch that is over, 75 for one this broker has not heard of; −1 is not checked.
    pub(crate) fn check_epoch(&self, partition: &Partition, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        match current_leader_epoch {
            -1 => Ok(()),
            epoch if epoch < partition.leader_epoch => Err(ErrorCode::FENCED_LEADER_EPOCH),
            epoch if epoch > partition.leader_epoch => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => Ok(()),
        }
    }

    /// KIP-392: a caught-up in-sync replica in the consumer's rack, if the leader is not there itself.
    fn preferred_read_replica(
        &self,
        _ctx: &Ctx<'_>,
        ask: &FetchAsk,
        partition: &Partition,
        offset: Offset,
    ) -> Option<BrokerId> {
        let rack = ask.rack.as_ref().filter(|r| !r.is_empty())?;
        if ask.head.version < 11 || ask.debugging || !self.selects_replicas_by_rack() {
            return None;
        }
        let Role::Leader(leading) = &partition.role else {
            return None;
        };
        if self.spec.rack.as_ref() == Some(rack) {
            return None;
        }
        let in_rack = |id: &BrokerId| {
            self.image
                .brokers
                .get(id)
                .is_some_and(|b| !b.fenced && b.rack.as_ref() == Some(rack))
        };
        leading
            .remotes
            .iter()
            .filter(|(id, remote)| {
                partition.isr.committed().contains(id)
                    && in_rack(id)
                    && remote.log_start <= offset
                    && offset <= remote.log_end
            })
            .max_by_key(|(id, remote)| (remote.log_end, remote.last_caught_up, std::cmp::Reverse(**id)))
            .map(|(id, _)| *id)
    }

    /// Something about the partition moved that parked fetches may have waited for.
    pub(crate) fn complete_fetches(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        if partition.waiting_fetches.is_empty() {
            return;
        }
        for id in std::mem::take(&mut partition.waiting_fetches) {
            if self.recheck_fetch(ctx, id)
                && let Some(partition) = self.partitions.get_mut(&tp)
            {
                partition.waiting_fetches.push(id);
            }
        }
    }

    /// Answers a parked fetch if it may be answered. True: it waits on.
    pub(crate) fn recheck_fetch(&mut self, ctx: &mut Ctx<'_>, id: u64) -> bool {
        let mut reads = std::mem::take(&mut self.spare_reads);
        let Some(WaitsFor::Fetch(ask)) = self.purgatory.get(id).map(|p| &p.waits_for) else {
            return false;
        };
        self.read_all(ctx, ask, &mut reads);
        let answered = satisfied(ask, &reads);
        if answered {
            self.answer_fetch(ctx, id, &reads);
        }
        self.keep_reads(reads);
        !answered
    }

    /// The time is up: whatever is there, possibly nothing.
    pub(crate) fn finish_fetch(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        let mut reads = std::mem::take(&mut self.spare_reads);
        let Some(WaitsFor::Fetch(ask)) = self.purgatory.get(id).map(|p| &p.waits_for) else {
            return;
        };
        self.read_all(ctx, ask, &mut reads);
        self.answer_fetch(ctx, id, &reads);
        self.keep_reads(reads);
    }

    fn answer_fetch(&mut self, ctx: &mut Ctx<'_>, id: u64, reads: &FetchReads) {
        let Some(WaitsFor::Fetch(mut ask)) = self.unpark(id) else {
            return;
        };
        for tp in ask.parts.iter().filter_map(|p| p.tp.ok()) {
            if let Some(partition) = self.partitions.get_mut(&tp) {
                partition.waiting_fetches.retain(|waiting| *waiting != id);
            }
        }
        self.note_reads(ctx, &ask, reads);
        let bytes = crate::api::fetch::render(self, ctx, &ask, reads);
        self.respond_bytes(ctx, ask.conn, &ask.head, bytes);
        ask.parts.clear();
        self.spare_asks.push(ask);
    }

    fn note_reads(&self, ctx: &mut Ctx<'_>, ask: &FetchAsk, reads: &FetchReads) {
        if reads.batches.is_empty() {
            return;
        }
        for (part, read) in ask.parts.iter().zip(&reads.parts) {
            if let (Ok(tp), Some(last)) = (part.tp, reads.batches_of(read).last()) {
                ctx.event(Event::FetchAnswered {
                    broker: self.id(),
                    tp,
                    from: part.fetch_offset,
                    next: last.header.last_offset() + 1,
                    error: read.error,
                });
            }
        }
    }
}

/// Up to where the request may read.
fn bound(ask: &FetchAsk, partition: &Partition) -> Offset {
    match (ask.debugging, ask.read_committed) {
        (true, _) => partition.log.log_end_offset(),
        (false, true) => partition.last_stable_offset(),
        (false, false) => partition.high_watermark,
    }
}

fn satisfied(ask: &FetchAsk, reads: &FetchReads) -> bool {
    let must_not_wait = || reads.parts.iter().any(FetchRead::must_not_wait);
    ask.parts.is_empty() || reads.bytes() >= ask.min_bytes || must_not_wait()
}
