//! The leader's side of replication: answering the fetches of followers, at once or when there is something to say.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode};
use smallvec::SmallVec;

use super::follower_fetch::{FetchedParts, Parked, ReplicaExchange, ReplicaFetchedPart, ReplicaPart, divergence};
use super::{Broker, Ctx, PeerMessage, Timer};
use crate::peer::Tp;

impl Broker {
    /// `news`: there may be something that must not wait.
    pub(super) fn answer_or_park(
        &mut self,
        ctx: &mut Ctx<'_>,
        from: BrokerId,
        mut exchange: Box<ReplicaExchange>,
        news: bool,
    ) {
        let max_wait = exchange.asked.max_wait;
        let urgent = (news || max_wait.is_zero()) && self.collect_parts(from, &mut exchange, true);
        if urgent || max_wait.is_zero() {
            ctx.tell_broker(from, PeerMessage::Fetched(exchange));
            return;
        }
        exchange.answer.parts.clear();
        let expiry = self.timers.set(ctx.now + max_wait, Timer::FollowerWait(from));
        let session = self.followers.get_mut(&from).expect("the session was looked up above");
        session.parked = Some(Parked { exchange, expiry });
    }

    /// Reads what changed into the answer. Returns whether it must not wait: records, an error or a divergence.
    fn collect_parts(&mut self, from: BrokerId, exchange: &mut ReplicaExchange, peek: bool) -> bool {
        let ReplicaExchange { asked, answer } = exchange;
        let Some(session) = self.followers.get(&from) else {
            return false;
        };
        let broker_epoch = session.broker_epoch;
        let (mut left, mut urgent, mut unread) = (asked.max_bytes, false, SmallVec::<[Tp; 4]>::new());
        for part in session.asked() {
            let limit = asked.max_bytes_per_partition.min(left);
            let (read, more) = self.read_for_follower(part, from, broker_epoch, limit, left == asked.max_bytes);
            let bytes: usize = read.records.iter().map(Batch::size).sum();
            left = left.saturating_sub(bytes);
            urgent |= bytes > 0 || !read.error.is_ok() || read.diverging.is_some();
            if more {
                unread.push(part.tp);
            }
            answer.parts.push(read);
        }
        if urgent || !peek {
            self.settle_session(from, &mut answer.parts, &unread);
        }
        urgent
    }

    /// Drops from an answer what the follower already knows, and forgets what has been told.
    fn settle_session(&mut self, from: BrokerId, parts: &mut FetchedParts, unread: &[Tp]) {
        let session = self
            .followers
            .get_mut(&from)
            .expect("only called with a session at hand");
        parts.retain(|part| {
            let news = (part.high_watermark, part.log_start);
            let heard = part.error.is_ok() && part.diverging.is_none();
            let silent = part.records.is_empty() && heard;
            let cached = session.parts.get_mut(&part.tp).expect("it was asked for");
            let known = cached.last_sent == Some(news);
            // Records that the limits left no room for are still to come.
            cached.changed &= !silent || unread.contains(&part.tp);
            cached.last_sent = heard.then_some(news);
            if !part.records.is_empty() {
                session.served_last = Some(part.tp);
            }
            !(silent && known)
        });
    }

    /// Reads one partition. The flag says that there is more, of which the limits have left nothing.
    fn read_for_follower(
        &self,
        part: &ReplicaPart,
        from: BrokerId,
        broker_epoch: i64,
        max_bytes: usize,
        first: bool,
    ) -> (ReplicaFetchedPart, bool) {
        let mut read = ReplicaFetchedPart {
            tp: part.tp,
            error: ErrorCode::NONE,
            high_watermark: -1,
            log_start: -1,
            diverging: None,
            records: Vec::new(),
        };
        let partition = match self.fetchable(part, from, broker_epoch) {
            Ok(partition) => partition,
            Err(error) => {
                read.error = error;
                return (read, false);
            }
        };
        let log_end = partition.log.log_end_offset();
        read.high_watermark = partition.high_watermark;
        read.log_start = partition.log.log_start_offset();
        match divergence(partition, part) {
            Some(Ok(diverging)) => read.diverging = Some(diverging),
            Some(Err(error)) => read.error = error,
            None if max_bytes > 0 && part.fetch_offset < log_end => {
                match partition.log.read(part.fetch_offset, max_bytes, log_end, first) {
                    Ok(outcome) => read.records = outcome.batches,
                    Err(error) => read.error = error,
                }
            }
            None => {}
        }
        let more = read.records.is_empty() && part.fetch_offset < log_end;
        (read, more)
    }

    /// Wakes the followers that wait for records of this partition.
    pub(crate) fn wake_followers(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let followers = self.followers.iter_mut();
        let waiting: SmallVec<[BrokerId; 4]> = followers
            .filter_map(|(id, session)| (session.mark_changed(tp) && session.parked.is_some()).then_some(*id))
            .collect();
        for follower in waiting {
            self.answer_parked(ctx, follower, false);
        }
    }

    /// Answers a parked fetch if there is reason to; at its time-out it is answered with whatever there is.
    pub(crate) fn answer_parked(&mut self, ctx: &mut Ctx<'_>, follower: BrokerId, expired: bool) {
        let session = self.followers.get_mut(&follower);
        let Some(mut parked) = session.and_then(|session| session.parked.take()) else {
            return;
        };
        let urgent = self.collect_parts(follower, &mut parked.exchange, !expired);
        if !urgent && !expired {
            parked.exchange.answer.parts.clear();
            let session = self.followers.get_mut(&follower).expect("it was parked a moment ago");
            session.parked = Some(parked);
            return;
        }
        if !expired {
            self.timers.cancel(parked.expiry);
        }
        ctx.tell_broker(follower, PeerMessage::Fetched(parked.exchange));
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
