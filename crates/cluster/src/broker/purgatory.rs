//! Requests that wait: acks=all produces, long-polling fetches, DeleteRecords (DelayedOperationPurgatory).

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, ErrorCode, Offset, SimTime, SmallMap};

use super::timers::TimerKey;
use super::{Broker, Ctx, FetchAsk, ProduceOutcome, Timer};
use crate::peer::Tp;

/// Parked requests by number.
#[derive(Clone, Default, Debug)]
pub(crate) struct Purgatory {
    parked: SmallMap<u64, Parked>,
    /// The DeleteRecords requests among them, which every fetch of a follower looks at.
    deletes: Vec<u64>,
    numbers: u64,
}

/// One parked request.
#[derive(Clone, Debug)]
pub(crate) struct Parked {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
    pub(crate) waits_for: WaitsFor,
    expiry: TimerKey,
    /// The answer may not go before this: an fsync is running.
    pub(crate) not_before: SimTime,
    /// When the client's patience ends.
    pub(crate) deadline: SimTime,
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) enum WaitsFor {
    /// High watermarks.
    Produce { acks: i16, outcomes: Vec<ProduceOutcome> },
    /// Bytes below the bound.
    Fetch(Box<FetchAsk>),
    /// Followers' log starts.
    DeleteRecords {
        request: Box<DeleteRecordsRequest>,
        parts: Vec<DeletePart>,
    },
}

/// One partition of a DeleteRecords request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeletePart {
    pub(crate) tp: Option<Tp>,
    pub(crate) error: ErrorCode,
    /// The log start asked for.
    pub(crate) target: Offset,
    pub(crate) low_watermark: Offset,
    pub(crate) pending: bool,
}

impl Purgatory {
    pub(crate) fn get(&self, id: u64) -> Option<&Parked> {
        self.parked.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Parked> {
        self.parked.get_mut(&id)
    }

    pub(crate) fn delete_records(&self) -> Vec<u64> {
        self.deletes.clone()
    }
}

impl Broker {
    /// Parks a request until `wake` at the latest.
    pub(crate) fn park(
        &mut self,
        conn: ConnId,
        head: RequestHead,
        waits_for: WaitsFor,
        deadline: SimTime,
        not_before: SimTime,
    ) -> u64 {
        self.purgatory.numbers += 1;
        let id = self.purgatory.numbers;
        let first_look = if not_before > SimTime::ZERO {
            not_before.min(deadline.max(not_before))
        } else {
            deadline
        };
        let expiry = self.timers.set(first_look, Timer::Purgatory(id));
        if matches!(waits_for, WaitsFor::DeleteRecords { .. }) {
            self.purgatory.deletes.push(id);
        }
        self.purgatory.parked.insert(
            id,
            Parked {
                conn,
                head,
                waits_for,
                expiry,
                not_before,
                deadline,
            },
        );
        id
    }

    /// Takes a request out for good.
    pub(crate) fn unpark(&mut self, id: u64) -> Option<Parked> {
        let parked = self.purgatory.parked.remove(&id)?;
        self.purgatory.deletes.retain(|delete| *delete != id);
        self.timers.cancel(parked.expiry);
        Some(parked)
    }

    pub(crate) fn expire_parked(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        let Some(parked) = self.purgatory.get(id) else { return };
        if ctx.now < parked.deadline {
            // Woken because an fsync is done, not because the time is up.
            let deadline = parked.deadline;
            let rearmed = self.timers.set(deadline, Timer::Purgatory(id));
            let parked = self.purgatory.get_mut(id).expect("looked up above");
            parked.expiry = rearmed;
            parked.not_before = SimTime::ZERO;
            return self.recheck_produce(ctx, id);
        }
        match &parked.waits_for {
            WaitsFor::Produce { .. } => self.expire_produce(ctx, id),
            WaitsFor::Fetch(_) => self.finish_fetch(ctx, id),
            WaitsFor::DeleteRecords { .. } => crate::api::delete_records::finish(self, ctx, id),
        }
    }
}
