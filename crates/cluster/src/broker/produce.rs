//! Appending what clients produce, and when they are told so (ReplicaManager.appendRecords, DelayedProduce).

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::batch::BatchHeader;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, ErrorCode, Offset, SimTime, SmallMap};
use uuid::Uuid;

use super::purgatory::WaitsFor;
use super::{Broker, Ctx, Partition};
use crate::event::{Brokers, Event};
use crate::log::AppendOrigin;
use crate::peer::Tp;

/// The records for one partition.
#[derive(Clone, Debug)]
pub(crate) struct ProducePart {
    /// Topic as the request named it: by name, or from v13 by id.
    pub(crate) topic: StrBytes,
    pub(crate) topic_id: Uuid,
    pub(crate) index: i32,
    pub(crate) tp: Result<Tp, ErrorCode>,
    pub(crate) records: Option<Bytes>,
}

/// A produce request whose records were appended or refused.
#[derive(Clone, Debug)]
pub(crate) struct Produce {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
    /// −1, 0 or 1.
    pub(crate) acks: i16,
    pub(crate) outcomes: Vec<ProduceOutcome>,
}

/// What became of one partition's records.
#[derive(Clone, Debug)]
pub(crate) struct ProduceOutcome {
    pub(crate) topic: StrBytes,
    pub(crate) topic_id: Uuid,
    pub(crate) index: i32,
    pub(crate) tp: Option<Tp>,
    pub(crate) error: ErrorCode,
    pub(crate) message: Option<String>,
    pub(crate) record_errors: Vec<(i32, String)>,
    pub(crate) base_offset: Offset,
    pub(crate) last_offset: Offset,
    pub(crate) log_append_time: i64,
    pub(crate) log_start: Offset,
    /// Still waiting for the in-sync replicas.
    pub(crate) pending: bool,
}

impl ProduceOutcome {
    fn of(part: ProducePart) -> Self {
        ProduceOutcome {
            topic: part.topic,
            topic_id: part.topic_id,
            index: part.index,
            tp: part.tp.ok(),
            error: ErrorCode::NONE,
            message: None,
            record_errors: Vec::new(),
            base_offset: -1,
            last_offset: -1,
            log_append_time: -1,
            log_start: -1,
            pending: false,
        }
    }
}

impl Broker {
    /// A request to be carried out, in the memory of one that was answered if there is any.
    pub(crate) fn blank_produce(&mut self, conn: ConnId, head: RequestHead, acks: i16) -> Box<Produce> {
        if let Some(mut produce) = self.spare_produces.pop() {
            produce.conn = conn;
            produce.head = head;
            produce.acks = acks;
            return produce;
        }
        Box::new(Produce {
            conn,
            head,
            acks,
            outcomes: Vec::new(),
        })
    }

    /// Where the records of a request are listed.
    pub(crate) fn blank_parts(&mut self) -> Vec<ProducePart> {
        std::mem::take(&mut self.spare_parts)
    }

    /// Appends every partition. Returns the outcomes when the answer is due now, or `None` when the request is parked.
    pub(crate) fn produce(
        &mut self,
        ctx: &mut Ctx<'_>,
        mut produce: Box<Produce>,
        mut parts: Vec<ProducePart>,
        timeout: Duration,
    ) -> Option<Box<Produce>> {
        let acks = produce.acks;
        let outcomes = &mut produce.outcomes;
        let mut not_before = SimTime::ZERO;
        for part in parts.drain(..) {
            let (outcome, durable) = self.append(ctx, part, acks);
            not_before = not_before.max(durable.unwrap_or(SimTime::ZERO));
            outcomes.push(outcome);
        }
        self.spare_parts = parts;
        self.after_append(ctx, outcomes);
        if acks == -1 {
            for outcome in outcomes.iter_mut() {
                settle_produce(&self.partitions, self.log_dir_offline, outcome);
            }
        }
        let pending = outcomes.iter().any(|o| o.pending);
        if !pending && not_before <= ctx.now {
            self.note_answers(ctx, acks, outcomes);
            return Some(produce);
        }
        let id = self.purgatory.next_id();
        for tp in outcomes.iter().filter(|o| o.pending).filter_map(|o| o.tp) {
            if let Some(partition) = self.partitions.get_mut(&tp) {
                partition.waiting_produces.push(id);
            }
        }
        let deadline = (ctx.now + timeout).max(not_before);
        let held = if not_before > ctx.now {
            not_before
        } else {
            SimTime::ZERO
        };
        self.park(WaitsFor::Produce(produce), deadline, held);
        None
    }

    fn append(&mut self, ctx: &mut Ctx<'_>, mut part: ProducePart, acks: i16) -> (ProduceOutcome, Option<SimTime>) {
        let id = self.id();
        let (tp, records) = match self.appendable(&mut part, acks) {
            Ok(accepted) => accepted,
            Err(error) => {
                if let (ErrorCode::NOT_ENOUGH_REPLICAS, Ok(tp)) = (error, part.tp) {
                    ctx.event(Event::NotEnoughReplicas {
                        broker: id,
                        tp,
                        isr: self.committed_isr(tp),
                        after_append: false,
                    });
                }
                let mut outcome = ProduceOutcome::of(part);
                outcome.error = error;
                return (outcome, None);
            }
        };
        let mut outcome = ProduceOutcome::of(part);
        let partition = self.partitions.get_mut(&tp).expect("an appendable partition is hosted");
        let leader_epoch = partition.leader_epoch;
        let end_before = partition.log.log_end_offset();
        let producer = BatchHeader::parse(&records).map(|h| (h.producer_id, h.producer_epoch, h.base_sequence));
        let (producer_id, producer_epoch, base_sequence) = producer.unwrap_or((-1, -1, -1));
        match partition.log.append_as_leader(
            ctx.disk,
            records,
            leader_epoch,
            ctx.now,
            ctx.now_ms,
            AppendOrigin::Client,
        ) {
            Ok(appended) => {
                outcome.base_offset = appended.first_offset;
                outcome.last_offset = appended.last_offset;
                outcome.log_append_time = appended.log_append_time;
                outcome.log_start = appended.log_start_offset;
                outcome.pending = acks == -1;
                #[cfg(feature = "mutants")]
                {
                    outcome.pending &= partition.mutant != Some(crate::mutant::Mutant::AckOnAppend);
                }
                ctx.event(Event::Appended {
                    broker: id,
                    tp,
                    base: appended.first_offset,
                    last: appended.last_offset,
                    leader_epoch,
                    producer_id,
                    producer_epoch,
                    base_sequence,
                    duplicate: appended.duplicate,
                });
                partition.tell_rolls(ctx, id);
                let durable = appended.flushed.filter(|at| *at > ctx.now);
                if let (Some(until), Some(leading)) = (durable, partition.leading_mut()) {
                    leading.unflushed.push_back((until, end_before));
                    self.timers.set(until, super::Timer::LeaderFlushed(tp));
                }
                if appended.flushed.is_some() {
                    ctx.event(Event::Flushed {
                        broker: id,
                        tp,
                        up_to: appended.last_offset + 1,
                    });
                }
                (outcome, durable)
            }
            Err(error) => {
                outcome.error = error.code;
                outcome.message = error.message;
                outcome.record_errors = error.record_errors;
                if error.storage {
                    self.fail_log_dir(ctx);
                } else if matches!(
                    error.code,
                    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::INVALID_PRODUCER_EPOCH
                ) {
                    ctx.event(Event::SequenceRefused {
                        broker: id,
                        tp,
                        producer_id,
                        producer_epoch,
                        base_sequence,
                        error: error.code,
                    });
                }
                (outcome, None)
            }
        }
    }

    /// The checks before the log is touched, in the order of the real broker.
    fn appendable(&self, part: &mut ProducePart, acks: i16) -> Result<(Tp, Bytes), ErrorCode> {
        let tp = part.tp?;
        let records = part.records.take().ok_or(ErrorCode::INVALID_RECORD)?;
        if self.log_dir_offline {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let partition = self.partitions.get(&tp).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        if !partition.is_leader() {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        if acks == -1 && partition.isr.committed().len() < partition.effective_min_isr() {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        Ok((tp, records))
    }

    /// Followers learn of the new records, and a leader that is its own whole ISR commits them at once.
    fn after_append(&mut self, ctx: &mut Ctx<'_>, outcomes: &[ProduceOutcome]) {
        let appended = || outcomes.iter().filter(|o| o.error.is_ok()).filter_map(|o| o.tp);
        // The answer to the first one woken has all of them.
        for tp in appended().skip(1) {
            for follower in self.followers.values_mut() {
                follower.mark_changed(tp);
            }
        }
        for tp in appended() {
            self.wake_followers(ctx, tp);
            self.advance_high_watermark(ctx, tp);
        }
    }

    /// The high watermark, the ISR or the leadership of a partition moved.
    pub(crate) fn complete_produces(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        if partition.waiting_produces.is_empty() {
            return;
        }
        for id in std::mem::take(&mut partition.waiting_produces) {
            if self.recheck_produce(ctx, id, Some(tp))
                && let Some(partition) = self.partitions.get_mut(&tp)
            {
                partition.waiting_produces.push(id);
            }
        }
    }

    /// Answers a parked produce if it may be answered. True: it waits on, and for that partition.
    pub(crate) fn recheck_produce(&mut self, ctx: &mut Ctx<'_>, id: u64, tp: Option<Tp>) -> bool {
        let Some(parked) = self.purgatory.get_mut(id) else {
            return false;
        };
        let WaitsFor::Produce(produce) = &mut parked.waits_for else {
            return false;
        };
        let (mut done, mut waits_on) = (parked.not_before <= ctx.now, false);
        for outcome in &mut produce.outcomes {
            settle_produce(&self.partitions, self.log_dir_offline, outcome);
            done &= !outcome.pending;
            waits_on |= outcome.pending && outcome.tp == tp;
        }
        if done {
            self.answer_produce(ctx, id);
        }
        waits_on
    }

    pub(crate) fn expire_produce(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        if let Some(WaitsFor::Produce(produce)) = self.purgatory.get_mut(id).map(|p| &mut p.waits_for) {
            for outcome in produce.outcomes.iter_mut().filter(|o| o.pending) {
                outcome.pending = false;
                outcome.error = ErrorCode::REQUEST_TIMED_OUT;
                outcome.base_offset = -1;
                outcome.log_start = -1;
            }
        }
        self.answer_produce(ctx, id);
    }

    fn answer_produce(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        let Some(WaitsFor::Produce(mut produce)) = self.unpark(id) else {
            return;
        };
        for tp in produce.outcomes.iter().filter_map(|o| o.tp) {
            if let Some(partition) = self.partitions.get_mut(&tp) {
                partition.waiting_produces.retain(|waiting| *waiting != id);
            }
        }
        self.note_answers(ctx, produce.acks, &produce.outcomes);
        crate::api::produce::answer(self, ctx, &produce);
        produce.outcomes.clear();
        self.spare_produces.push(produce);
    }

    fn committed_isr(&self, tp: Tp) -> Brokers {
        self.partitions
            .get(&tp)
            .map(|p| Brokers::from_slice(p.isr.committed()))
            .unwrap_or_default()
    }

    fn note_answers(&self, ctx: &mut Ctx<'_>, acks: i16, outcomes: &[ProduceOutcome]) {
        for outcome in outcomes {
            let Some(tp) = outcome.tp else { continue };
            if outcome.error == ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND {
                ctx.event(Event::NotEnoughReplicas {
                    broker: self.id(),
                    tp,
                    isr: self.committed_isr(tp),
                    after_append: true,
                });
            }
            let isr = self.committed_isr(tp);
            ctx.event(Event::ProduceAnswered {
                broker: self.id(),
                tp,
                base: outcome.base_offset,
                last: outcome.last_offset,
                acks,
                error: outcome.error,
                isr,
            });
        }
    }
}

/// Looks whether an appended partition may be answered, and how.
fn settle_produce(partitions: &SmallMap<Tp, Partition>, log_dir_offline: bool, outcome: &mut ProduceOutcome) {
    if !outcome.pending {
        return;
    }
    let verdict = match outcome.tp.and_then(|tp| partitions.get(&tp)) {
        None => Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        Some(_) if log_dir_offline => Some(ErrorCode::KAFKA_STORAGE_ERROR),
        Some(partition) => verdict(partition, outcome.last_offset + 1),
    };
    let Some(error) = verdict else { return };
    outcome.pending = false;
    outcome.error = error;
    if !error.is_ok() {
        outcome.base_offset = -1;
        outcome.log_start = -1;
    }
}

/// The answer for records that end before `required`, or `None` while the in-sync replicas lack them.
fn verdict(partition: &Partition, required: Offset) -> Option<ErrorCode> {
    if !partition.is_leader() {
        return Some(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    }
    if partition.high_watermark < required {
        return None;
    }
    let enough = partition.isr.maximal_len() >= partition.effective_min_isr();
    Some(if enough {
        ErrorCode::NONE
    } else {
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
    })
}
