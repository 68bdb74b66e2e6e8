//! The follower's side of replication: one fetcher per leader (AbstractFetcherThread, ReplicaFetcherThread).

use std::time::Duration;

use kafka_sim_core::{BrokerId, ErrorCode, Offset, SimTime, SmallMap};
use smallvec::SmallVec;

use super::follower_fetch::{ReplicaFetch, ReplicaFetched, ReplicaFetchedPart, ReplicaPart};
use super::timers::TimerKey;
use super::{Broker, Ctx, PeerMessage, Timer, byte_count};
use crate::event::Event;
use crate::peer::Tp;

/// `replica.socket.timeout.ms`
const SOCKET_TIMEOUT: Duration = Duration::from_secs(30);

/// Without any, a leader that answers at once with an error would be asked again at the same instant, for ever.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(1);

/// Fetches every partition that one leader leads.
#[derive(Clone, Default, Debug)]
pub(crate) struct Fetcher {
    parts: SmallMap<Tp, PartFetch>,
    /// What the leader's session holds, as far as it was told.
    session: SmallMap<Tp, ReplicaPart>,
    session_open: bool,
    in_flight: Option<InFlight>,
    /// An fsync of fetched records is still running.
    busy_until: SimTime,
}

#[derive(Clone, Debug)]
struct InFlight {
    id: u64,
    timeout: TimerKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PartFetch {
    Ready,
    BackingOff(SimTime),
    /// Out of the leader's range; its log start and end were asked for.
    AwaitingRange(SimTime),
    /// Fenced in the epoch it holds: waits for metadata.
    Failed,
}

impl Fetcher {
    pub(crate) fn add(&mut self, tp: Tp) {
        self.parts.insert(tp, PartFetch::Ready);
        self.session.remove(&tp);
    }

    pub(crate) fn remove(&mut self, tp: Tp) {
        self.parts.remove(&tp);
    }

    /// What is in the session and may not be fetched now.
    fn forgotten(&self) -> Vec<Tp> {
        let left = self.session.keys().copied();
        left.filter(|tp| self.parts.get(tp) != Some(&PartFetch::Ready))
            .collect()
    }
}

impl PartFetch {
    fn is_ready(self, now: SimTime) -> bool {
        match self {
            PartFetch::Ready => true,
            PartFetch::BackingOff(until) | PartFetch::AwaitingRange(until) => until <= now,
            PartFetch::Failed => false,
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
            fetcher.session.clear();
        }
        let mut changed = SmallVec::new();
        let mut wanted = 0_usize;
        for (tp, state) in fetcher.parts.iter_mut().filter(|(_, state)| state.is_ready(ctx.now)) {
            let tp = *tp;
            let Some(partition) = self.partitions.get(&tp) else {
                continue;
            };
            *state = PartFetch::Ready;
            wanted += 1;
            let last_fetched_epoch = partition.log.latest_epoch().unwrap_or(-1);
            #[cfg(feature = "mutants")]
            let last_fetched_epoch = if partition.compares_no_epochs() {
                -1
            } else {
                last_fetched_epoch
            };
            let part = ReplicaPart {
                tp,
                leader_epoch: partition.leader_epoch,
                fetch_offset: partition.log.log_end_offset(),
                last_fetched_epoch,
                log_start: partition.log.log_start_offset(),
            };
            if fetcher.session.insert(tp, part) != Some(part) {
                changed.push(part);
            }
        }
        // Nothing is forgotten here that the leader is not told of.
        if wanted == 0 {
            return;
        }
        let forgotten = match fetcher.session.len() {
            all if all == wanted => Vec::new(),
            _ => fetcher.forgotten(),
        };
        for tp in &forgotten {
            fetcher.session.remove(tp);
        }
        fetcher.session_open = true;
        self.replica_fetches += 1;
        let id = self.replica_fetches;
        let timeout = self
            .timers
            .set(ctx.now + SOCKET_TIMEOUT, Timer::FetchTimeout(leader, id));
        fetcher.in_flight = Some(InFlight { id, timeout });
        let fetch = ReplicaFetch {
            id,
            broker_epoch: self.broker_epoch,
            full,
            changed,
            forgotten,
            max_wait: self.config.replica_fetch_wait_max,
            max_bytes: byte_count(self.config.replica_fetch_response_max_bytes),
            max_bytes_per_partition: byte_count(self.config.replica_fetch_max_bytes),
        };
        ctx.tell_broker(leader, PeerMessage::Fetch(Box::new(fetch)));
    }

    pub(crate) fn on_replica_fetched(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, answer: ReplicaFetched) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        match fetcher.in_flight.take() {
            Some(in_flight) if in_flight.id == answer.id => self.timers.cancel(in_flight.timeout),
            other => {
                fetcher.in_flight = other;
                return;
            }
        }
        if answer.session_lost {
            fetcher.session_open = false;
        }
        for part in answer.parts {
            self.on_fetched_part(ctx, leader, part);
        }
        self.fetch_from(ctx, leader);
    }

    fn on_fetched_part(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, part: ReplicaFetchedPart) {
        let tp = part.tp;
        let Some(fetcher) = self.fetchers.get(&leader) else {
            return;
        };
        let (Some(sent), Some(partition)) = (fetcher.session.get(&tp).copied(), self.partitions.get(&tp)) else {
            return;
        };
        let stale = sent.leader_epoch != partition.leader_epoch || sent.fetch_offset != partition.log.log_end_offset();
        if stale || fetcher.parts.get(&tp) != Some(&PartFetch::Ready) {
            return;
        }
        #[cfg(feature = "mutants")]
        self.note_compared(tp, &part);
        if !part.error.is_ok() {
            self.on_fetch_error(ctx, leader, tp, part.error, sent.leader_epoch);
        } else if let Some((epoch, end)) = part.diverging {
            self.truncate_to_divergence(ctx, tp, epoch, end);
        } else {
            self.append_fetched(ctx, leader, &part);
        }
    }

    /// The leader has compared the logs, and found no difference or said where to cut.
    #[cfg(feature = "mutants")]
    fn note_compared(&mut self, tp: Tp, part: &ReplicaFetchedPart) {
        let at_once = self.spec.mutant == Some(crate::mutant::Mutant::SingleShotTruncation);
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return;
        };
        partition.compared |= part.error.is_ok() && (part.diverging.is_none() || at_once);
    }

    fn append_fetched(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, part: &ReplicaFetchedPart) {
        let (id, tp) = (self.id(), part.tp);
        let partition = self.partitions.get_mut(&tp).expect("looked up by the caller");
        if !part.records.is_empty() {
            match partition
                .log
                .append_as_follower(ctx.disk, &part.records, ctx.now, ctx.now_ms)
            {
                Ok(appended) => {
                    for run in part
                        .records
                        .chunk_by(|a, b| a.header.leader_epoch == b.header.leader_epoch)
                    {
                        let (first, last) = (run[0].header, run[run.len() - 1].header);
                        ctx.event(Event::Replicated {
                            broker: id,
                            tp,
                            base: first.base_offset,
                            last: last.last_offset(),
                            leader_epoch: first.leader_epoch,
                        });
                    }
                    partition.tell_rolls(ctx, id);
                    if let Some(durable) = appended.flushed {
                        let fetcher = self.fetchers.get_mut(&leader).expect("it is answering");
                        fetcher.busy_until = fetcher.busy_until.max(durable);
                    }
                }
                Err(error) if error.storage => return self.fail_log_dir(ctx),
                Err(_) => return self.back_off(ctx, leader, tp),
            }
        }
        if part.log_start > partition.log.log_start_offset() && part.log_start <= partition.log.log_end_offset() {
            partition.log.raise_log_start(part.log_start);
        }
        self.follow_high_watermark(ctx, tp, part.high_watermark);
    }

    /// Follower high watermark := min(leader's, own log end). It lags the leader's by up to one round trip.
    fn follow_high_watermark(&mut self, ctx: &mut Ctx<'_>, tp: Tp, leader_hw: Offset) {
        let id = self.id();
        let partition = self.partitions.get_mut(&tp).expect("looked up by the caller");
        let hw = leader_hw
            .min(partition.log.log_end_offset())
            .max(partition.log.log_start_offset());
        if hw == partition.high_watermark {
            return;
        }
        partition.high_watermark = hw;
        ctx.event(Event::HighWatermark { broker: id, tp, hw });
        self.complete_fetches(ctx, tp);
    }

    fn on_fetch_error(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp, error: ErrorCode, sent_epoch: i32) {
        match error {
            ErrorCode::OFFSET_OUT_OF_RANGE => {
                let until = ctx.now + SOCKET_TIMEOUT;
                self.set_part(leader, tp, PartFetch::AwaitingRange(until));
                self.timers.set(until, Timer::Fetch(leader));
                ctx.tell_broker(
                    leader,
                    PeerMessage::LogRange {
                        tp,
                        leader_epoch: sent_epoch,
                    },
                );
            }
            ErrorCode::FENCED_LEADER_EPOCH => self.set_part(leader, tp, PartFetch::Failed),
            _ => self.back_off(ctx, leader, tp),
        }
    }

    fn set_part(&mut self, leader: BrokerId, tp: Tp, state: PartFetch) {
        if let Some(part) = self.fetchers.get_mut(&leader).and_then(|f| f.parts.get_mut(&tp)) {
            *part = state;
        }
    }

    fn back_off(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp) {
        let until = ctx.now + self.config.replica_fetch_backoff.max(SHORTEST_BACKOFF);
        self.set_part(leader, tp, PartFetch::BackingOff(until));
        self.timers.set(until, Timer::Fetch(leader));
    }

    /// The partition may be fetched again, from wherever its log now ends.
    pub(crate) fn resume_fetching(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, tp: Tp) {
        self.set_part(leader, tp, PartFetch::Ready);
        self.fetch_from(ctx, leader);
    }

    pub(crate) fn awaits_range(&self, leader: BrokerId, tp: Tp) -> bool {
        matches!(
            self.fetchers.get(&leader).and_then(|f| f.parts.get(&tp)),
            Some(PartFetch::AwaitingRange(_))
        )
    }

    /// The connection to a leader died, or an answer took longer than `replica.socket.timeout.ms`.
    pub(crate) fn fetch_failed(&mut self, ctx: &mut Ctx<'_>, leader: BrokerId, id: Option<u64>) {
        let until = ctx.now + self.config.replica_fetch_backoff.max(SHORTEST_BACKOFF);
        let Some(fetcher) = self.fetchers.get_mut(&leader) else {
            return;
        };
        let Some(in_flight) = fetcher.in_flight.take_if(|f| id.is_none_or(|id| id == f.id)) else {
            return;
        };
        self.timers.cancel(in_flight.timeout);
        fetcher.session_open = false;
        for state in fetcher
            .parts
            .values_mut()
            .filter(|s| matches!(s, PartFetch::Ready | PartFetch::AwaitingRange(_)))
        {
            *state = PartFetch::BackingOff(until);
        }
        self.timers.set(until, Timer::Fetch(leader));
    }
}
