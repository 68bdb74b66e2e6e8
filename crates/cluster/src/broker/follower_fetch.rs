//! The leader's side of replication: answering the fetches of followers.
//!
//! A follower keeps one incremental session per leader (KIP-227), so a request names only what changed and an answer
//! visits only the partitions that may have something new.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode, Offset, SimTime};

use super::timers::TimerKey;
use super::{Broker, Ctx, Effect, PeerMessage, Role, Timer};
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

/// A follower's fetch request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaFetch {
    /// Correlates request and answer.
    pub(crate) id: u64,
    pub(crate) broker_epoch: i64,
    /// The request opens a new session: forget what was known.
    pub(crate) full: bool,
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
    pub(crate) records: Vec<Batch>,
}

/// The answer to a [`ReplicaFetch`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReplicaFetched {
    pub(crate) id: u64,
    /// The leader does not know the session (it restarted): fetch in full.
    pub(crate) session_lost: bool,
    pub(crate) parts: Vec<ReplicaFetchedPart>,
}

/// The session of one follower.
#[derive(Clone, Default, Debug)]
pub(crate) struct FollowerSession {
    parts: BTreeMap<Tp, ReplicaPart>,
    /// Partitions that may have something to say.
    changed: BTreeSet<Tp>,
    /// The last partition that records were sent of: the next answer begins behind it, so that none starves.
    served_last: Option<Tp>,
    last_sent: BTreeMap<Tp, (Offset, Offset)>,
    broker_epoch: i64,
    parked: Option<Parked>,
}

#[derive(Clone, Debug)]
struct Parked {
    id: u64,
    max_bytes: usize,
    max_bytes_per_partition: usize,
    expiry: TimerKey,
}

impl FollowerSession {
    /// What to look at for an answer, in turn.
    fn asked(&self) -> Vec<ReplicaPart> {
        let (behind, before) = match self.served_last {
            Some(last) => ((Bound::Excluded(last), Bound::Unbounded), Some(..=last)),
            None => ((Bound::Unbounded, Bound::Unbounded), None),
        };
        let before = before.into_iter().flat_map(|range| self.changed.range(range));
        let in_turn = self.changed.range(behind).chain(before);
        in_turn.filter_map(|tp| self.parts.get(tp).copied()).collect()
    }

    /// Something about this partition moved: look at it when the next answer is made.
    pub(crate) fn mark_changed(&mut self, tp: Tp) {
        if self.parts.contains_key(&tp) {
            self.changed.insert(tp);
        }
    }
}

impl Broker {
    pub(crate) fn on_replica_fetch(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, fetch: ReplicaFetch) {
        if fetch.full {
            self.drop_follower_session(from);
            self.followers.insert(from, FollowerSession::default());
        }
        let Some(session) = self.followers.get_mut(&from) else {
            let answer = ReplicaFetched {
                id: fetch.id,
                session_lost: true,
                parts: Vec::new(),
            };
            ctx.tell_broker(from, PeerMessage::Fetched(answer));
            return;
        };
        session.broker_epoch = fetch.broker_epoch;
        for tp in &fetch.forgotten {
            session.parts.remove(tp);
            session.changed.remove(tp);
            session.last_sent.remove(tp);
        }
        for part in &fetch.changed {
            session.parts.insert(part.tp, *part);
            session.changed.insert(part.tp);
        }
        if let Some(parked) = session.parked.take() {
            self.timers.cancel(parked.expiry);
        }
        self.note_progress(ctx, from, &fetch);
        crate::api::delete_records::recheck(self, ctx);
        self.answer_or_park(ctx, from, &fetch);
    }

    /// Every fetch tells how far the follower is, an idle one too: partitions left out stand where they stood.
    fn note_progress(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, fetch: &ReplicaFetch) {
        let parts: Vec<ReplicaPart> = self.followers[&from].parts.values().copied().collect();
        for part in parts {
            if self.check_replica_fetch(&part, from, fetch.broker_epoch).is_err() || self.divergence(&part).is_some() {
                continue;
            }
            self.update_remote(ctx.now, &part, from, fetch.broker_epoch);
            // Also where the follower stands still: the high watermark may have waited for another one that lags by now.
            self.advance_high_watermark(ctx, part.tp);
            self.maybe_expand_isr(ctx, part.tp, from);
        }
    }

    fn update_remote(&mut self, now: SimTime, part: &ReplicaPart, from: BrokerId, broker_epoch: i64) {
        let Some(partition) = self.partitions.get_mut(&part.tp) else {
            return;
        };
        let end = partition.log.log_end_offset();
        let Some(remote) = partition.leading_mut().and_then(|l| l.remotes.get_mut(&from)) else {
            return;
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
    }

    fn check_replica_fetch(&self, part: &ReplicaPart, from: BrokerId, broker_epoch: i64) -> Result<(), ErrorCode> {
        if self.log_dir_offline {
            return Err(ErrorCode::KAFKA_STORAGE_ERROR);
        }
        let Some(partition) = self.partitions.get(&part.tp) else {
            let known = self.known(part.tp).is_some();
            return Err(if known {
                ErrorCode::NOT_LEADER_OR_FOLLOWER
            } else {
                ErrorCode::UNKNOWN_TOPIC_ID
            });
        };
        let asked_in = part.leader_epoch;
        #[cfg(feature = "mutants")]
        let asked_in = if partition.mutant == Some(crate::mutant::Mutant::NoFetchEpochFencing) {
            partition.leader_epoch
        } else {
            asked_in
        };
        if asked_in < partition.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if asked_in > partition.leader_epoch {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        }
        let Role::Leader(leading) = &partition.role else {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        };
        let Some(remote) = leading.remotes.get(&from) else {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        };
        #[cfg(feature = "mutants")]
        if partition.mutant == Some(crate::mutant::Mutant::NoBrokerEpochCheck) {
            return Ok(());
        }
        if broker_epoch < remote.broker_epoch {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        Ok(())
    }

    /// Where the follower's log departs from this one, by the epoch of its last record.
    fn divergence(&self, part: &ReplicaPart) -> Option<Result<(i32, Offset), ErrorCode>> {
        let log = &self.partitions.get(&part.tp)?.log;
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

    fn answer_or_park(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, fetch: &ReplicaFetch) {
        let (parts, urgent) = self.collect_parts(from, fetch.max_bytes, fetch.max_bytes_per_partition, true);
        if urgent || fetch.max_wait.is_zero() {
            ctx.tell_broker(
                from,
                PeerMessage::Fetched(ReplicaFetched {
                    id: fetch.id,
                    session_lost: false,
                    parts,
                }),
            );
            return;
        }
        let expiry = self.timers.set(ctx.now + fetch.max_wait, Timer::FollowerWait(from));
        let session = self.followers.get_mut(&from).expect("the session was looked up above");
        session.parked = Some(Parked {
            id: fetch.id,
            max_bytes: fetch.max_bytes,
            max_bytes_per_partition: fetch.max_bytes_per_partition,
            expiry,
        });
    }

    /// Reads what changed. The flag says whether the answer must not wait: records, an error or a divergence.
    fn collect_parts(
        &mut self,
        from: BrokerId,
        max_bytes: usize,
        per_partition: usize,
        peek: bool,
    ) -> (Vec<ReplicaFetchedPart>, bool) {
        let Some(session) = self.followers.get(&from) else {
            return (Vec::new(), false);
        };
        let asked = session.asked();
        let broker_epoch = session.broker_epoch;
        let mut parts = Vec::with_capacity(asked.len());
        let (mut left, mut urgent, mut unread) = (max_bytes, false, Vec::new());
        for part in asked {
            let read = self.read_for_follower(&part, from, broker_epoch, per_partition.min(left), left == max_bytes);
            let bytes: usize = read.records.iter().map(Batch::size).sum();
            left = left.saturating_sub(bytes);
            urgent |= bytes > 0 || !read.error.is_ok() || read.diverging.is_some();
            if bytes == 0 && part.fetch_offset < self.partitions.get(&part.tp).map_or(0, |p| p.log.log_end_offset()) {
                unread.push(part.tp);
            }
            parts.push(read);
        }
        if urgent || !peek {
            self.settle_session(from, &mut parts, &unread);
        }
        (parts, urgent)
    }

    /// Drops from an answer what the follower already knows, and forgets what has been told.
    fn settle_session(&mut self, from: BrokerId, parts: &mut Vec<ReplicaFetchedPart>, unread: &[Tp]) {
        let session = self
            .followers
            .get_mut(&from)
            .expect("only called with a session at hand");
        parts.retain(|part| {
            let news = (part.high_watermark, part.log_start);
            let heard = part.error.is_ok() && part.diverging.is_none();
            let silent = part.records.is_empty() && heard;
            let known = session.last_sent.get(&part.tp) == Some(&news);
            // Records that the limits left no room for are still to come.
            if silent && !unread.contains(&part.tp) {
                session.changed.remove(&part.tp);
            }
            if heard {
                session.last_sent.insert(part.tp, news);
            } else {
                session.last_sent.remove(&part.tp);
            }
            if !part.records.is_empty() {
                session.served_last = Some(part.tp);
            }
            !(silent && known)
        });
    }

    fn read_for_follower(
        &self,
        part: &ReplicaPart,
        from: BrokerId,
        broker_epoch: i64,
        max_bytes: usize,
        first: bool,
    ) -> ReplicaFetchedPart {
        let mut read = ReplicaFetchedPart {
            tp: part.tp,
            error: ErrorCode::NONE,
            high_watermark: -1,
            log_start: -1,
            diverging: None,
            records: Vec::new(),
        };
        if let Err(error) = self.check_replica_fetch(part, from, broker_epoch) {
            read.error = error;
            return read;
        }
        let partition = &self.partitions[&part.tp];
        read.high_watermark = partition.high_watermark;
        read.log_start = partition.log.log_start_offset();
        match self.divergence(part) {
            Some(Ok(diverging)) => read.diverging = Some(diverging),
            Some(Err(error)) => read.error = error,
            None if max_bytes > 0 => {
                match partition
                    .log
                    .read(part.fetch_offset, max_bytes, partition.log.log_end_offset(), first)
                {
                    Ok(outcome) => read.records = outcome.batches,
                    Err(error) => read.error = error,
                }
            }
            None => {}
        }
        read
    }

    /// Wakes the followers that wait for records of this partition.
    pub(crate) fn wake_followers(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let waiting: Vec<BrokerId> = self
            .followers
            .iter_mut()
            .filter_map(|(id, session)| {
                session.mark_changed(tp);
                (session.parked.is_some() && session.parts.contains_key(&tp)).then_some(*id)
            })
            .collect();
        for follower in waiting {
            self.answer_parked(ctx, follower, false);
        }
    }

    /// Answers a parked fetch if there is reason to; at its time-out it is answered with whatever there is.
    pub(crate) fn answer_parked(&mut self, ctx: &mut Ctx<'_>, follower: BrokerId, expired: bool) {
        let Some(parked) = self.followers.get(&follower).and_then(|session| session.parked.clone()) else {
            return;
        };
        let (parts, urgent) = self.collect_parts(follower, parked.max_bytes, parked.max_bytes_per_partition, !expired);
        if !urgent && !expired {
            return;
        }
        let session = self.followers.get_mut(&follower).expect("it was parked a moment ago");
        session.parked = None;
        if !expired {
            self.timers.cancel(parked.expiry);
        }
        ctx.effects.push(Effect::ToBroker {
            to: follower,
            message: PeerMessage::Fetched(ReplicaFetched {
                id: parked.id,
                session_lost: false,
                parts,
            }),
        });
    }

    /// A follower's connection is gone, and its session with it.
    pub(crate) fn drop_follower_session(&mut self, follower: BrokerId) {
        if let Some(parked) = self.followers.remove(&follower).and_then(|session| session.parked) {
            self.timers.cancel(parked.expiry);
        }
    }

    pub(crate) fn answer_log_range(&self, ctx: &mut Ctx<'_>, from: BrokerId, tp: Tp, leader_epoch: i32) {
        let range = match self.partitions.get(&tp) {
            Some(partition) if partition.is_leader() && partition.leader_epoch == leader_epoch => {
                Ok((partition.log.log_start_offset(), partition.log.log_end_offset()))
            }
            _ => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        };
        ctx.tell_broker(
            from,
            PeerMessage::LogRangeIs {
                tp,
                leader_epoch,
                range,
            },
        );
    }
}

fn out_of_range(log: &crate::log::Log, offset: Offset) -> bool {
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
