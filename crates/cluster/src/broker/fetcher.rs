//! The follower's side of replication: one fetcher per leader (AbstractFetcherThread, ReplicaFetcherThread).

use std::time::Duration;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode, Offset, SimTime, SmallMap};

use super::follower_fetch::{ReplicaExchange, ReplicaFetchedPart, ReplicaPart};
use super::{Broker, Ctx, Partition, PeerMessage, Timer, byte_count};
use crate::event::Event;
use crate::log::AppendError;
use crate::peer::Tp;

/// `replica.socket.timeout.ms`
const SOCKET_TIMEOUT: Duration = Duration::from_secs(30);

/// Without any, a leader that answers at once with an error would be asked again at the same instant, for ever.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(1);

/// Fetches every partition that one leader leads.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fetcher {
    parts: SmallMap<Tp, PartFetch>,
    /// No longer fetched, and still in the leader's session.
    dropped: Vec<Tp>,
    session_open: bool,
    in_flight: Option<InFlight>,
    /// When the timer of the fetch in flight goes off next. It is not moved with every fetch, so it may be early.
    watched_until: Option<SimTime>,
    /// An fsync of fetched records is still running.
    busy_until: SimTime,
    /// What the last answer came in, for the next fetch.
    spare: Option<Box<ReplicaExchange>>,
}

#[derive(Clone, Debug)]
struct InFlight {
    id: u64,
    deadline: SimTime,
}

/// One partition that is fetched.
#[derive(Clone, Copy, Debug)]
struct PartFetch {
    state: PartState,
    /// What the leader's session holds of it, as far as it was told.
    told: Option<ReplicaPart>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PartState {
    Ready,
    BackingOff(SimTime),
    /// Out of the leader's range; its log start and end were asked for.
    AwaitingRange(SimTime),
    /// Fenced in the epoch it holds: waits for metadata.
    Failed,
}

impl Fetcher {
    pub(crate) fn add(&mut self, tp: Tp) {
        let part = PartFetch {
            state: PartState::Ready,
            told: None,
        };
        self.parts.insert(tp, part);
        self.dropped.retain(|dropped| *dropped != tp);
    }

    pub(crate) fn remove(&mut self, tp: Tp) {
        if self.parts.remove(&tp).is_some_and(|part| part.told.is_some()) {
            self.dropped.push(tp);
        }
    }

    /// The leader's session is not there any more.
    fn forget_session(&mut self) {
        self.dropped.clear();
        for part in self.parts.values_mut() {
            part.told = None;
        }
    }

    /// Takes out of the session what may not be fetched now.
    fn take_forgotten(&mut self, forgotten: &mut Vec<Tp>) {
        forgotten.append(&mut self.dropped);
        for (tp, part) in self.parts.iter_mut() {
            if part.state != PartState::Ready && part.told.take().is_some() {
                forgotten.push(*tp);
            }
        }
    }
}

impl PartState {
    fn is_ready(self, now: SimTime) -> bool {
        match self {
            PartState::Ready => true,
            PartState::BackingOff(until) | PartState::AwaitingRange(until) => until <= now,
            PartState::Failed => false,
        }
    }
}

impl Broker {
    /// Sends the next fetch to a leader, unless one is on its way or nothing is to be fetched.
    pub(crate) fn fetch_from(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        if fetcher.in_flight.is_some() {
            return;
        }
        if fetcher.busy_until > ctx.now {
            self.timers.set(fetcher.busy_until, Timer::Fetch(leader));
            return;
        }
        if fetcher.parts.is_empty() {
            self.fetchers.remove(&leader);
            return;
        }
        let full = !fetcher.session_open;
        if full {
            fetcher.forget_session();
        }
        let mut exchange = fetcher.spare.take().unwrap_or_default();
        let fetch = &mut exchange.asked;
        fetch.changed.clear();
        fetch.forgotten.clear();
        let (mut wanted, mut others) = (false, !fetcher.dropped.is_empty());
        for (tp, part) in fetcher.parts.iter_mut() {
            if !part.state.is_ready(ctx.now) {
                others = true;
                continue;
            }
            let Some(partition) = self.partitions.get(tp) else {
                others = true;
                continue;
            };
            part.state = PartState::Ready;
            wanted = true;
            let place = place_in(partition, *tp);
            if part.told != Some(place) {
                part.told = Some(place);
                fetch.changed.push(place);
            }
        }
        // Nothing is forgotten here that the leader is not told of.
        if !wanted {
            return;
        }
        if others {
            fetcher.take_forgotten(&mut fetch.forgotten);
        }
        fetcher.session_open = true;
        self.replica_fetches += 1;
        let id = self.replica_fetches;
        let deadline = ctx.now + SOCKET_TIMEOUT;
        if fetcher.watched_until.is_none() {
            fetcher.watched_until = Some(deadline);
            self.timers.set(deadline, Timer::FetchTimeout(leader));
        }
        fetcher.in_flight = Some(InFlight { id, deadline });
        fetch.id = id;
        fetch.broker_epoch = self.broker_epoch;
        fetch.full = full;
        fetch.max_wait = self.config.replica_fetch_wait_max;
        fetch.max_bytes = byte_count(self.config.replica_fetch_response_max_bytes);
        fetch.max_bytes_per_partition = byte_count(self.config.replica_fetch_max_bytes);
        ctx.tell_broker(leader, PeerMessage::Fetch(exchange));
    }

    pub(crate) fn on_replica_fetched(
        &mut self,
        ctx: &mut Ctx<'_>,
        leader: BrokerId,
        mut exchange: Box<ReplicaExchange>,
    ) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        let id = exchange.asked.id;
        if fetcher.in_flight.take_if(|fetch| fetch.id == id).is_none() {
            return;
        }
        if exchange.answer.session_lost {
            fetcher.session_open = false;
            exchange.answer.session_lost = false;
        }
        let mut records = exchange.answer.records.as_slice();
        for part in &exchange.answer.parts {
            let (own, others) = records.split_at(part.batches);
            records = others;
            self.on_fetched_part(ctx, leader, part, own);
        }
        exchange.answer.clear();
        if let Some(fetcher) = self.fetchers.get_mut(&leader) {
            fetcher.spare = Some(exchange);
        }
        self.fetch_from(ctx, leader);
    }

    fn on_fetched_part(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, part: &ReplicaFetchedPart, records: &[Batch]) {
        let (id, tp) = (self.id(), part.tp);
        let (Some(fetcher), Some(partition)) = (self.fetchers.get_mut(&leader), self.partitions.get_mut(&tp)) else {
            return;
        };
        let Some(PartFetch {
            state: PartState::Ready,
            told: Some(sent),
        }) = fetcher.parts.get(&tp)
        else {
            return;
        };
        if sent.leader_epoch != partition.leader_epoch || sent.fetch_offset != partition.log.log_end_offset() {
            return;
        }
        #[cfg(feature = "mutants")]
        partition.note_compared(part);
        if !part.error.is_ok() {
            let sent_epoch = sent.leader_epoch;
            return self.on_fetch_error(ctx, leader, tp, part.error, sent_epoch);
        }
        if let Some((epoch, end)) = part.diverging {
            return self.truncate_to_divergence(ctx, tp, epoch, end);
        }
        match partition.append_fetched(ctx, id, records) {
            Ok(None) => {}
            Ok(Some(durable)) => fetcher.busy_until = fetcher.busy_until.max(durable),
            Err(error) if error.storage => return self.fail_log_dir(ctx),
            Err(_) => return self.back_off(ctx, leader, tp),
        }
        partition.follow_log_start(part.log_start);
        if partition.follow_high_watermark(part.high_watermark) {
            let hw = partition.high_watermark;
            let waited_for = !partition.waiting_fetches.is_empty();
            ctx.event(Event::HighWatermark { broker: id, tp, hw });
            if waited_for {
                self.complete_fetches(ctx, tp);
            }
        }
    }

    fn on_fetch_error(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp, error: ErrorCode, sent_epoch: i32) {
        match error {
            ErrorCode::OFFSET_OUT_OF_RANGE => {
                let until = ctx.now + SOCKET_TIMEOUT;
                self.set_part(leader, tp, PartState::AwaitingRange(until));
                self.timers.set(until, Timer::Fetch(leader));
                ctx.tell_broker(
                    leader,
                    PeerMessage::LogRange {
                        tp,
                        leader_epoch: sent_epoch,
                    },
                );
            }
            ErrorCode::FENCED_LEADER_EPOCH => self.set_part(leader, tp, PartState::Failed),
            _ => self.back_off(ctx, leader, tp),
        }
    }

    fn set_part(&mut self, leader: BrokerId, tp: Tp, state: PartState) {
        if let Some(part) = self.fetchers.get_mut(&leader).and_then(|f| f.parts.get_mut(&tp)) {
            part.state = state;
        }
    }

    fn back_off(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp) {
        let until = ctx.now + self.config.replica_fetch_backoff.max(SHORTEST_BACKOFF);
        self.set_part(leader, tp, PartState::BackingOff(until));
        self.timers.set(until, Timer::Fetch(leader));
    }

    /// The partition may be fetched again, from wherever its log now ends.
    pub(crate) fn resume_fetching(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp) {
        self.set_part(leader, tp, PartState::Ready);
        self.fetch_from(ctx, leader);
    }

    pub(crate) fn awaits_range(&self, leader: BrokerId, tp: Tp) -> bool {
        let part = self.fetchers.get(&leader).and_then(|f| f.parts.get(&tp));
        part.is_some_and(|part| matches!(part.state, PartState::AwaitingRange(_)))
    }

    /// The timer of a leader's fetches goes off: for the one in flight, or for one that was answered long ago.
    pub(crate) fn on_fetch_timeout(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        // A timer of a fetcher that is gone is not the one that this fetcher waits for.
        let Some(watched) = fetcher.watched_until.take_if(|until| *until <= ctx.now) else {
            return;
        };
        let Some(deadline) = fetcher.in_flight.as_ref().map(|fetch| fetch.deadline) else {
            return;
        };
        if deadline <= watched {
            return self.fetch_failed(ctx, leader);
        }
        fetcher.watched_until = Some(deadline);
        self.timers.set(deadline, Timer::FetchTimeout(leader));
    }

    /// The connection to a leader died, or an answer took longer than `replica.socket.timeout.ms`.
    pub(crate) fn fetch_failed(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId) {
        let until = ctx.now + self.config.replica_fetch_backoff.max(SHORTEST_BACKOFF);
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        if fetcher.in_flight.take().is_none() {
            return;
        }
        fetcher.session_open = false;
        for part in fetcher.parts.values_mut() {
            if matches!(part.state, PartState::Ready | PartState::AwaitingRange(_)) {
                part.state = PartState::BackingOff(until);
            }
        }
        self.timers.set(until, Timer::Fetch(leader));
    }
}

/// Where the follower is to read next.
fn place_in(partition: &Partition, tp: Tp) -> ReplicaPart {
    let last_fetched_epoch = partition.log.latest_epoch().unwrap_or(-1);
    #[cfg(feature = "mutants")]
    let last_fetched_epoch = if partition.compares_no_epochs() {
        -1
    } else {
        last_fetched_epoch
    };
    ReplicaPart {
        tp,
        leader_epoch: partition.leader_epoch,
        fetch_offset: partition.log.log_end_offset(),
        last_fetched_epoch,
        log_start: partition.log.log_start_offset(),
    }
}

impl Partition {
    /// The leader has compared the logs, and found no difference or said where to cut.
    #[cfg(feature = "mutants")]
    fn note_compared(&mut self, part: &ReplicaFetchedPart) {
        let at_once = self.mutant == Some(crate::mutant::Mutant::SingleShotTruncation);
        self.compared |= part.error.is_ok() && (part.diverging.is_none() || at_once);
    }

    /// Appends what was fetched. Returns when it is durable, if an fsync runs.
    fn append_fetched(
        &mut self,
        ctx: &mut Ctx<'_>,
        broker: BrokerId,
        records: &[Batch],
    ) -> Result<Option<SimTime>, AppendError> {
        if records.is_empty() {
            return Ok(None);
        }
        let appended = self.log.append_as_follower(ctx.disk, records, ctx.now, ctx.now_ms)?;
        for run in records.chunk_by(|a, b| a.header.leader_epoch == b.header.leader_epoch) {
            let (first, last) = (&run[0].header, &run[run.len() - 1].header);
            ctx.event(Event::Replicated {
                broker,
                tp: self.tp,
                base: first.base_offset,
                last: last.last_offset(),
                leader_epoch: first.leader_epoch,
            });
        }
        self.tell_rolls(ctx, broker);
        Ok(appended.flushed)
    }

    fn follow_log_start(&mut self, leader_start: Offset) {
        if leader_start > self.log.log_start_offset() && leader_start <= self.log.log_end_offset() {
            self.log.raise_log_start(leader_start);
        }
    }

    /// Follower high watermark := min(leader's, own log end). It lags the leader's by up to one round trip. Returns
    /// whether it moved.
    fn follow_high_watermark(&mut self, leader_hw: Offset) -> bool {
        let (start, end) = (self.log.log_start_offset(), self.log.log_end_offset());
        let hw = leader_hw.min(end).max(start);
        let moved = hw != self.high_watermark;
        self.high_watermark = hw;
        moved
    }
}
