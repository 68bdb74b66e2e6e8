//! The leader's side of replication: what the fetches of followers tell it.
//!
//! A follower keeps one incremental session per leader (KIP-227), so a request names only what changed and an answer
//! visits only the partitions that may have something new.

use std::time::Duration;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode, Offset, SimTime, SmallMap};
use smallvec::SmallVec;

use super::high_watermark::risen_high_watermark;
use super::timers::TimerKey;
use super::{Broker, Ctx, Partition, PeerMessage, Remote, Role};
use crate::log::Log;
use crate::peer::Tp;

/// Where a follower wants to read one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaPart {
    pub(crate) tp: Tp,
    pub(crate) leader_epoch: i32,
    pub(crate) fetch_offset: Offset,
    /// Epoch of the last record the follower has, −1 for none: what divergence is detected by.
    pub(crate) last_fetched_epoch: i32,
    pub(crate) log_start: Offset,
}

/// A fetch and its answer, which travel in the same memory, there and back and there again, lists included.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaExchange {
    pub(crate) asked: ReplicaFetch,
    /// Empty on the way there.
    pub(crate) answer: ReplicaFetched,
}

/// A follower's fetch request.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaFetch {
    /// Correlates request and answer.
    pub(crate) id: u64,
    pub(crate) broker_epoch: i64,
    /// The request opens a new session: forget what was known.
    pub(crate) full: bool,
    /// Mostly the one partition that the follower has just appended to.
    pub(crate) changed: Vec<ReplicaPart>,
    pub(crate) forgotten: Vec<Tp>,
    pub(crate) max_wait: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) max_bytes_per_partition: usize,
}

/// What a leader returns for one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaFetchedPart {
    pub(crate) tp: Tp,
    pub(crate) error: ErrorCode,
    pub(crate) high_watermark: Offset,
    pub(crate) log_start: Offset,
    /// The follower's log departs from the leader's: (epoch, end offset of that epoch here).
    pub(crate) diverging: Option<(i32, Offset)>,
    /// How many batches of the answer are its own.
    pub(crate) batches: usize,
    /// There is more, of which the limits have left nothing.
    pub(super) more: bool,
}

/// The answer to a [`ReplicaFetch`].
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaFetched {
    /// The leader does not know the session (it restarted): fetch in full.
    pub(crate) session_lost: bool,
    /// Mostly the one partition that has something new.
    pub(crate) parts: Vec<ReplicaFetchedPart>,
    /// The batches of all parts in their order.
    pub(crate) records: Vec<Batch>,
}

impl ReplicaFetched {
    /// Nothing has been read.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.records.clear();
    }
}

/// The session of one follower.
#[derive(Clone, Default, Debug)]
pub(crate) struct FollowerSession {
    pub(super) parts: SmallMap<Tp, SessionPart>,
    /// The last partition that records were sent of: the next answer begins behind it, so that none starves.
    pub(super) served_last: Option<Tp>,
    pub(super) broker_epoch: i64,
    pub(super) parked: Option<Parked>,
}

/// One partition of a follower's session.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionPart {
    /// What the follower asked for last.
    asked: ReplicaPart,
    /// It may have something to say.
    pub(super) changed: bool,
    /// High watermark and log start as they were told last.
    pub(super) last_sent: Option<(Offset, Offset)>,
}

#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) exchange: Box<ReplicaExchange>,
    pub(super) expiry: TimerKey,
}

impl FollowerSession {
    /// What to look at for an answer, in turn.
    pub(super) fn asked(&self) -> impl Iterator<Item = &ReplicaPart> {
        let parts = self.parts.values().as_slice();
        let first = match self.served_last {
            Some(last) if parts.len() > 1 => parts.partition_point(|part| part.asked.tp <= last),
            _ => 0,
        };
        let (before, from_there) = parts.split_at(first);
        let in_turn = from_there.iter().chain(before);
        in_turn.filter(|part| part.changed).map(|part| &part.asked)
    }

    /// A fetch says what has changed.
    fn take_in(&mut self, fetch: &ReplicaFetch) {
        self.broker_epoch = fetch.broker_epoch;
        for tp in &fetch.forgotten {
            self.parts.remove(tp);
        }
        for part in &fetch.changed {
            self.ask(*part);
        }
    }

    /// The follower says where it wants to read.
    fn ask(&mut self, asked: ReplicaPart) {
        let part = self.parts.get_or_insert_with(asked.tp, || SessionPart {
            asked,
            changed: true,
            last_sent: None,
        });
        part.asked = asked;
        part.changed = true;
    }

    /// Something about this partition moved: look at it when the next answer is made. Returns whether the session has it.
    pub(crate) fn mark_changed(&mut self, tp: Tp) -> bool {
        let part = self.parts.get_mut(&tp);
        part.map(|part| part.changed = true).is_some()
    }
}

impl Broker {
    pub(crate) fn on_replica_fetch(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, mut exchange: Box<ReplicaExchange>) {
        let fetch = &exchange.asked;
        if fetch.full {
            self.drop_follower_session(from);
            self.followers.insert(from, FollowerSession::default());
        }
        let Some(session) = self.followers.get_mut(&from) else {
            exchange.answer.session_lost = true;
            ctx.tell_broker(from, PeerMessage::Fetched(exchange));
            return;
        };
        session.take_in(fetch);
        if let Some(parked) = session.parked.take() {
            self.timers.cancel(parked.expiry);
        }
        let (now, lag) = (ctx.now, self.config.replica_lag_time_max);
        let mut moved = SmallVec::<[Progress; 4]>::new();
        let mut news = self.log_dir_offline;
        // Every fetch tells how far the follower is, an idle one too: partitions left out stand where they stood.
        let heard = if self.log_dir_offline {
            &[]
        } else {
            session.parts.values().as_slice()
        };
        for part in heard {
            let partition = self.partitions.get_mut(&part.asked.tp);
            let noted = partition.and_then(|partition| {
                let may_fetch = partition.note_fetch(now, &part.asked, from, session.broker_epoch);
                may_fetch.then_some(partition)
            });
            let Some(partition) = noted else {
                news |= part.changed;
                continue;
            };
            let progress = Progress {
                tp: part.asked.tp,
                // Also where the follower stands still: the high watermark may have waited for another one that lags by now.
                high_watermark: risen_high_watermark(partition, &self.image, lag, now),
                outside: !partition.isr.committed().contains(&from),
            };
            let rises = progress.high_watermark.is_some();
            news |= (part.changed || rises) && part.asked.fetch_offset < partition.log.log_end_offset();
            if rises || progress.outside {
                moved.push(progress);
            }
        }
        if !moved.is_empty() {
            news |= self.follow_up(ctx, from, &moved);
        }
        crate::api::delete_records::recheck(self, ctx);
        self.answer_or_park(ctx, from, exchange, news);
    }

    /// What follows from the progress of a follower. Returns whether there may be more that it must hear of at once.
    fn follow_up(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, moved: &[Progress]) -> bool {
        let mut news = false;
        for progress in moved {
            if let Some(high_watermark) = progress.high_watermark {
                self.raise_high_watermark(ctx, progress.tp, high_watermark);
                // A coordinator may write more once something of its own is replicated.
                news |= self.groups.are_kept_in(progress.tp);
            }
            if progress.outside {
                self.maybe_expand_isr(ctx, progress.tp, from);
            }
        }
        news
    }

    /// A follower's connection is gone, and its session with it.
    pub(crate) fn drop_follower_session(&mut self, follower: BrokerId) {
        if let Some(parked) = self.followers.remove(&follower).and_then(|session| session.parked) {
            self.timers.cancel(parked.expiry);
        }
    }
}

/// What a fetch has set in motion.
struct Progress {
    tp: Tp,
    /// Where the high watermark moves to.
    high_watermark: Option<Offset>,
    /// The follower is not among the in-sync replicas.
    outside: bool,
}

impl Partition {
    /// What is known of a follower, if it may fetch in the epochs it names.
    pub(super) fn fetching(
        &mut self,
        part: &ReplicaPart,
        from: BrokerId,
        broker_epoch: i64,
    ) -> Result<&mut Remote, ErrorCode> {
        let asked_in = part.leader_epoch;
        #[cfg(feature = "mutants")]
        let asked_in = if self.mutant == Some(crate::mutant::Mutant::NoFetchEpochFencing) {
            self.leader_epoch
        } else {
            asked_in
        };
        if asked_in < self.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if asked_in > self.leader_epoch {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        }
        #[cfg(feature = "mutants")]
        let broker_epoch = match self.mutant {
            Some(crate::mutant::Mutant::NoBrokerEpochCheck) => i64::MAX,
            _ => broker_epoch,
        };
        let Role::Leader(leading) = &mut self.role else {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        };
        match leading.remotes.get_mut(&from) {
            None => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            Some(remote) if broker_epoch < remote.broker_epoch => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            Some(remote) => Ok(remote),
        }
    }

    /// Takes note of where a follower stands. Returns whether it may fetch from there.
    fn note_fetch(&mut self, now: SimTime, part: &ReplicaPart, from: BrokerId, broker_epoch: i64) -> bool {
        if divergence(self, part).is_some() {
            return false;
        }
        let end = self.log.log_end_offset();
        let Ok(remote) = self.fetching(part, from, broker_epoch) else {
            return false;
        };
        if part.fetch_offset >= end {
            remote.last_caught_up = Some(now);
        } else if part.fetch_offset >= remote.leader_end_at_fetch && remote.log_end >= 0 {
            remote.last_caught_up = remote.last_caught_up.max(Some(remote.last_fetch));
        }
        remote.log_end = part.fetch_offset;
        remote.log_start = part.log_start;
        remote.last_fetch = now;
        remote.leader_end_at_fetch = end;
        remote.broker_epoch = broker_epoch;
        true
    }
}

/// Where the follower's log departs from this one, by the epoch of its last record.
#[inline]
pub(super) fn divergence(partition: &Partition, part: &ReplicaPart) -> Option<Result<(i32, Offset), ErrorCode>> {
    let log = &partition.log;
    let of_this_epoch = part.last_fetched_epoch < 0 || log.latest_epoch() == Some(part.last_fetched_epoch);
    if of_this_epoch && !out_of_range(log, part.fetch_offset) {
        return None;
    }
    found_divergence(log, part)
}

fn found_divergence(log: &Log, part: &ReplicaPart) -> Option<Result<(i32, Offset), ErrorCode>> {
    if part.last_fetched_epoch < 0 {
        return out_of_range(log, part.fetch_offset).then_some(Err(ErrorCode::OFFSET_OUT_OF_RANGE));
    }
    let Some((epoch, end)) = log.end_offset_for(part.last_fetched_epoch) else {
        return Some(Err(ErrorCode::OFFSET_OUT_OF_RANGE));
    };
    if part.fetch_offset < log.log_start_offset() {
        return Some(Err(ErrorCode::OFFSET_OUT_OF_RANGE));
    }
    if epoch < part.last_fetched_epoch || end < part.fetch_offset {
        return Some(Ok((epoch, end)));
    }
    out_of_range(log, part.fetch_offset).then_some(Err(ErrorCode::OFFSET_OUT_OF_RANGE))
}

fn out_of_range(log: &Log, offset: Offset) -> bool {
    offset < log.log_start_offset() || offset > log.log_end_offset()
}

/// When a silent follower was last known to be caught up.
pub(crate) fn fresh_remote(now: SimTime, in_isr: bool) -> super::Remote {
    super::Remote {
        log_end: -1,
        log_start: -1,
        last_fetch: now,
        leader_end_at_fetch: -1,
        last_caught_up: in_isr.then_some(now),
        broker_epoch: -1,
    }
}
