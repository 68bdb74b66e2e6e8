//! Requests that wait: acks=all produces, long-polling fetches, DeleteRecords (DelayedOperationPurgatory).

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, ErrorCode, Offset, SimTime, SmallMap};

use super::timers::TimerKey;
use super::{Broker, Ctx, FetchAsk, Produce, Timer};
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
    pub(crate) waits_for: WaitsFor,
    /// `None`: its timer has gone off.
    expiry: Option<TimerKey>,
    /// The answer may not go before this: an fsync is running.
    pub(crate) not_before: SimTime,
    /// When the client's patience ends.
    pub(crate) deadline: SimTime,
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) enum WaitsFor {
    /// High watermarks.
    Produce(Box<Produce>),
    /// Bytes below the bound.
    Fetch(Box<FetchAsk>),
    /// Followers' log starts.
    DeleteRecords(Box<ParkedDelete>),
}

/// A DeleteRecords request that waits.
#[derive(Clone, Debug)]
pub(crate) struct ParkedDelete {
    pub(crate) conn: ConnId,
    pub(crate) head: RequestHead,
    pub(crate) request: DeleteRecordsRequest,
    pub(crate) parts: Vec<DeletePart>,
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

    /// The number of the next request that is parked.
    pub(crate) fn next_id(&self) -> u64 {
        self.numbers + 1
    }

    pub(crate) fn holds_deletes(&self) -> bool {
        !self.deletes.is_empty()
    }

    pub(crate) fn delete_records(&self) -> Vec<u64> {
        self.deletes.clone()
    }
}

impl Broker {
    /// Parks a request until `wake` at the latest.
    pub(crate) fn park(&mut self, waits_for: WaitsFor, deadline: SimTime, not_before: SimTime) {
        let id = self.purgatory.next_id();
        self.purgatory.numbers = id;
        let first_look = if not_before > SimTime::ZERO {
            not_before
        } else {
            deadline
        };
        let expiry = self.timers.set(first_look, Timer::Purgatory(id));
        if matches!(waits_for, WaitsFor::DeleteRecords(_)) {
            self.purgatory.deletes.push(id);
        }
        self.purgatory.parked.insert(
            id,
            Parked {
                waits_for,
                expiry: Some(expiry),
                not_before,
                deadline,
            },
        );
    }

    /// Takes a request out for good.
    pub(crate) fn unpark(&mut self, id: u64) -> Option<WaitsFor> {
        let parked = self.purgatory.parked.remove(&id)?;
        if let Some(expiry) = parked.expiry {
            self.timers.cancel(expiry);
        }
        if matches!(parked.waits_for, WaitsFor::DeleteRecords(_)) {
            self.purgatory.deletes.retain(|delete| *delete != id);
        }
        Some(parked.waits_for)
    }

    pub(crate) fn expire_parked(&mut self, ctx: &mut Ctx<'_>, id: u64) {
        let Some(parked) = self.purgatory.get_mut(id) else {
            return;
        };
        parked.expiry = None;
        if ctx.now < parked.deadline {
            // Woken because an fsync is done, not because the time is up.
            parked.expiry = Some(self.timers.set(parked.deadline, Timer::Purgatory(id)));
            parked.not_before = SimTime::ZERO;
            self.recheck_produce(ctx, id, None);
            return;
        }
        match &parked.waits_for {
            WaitsFor::Produce(_) => self.expire_produce(ctx, id),
            WaitsFor::Fetch(_) => self.finish_fetch(ctx, id),
            WaitsFor::DeleteRecords(_) => crate::api::delete_records::finish(self, ctx, id),
        }
    }
}
