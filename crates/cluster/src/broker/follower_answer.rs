//! The leader's side of replication: answering the fetches of followers, at once or when there is something to say.

use kafka_sim_core::batch::Batch;
use kafka_sim_core::{BrokerId, ErrorCode};

use super::follower_fetch::{Parked, ReplicaFetch, ReplicaFetched, ReplicaFetchedPart, ReplicaPart};
use super::{Broker, Ctx, Effect, PeerMessage, Timer};
use crate::peer::Tp;

impl Broker {
    pub(super) fn answer_or_park(&mut self, ctx: &mut Ctx<'_>, from: BrokerId, fetch: &ReplicaFetch) {
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
