//! The leader's side of replication: answering the fetches of followers, at once or when there is something to say.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode};
use smallvec::SmallVec;

use super::follower_fetch::{Parked, ReplicaExchange, ReplicaFetchedPart, ReplicaPart, divergence};
use super::{Broker, Ctx, Partition, PeerMessage, Timer};
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
        exchange.answer.clear();
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
        let (mut left, mut urgent) = (asked.max_bytes, false);
        for part in session.asked() {
            let limit = asked.max_bytes_per_partition.min(left);
            let at_least_one = left == asked.max_bytes;
            let mut read = ReplicaFetchedPart::of(part.tp);
            let partition = match self.partitions.get_mut(&part.tp) {
                _ if self.log_dir_offline => Err(ErrorCode::KAFKA_STORAGE_ERROR),
                Some(partition) => match partition.fetching(part, from, session.broker_epoch) {
                    Ok(_) => Ok(partition),
                    Err(error) => Err(error),
                },
                None if self.image.partition(part.tp).is_some() => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
                None => Err(ErrorCode::UNKNOWN_TOPIC_ID),
            };
            match partition {
                Ok(partition) => {
                    let bytes = read.fill(partition, part, limit, at_least_one, &mut answer.records);
                    left = left.saturating_sub(bytes);
                }
                Err(error) => read.error = error,
            }
            urgent |= read.batches > 0 || !read.is_heard();
            answer.parts.push(read);
        }
        if urgent || !peek {
            self.settle_session(from, &mut answer.parts);
        }
        urgent
    }

    /// Drops from an answer what the follower already knows, and forgets what has been told.
    fn settle_session(&mut self, from: BrokerId, parts: &mut Vec<ReplicaFetchedPart>) {
        let session = self
            .followers
            .get_mut(&from)
            .expect("only called with a session at hand");
        parts.retain(|part| {
            let cached = session.parts.get_mut(&part.tp).expect("it was asked for");
            let news = (part.high_watermark, part.log_start);
            let heard = part.is_heard();
            let silent = part.batches == 0 && heard;
            let known = cached.last_sent == Some(news);
            // Records that the limits left no room for are still to come.
            cached.changed &= !silent || part.more;
            cached.last_sent = heard.then_some(news);
            if part.batches > 0 {
                session.served_last = Some(part.tp);
            }
            !(silent && known)
        });
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
            parked.exchange.answer.clear();
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

impl ReplicaFetchedPart {
    fn of(tp: Tp) -> Self {
        ReplicaFetchedPart {
            tp,
            error: ErrorCode::NONE,
            high_watermark: -1,
            log_start: -1,
            diverging: None,
            batches: 0,
            more: false,
        }
    }

    /// The follower may go on from where it stands.
    fn is_heard(&self) -> bool {
        self.error.is_ok() && self.diverging.is_none()
    }

    /// Reads from the partition where the follower asks to. Returns the bytes of the records.
    fn fill(
        &mut self,
        partition: &Partition,
        asked: &ReplicaPart,
        max_bytes: usize,
        at_least_one: bool,
        records: &mut Vec<Batch>,
    ) -> usize {
        let log = &partition.log;
        let log_end = log.log_end_offset();
        self.high_watermark = partition.high_watermark;
        self.log_start = log.log_start_offset();
        self.more = asked.fetch_offset < log_end;
        match divergence(partition, asked) {
            Some(Ok(diverging)) => self.diverging = Some(diverging),
            Some(Err(error)) => self.error = error,
            None if max_bytes > 0 && self.more => {
                let before = records.len();
                match log.read_into(records, asked.fetch_offset, max_bytes, log_end, at_least_one) {
                    Ok(bytes) => {
                        self.batches = records.len() - before;
                        self.more = bytes == 0;
                        return bytes;
                    }
                    Err(error) => self.error = error,
                }
            }
            None => {}
        }
        0
    }
}
