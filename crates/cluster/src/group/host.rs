//! The coordinator's place in a broker: which shards it has, their timers, and who waits for an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::RequestKind;
use kafka_sim_core::wire::RequestHead;
use kafka_sim_core::{ConnId, ErrorCode, SimTime};
use uuid::Uuid;

use super::deed::Deed;
use super::journal::ShardLog;
use super::shard::Shard;
use super::turn::Act;
use super::words::{Reply, Waiter};
use crate::broker::{Broker, Ctx, Effect, Timer, TimerKey};
use crate::event::Event;
use crate::peer::Tp;

/// The topic that groups and offsets are kept in.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// All shards of one broker.
#[derive(Clone, Default, Debug)]
pub(crate) struct Coordinators {
    pub(super) topic: Option<Uuid>,
    pub(super) shards: BTreeMap<i32, Hosted>,
    tickets: BTreeMap<u64, Ticket>,
    numbers: u64,
}

impl Coordinators {
    /// Whether the partition is one of the offsets topic.
    #[inline]
    pub(crate) fn are_kept_in(&self, tp: Tp) -> bool {
        self.topic == Some(tp.topic)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Hosted {
    /// `None` while the log is being read.
    pub(super) shard: Option<Box<Shard>>,
    pub(super) timer: Option<(SimTime, TimerKey)>,
}

/// A request that waits. It is answered once every slot has its reply.
#[derive(Clone, Debug)]
struct Ticket {
    conn: ConnId,
    head: RequestHead,
    request: RequestKind,
    replies: Vec<Option<Reply>>,
}

/// The shard of a group: the absolute value of Java's hash of its id (GroupCoordinatorService.partitionFor, Utils.abs).
pub(crate) fn shard_of(group: &str, partitions: i32) -> i32 {
    let hash = group
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

impl Broker {
    /// The shard that serves a group: COORDINATOR_LOAD_IN_PROGRESS while it loads, NOT_COORDINATOR if it is not here.
    pub(crate) fn group_shard(&self, group: &str) -> Result<i32, ErrorCode> {
        let topic = self
            .image
            .topic_named(OFFSETS_TOPIC)
            .ok_or(ErrorCode::NOT_COORDINATOR)?;
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let index = shard_of(group, count);
        match self.groups.shards.get(&index) {
            Some(Hosted { shard: Some(_), .. }) => Ok(index),
            Some(_) => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            None => Err(ErrorCode::NOT_COORDINATOR),
        }
    }

    /// The shard's state, to look at.
    pub(crate) fn loaded_shard(&self, index: i32) -> Option<&Shard> {
        self.groups.shards.get(&index)?.shard.as_deref()
    }

    /// The state of the shard of a partition, if that is one of the offsets topic and is loaded here.
    pub(crate) fn shard_of_partition(&self, tp: Tp) -> Option<&Shard> {
        let is_here = self.groups.are_kept_in(tp);
        is_here.then(|| self.loaded_shard(tp.partition)).flatten()
    }

    /// Every shard of this broker; an error while any of them loads.
    pub(crate) fn loaded_shards(&self) -> Result<Vec<&Shard>, ErrorCode> {
        let loaded = self
            .groups
            .shards
            .values()
            .map(|hosted| hosted.shard.as_deref().ok_or(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS));
        loaded.collect()
    }

    /// Lets a request wait for `slots` replies.
    pub(crate) fn group_ticket(&mut self, conn: ConnId, head: RequestHead, request: RequestKind, slots: usize) -> u64 {
        self.groups.numbers += 1;
        let number = self.groups.numbers;
        self.groups.tickets.insert(
            number,
            Ticket {
                conn,
                head,
                request,
                replies: vec![None; slots],
            },
        );
        number
    }

    /// Gives a waiting request a reply that is not a shard's.
    pub(crate) fn group_reply(&mut self, ctx: &mut Ctx<'_>, waiter: Waiter, reply: Reply) {
        self.deliver(ctx, vec![(waiter, reply)]);
    }

    /// Runs a handler of a shard, if it is here and loaded; then answers, replicates and arms what it caused.
    pub(crate) fn with_shard<T>(
        &mut self,
        ctx: &mut Ctx<'_>,
        index: i32,
        run: impl FnOnce(&mut Shard, &mut Act<'_>) -> T,
    ) -> Option<T> {
        let tp = Tp {
            topic: self.groups.topic?,
            partition: index,
        };
        let version = self.metadata_version();
        let shard = self.groups.shards.get_mut(&index)?.shard.as_mut()?;
        let mut replies = Vec::new();
        let mut log = ShardLog {
            partition: self.partitions.get_mut(&tp),
            disk: ctx.disk,
            now: ctx.now,
            now_ms: ctx.now_ms,
            appended: Vec::new(),
            codec: self.config.number("offsets.topic.compression.codec").unwrap_or(0),
            broken: self.log_dir_offline,
        };
        let leader_epoch = log.partition.as_ref().map_or(-1, |partition| partition.leader_epoch);
        let mut generations = Vec::new();
        let mut commits = Vec::new();
        let mut act = Act {
            now: ctx.now,
            now_ms: ctx.now_ms,
            config: &self.config,
            image: &self.image,
            version,
            rng: &mut self.rng,
            log: &mut log,
            replies: &mut replies,
            generations: &mut generations,
            commits: &mut commits,
            #[cfg(feature = "mutants")]
            mutant: self.spec.mutant,
        };
        let outcome = run(shard, &mut act);
        let (appended, broken) = (log.appended, log.broken);
        for (group, generation, members) in generations {
            let members = u32::try_from(members).unwrap_or(u32::MAX);
            ctx.event(Event::GroupRebalanced {
                broker: self.spec.id,
                group,
                generation,
                members,
            });
        }
        self.arm_shard(index);
        let accepted = commits
            .into_iter()
            .map(|commit| Deed::Accepted { leader_epoch, commit });
        let answered = replies.iter().filter_map(|(waiter, reply)| match reply {
            Reply::Committed(outcome) => Some(Deed::Answered {
                waiter: *waiter,
                accepted: outcome.is_ok(),
            }),
            _ => None,
        });
        for deed in accepted.chain(answered) {
            ctx.effects.push(Effect::Witnessed(tp, Box::new(deed)));
        }
        self.deliver(ctx, replies);
        self.shard_appended(ctx, tp, &appended);
        if broken {
            self.fail_log_dir(ctx);
        }
        Some(outcome)
    }

    /// One timer for each shard, at the first thing that is due in it.
    fn arm_shard(&mut self, index: i32) {
        let Some(hosted) = self.groups.shards.get_mut(&index) else {
            return;
        };
        let Some(shard) = &hosted.shard else { return };
        let due = shard.next_due();
        if hosted.timer.map(|(at, _)| at) == due {
            return;
        }
        if let Some((_, key)) = hosted.timer.take() {
            self.timers.cancel(key);
        }
        hosted.timer = due.map(|at| (at, self.timers.set(at, Timer::GroupShard(index))));
    }

    pub(crate) fn on_shard_timer(&mut self, ctx: &mut Ctx<'_>, index: i32) {
        let Some(hosted) = self.groups.shards.get_mut(&index) else {
            return;
        };
        hosted.timer = None;
        if hosted.shard.is_none() {
            return self.load_shard(ctx, index);
        }
        self.with_shard(ctx, index, |shard, act| while shard.advance(act) {});
    }

    pub(super) fn deliver(&mut self, ctx: &mut Ctx<'_>, replies: Vec<(Waiter, Reply)>) {
        for (waiter, reply) in replies {
            // A request that was answered already is gone.
            let Some(ticket) = self.groups.tickets.get_mut(&waiter.ticket) else {
                continue;
            };
            ticket.replies[waiter.slot].get_or_insert(reply);
            if ticket.replies.iter().any(Option::is_none) {
                continue;
            }
            let Some(ticket) = self.groups.tickets.remove(&waiter.ticket) else {
                continue;
            };
            let replies = ticket.replies.into_iter().flatten().collect();
            let response = crate::api::render_group(self, ticket.head.version, &ticket.request, replies);
            self.respond(ctx, ticket.conn, &ticket.head, &response);
        }
    }

    /// The high watermark of a partition that this broker leads has moved.
    #[inline]
    pub(crate) fn coordinator_replicated(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        if self.groups.are_kept_in(tp) {
            self.shard_replicated(ctx, tp);
        }
    }

    fn shard_replicated(&mut self, ctx: &mut Ctx<'_>, tp: Tp) {
        let Some(high_watermark) = self.partitions.get(&tp).map(|partition| partition.high_watermark) else {
            return;
        };
        self.with_shard(ctx, tp.partition, |shard, act| shard.replicated_to(act, high_watermark));
    }

    /// Topics have appeared, changed or gone: consumer groups that read them look again.
    pub(crate) fn coordinator_sees_topics(&mut self, names: &BTreeSet<Arc<str>>, some_are_new: bool) {
        let version = self.metadata_version();
        let shards = self.groups.shards.values_mut();
        for shard in shards.filter_map(|hosted| hosted.shard.as_deref_mut()) {
            shard.topics_changed(names, some_are_new.then_some(version));
        }
    }

    fn metadata_version(&self) -> i64 {
        i64::try_from(self.metadata_offset).unwrap_or(i64::MAX)
    }

    /// Topics are gone: so is what was committed for them.
    pub(crate) fn coordinator_forgets_deleted_topics(&mut self, ctx: &mut Ctx<'_>) {
        let names: BTreeSet<Arc<str>> = self.image.names.keys().cloned().collect();
        let shards: Vec<i32> = self.groups.shards.keys().copied().collect();
        for index in shards {
            self.with_shard(ctx, index, |shard, act| {
                shard.forget_topics(act, |topic| names.contains(topic))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shard_of;

    #[test]
    fn a_group_is_on_the_partition_that_kafka_keeps_it_on() {
        // What Java gives. The hash of "billing" is negative, the last one is the smallest there is.
        let known = [
            ("", 0),
            ("a", 47),
            ("group", 47),
            ("orders-app", 5),
            ("billing", 9),
            ("polygenelubricants", 0),
        ];
        for (group, shard) in known {
            assert_eq!(shard_of(group, 50), shard, "{group}");
        }
    }
}
