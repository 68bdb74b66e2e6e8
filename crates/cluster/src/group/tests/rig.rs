//! A shard whose log, clock and replication are the test's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_sim_core::{BrokerId, ErrorCode, Offset, Seed, SimRng, SimTime};
use uuid::Uuid;

use crate::config::BrokerConfig;
use crate::group::consumer::ConsumerGroup;
use crate::group::records::Record;
use crate::group::shard::Shard;
use crate::group::turn::{Act, Journal};
use crate::group::words::{
    Beat, Beaten, Caller, Commit, CommitPart, Join, Joined, Parts, Reply, Sync, Synced, Text, Waiter,
};
use crate::peer::{MetadataImage, MetadataRecord, PartitionState, TopicState};

/// Session timeout of the rig's members.
pub(super) const SESSION_MS: i32 = 10_000;
/// Rebalance timeout of the rig's members.
pub(super) const REBALANCE_MS: i32 = 60_000;

#[derive(Default)]
pub(super) struct FakeLog {
    pub(super) records: Vec<Record>,
    pub(super) refuses: Option<ErrorCode>,
}

impl Journal for FakeLog {
    fn append(&mut self, records: &[Record]) -> Result<Offset, ErrorCode> {
        if let Some(error) = self.refuses {
            return Err(error);
        }
        self.records.extend_from_slice(records);
        Ok(self.records.len() as Offset)
    }
}

pub(super) struct Rig {
    pub(super) shard: Shard,
    pub(super) log: FakeLog,
    pub(super) config: BrokerConfig,
    pub(super) image: MetadataImage,
    pub(super) version: i64,
    pub(super) now: SimTime,
    /// Everything is replicated as soon as it is written.
    pub(super) replicates: bool,
    rng: SimRng,
    tickets: u64,
    replies: BTreeMap<u64, Reply>,
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig {
            shard: Shard::unloaded(0),
            log: FakeLog::default(),
            config: BrokerConfig::default(),
            image: image(&[("orders", 4), ("payments", 3)]),
            version: 1,
            now: SimTime::ZERO,
            replicates: true,
            rng: Seed(7).stream("broker", 0),
            tickets: 0,
            replies: BTreeMap::new(),
        }
    }

    pub(super) fn with(key: &str, value: &str) -> Rig {
        let mut rig = Rig::new();
        rig.config.set(key, value).unwrap();
        rig
    }

    pub(super) fn now_ms(&self) -> i64 {
        1_000_000 + i64::try_from(self.now.as_millis()).unwrap()
    }

    pub(super) fn act<T>(&mut self, run: impl FnOnce(&mut Shard, &mut Act<'_>) -> T) -> T {
        let mut replies = Vec::new();
        let now_ms = self.now_ms();
        let mut act = Act {
            now: self.now,
            now_ms,
            config: &self.config,
            image: &self.image,
            version: self.version,
            rng: &mut self.rng,
            log: &mut self.log,
            replies: &mut replies,
            generations: &mut Vec::new(),
            commits: &mut Vec::new(),
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        let outcome = run(&mut self.shard, &mut act);
        for (waiter, reply) in replies {
            self.replies.entry(waiter.ticket).or_insert(reply);
        }
        if self.replicates {
            self.replicate();
        }
        outcome
    }

    /// Lets the high watermark reach the log end.
    pub(super) fn replicate(&mut self) {
        let end = self.log.records.len() as Offset;
        if self.shard.core.high_watermark < end {
            self.act(|shard, act| shard.replicated_to(act, end));
        }
    }

    /// Lets time pass and everything happen that becomes due.
    pub(super) fn pass(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        while let Some(at) = self.shard.next_due().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.act(|shard, act| shard.advance(act));
        }
        self.now = until;
    }

    /// The shard as another broker would load it from the log up to `records`.
    pub(super) fn fail_over(&mut self, records: usize) {
        self.log.records.truncate(records);
        let mut shard = Shard::unloaded(records as Offset);
        for (end, record) in (1..).zip(&self.log.records) {
            shard.replay(end, record.clone());
        }
        let mut replies = Vec::new();
        std::mem::replace(&mut self.shard, shard).unload(&mut replies);
        for (waiter, reply) in replies {
            self.replies.entry(waiter.ticket).or_insert(reply);
        }
        self.act(Shard::loaded);
    }

    pub(super) fn waiter(&mut self) -> Waiter {
        self.tickets += 1;
        Waiter {
            ticket: self.tickets,
            slot: 0,
        }
    }

    pub(super) fn join(&mut self, join: Join) -> Waiter {
        let waiter = self.waiter();
        self.act(|shard, act| shard.join(act, waiter, &"g".into(), join));
        waiter
    }

    /// Joins without an id and comes back with the one that was given.
    pub(super) fn join_twice(&mut self) -> (Waiter, Text) {
        let first = self.join(joiner(""));
        let id = self.joined(first).member;
        (self.join(joiner(&id)), id)
    }

    pub(super) fn reply(&self, waiter: Waiter) -> Option<&Reply> {
        self.replies.get(&waiter.ticket)
    }

    pub(super) fn is_parked(&self, waiter: Waiter) -> bool {
        self.reply(waiter).is_none()
    }

    pub(super) fn joined(&self, waiter: Waiter) -> Joined {
        match self.reply(waiter) {
            Some(Reply::Joined(joined)) => joined.clone(),
            other => panic!("not joined: {other:?}"),
        }
    }

    pub(super) fn sync(&mut self, id: &str, generation: i32, assignments: &[(&Text, &'static str)]) -> Waiter {
        let assignments = assignments
            .iter()
            .map(|(id, bytes)| ((*id).clone(), Bytes::from_static(bytes.as_bytes())))
            .collect();
        self.sync_with(id, generation, assignments)
    }

    pub(super) fn sync_with(&mut self, id: &str, generation: i32, assignments: Vec<(Text, Bytes)>) -> Waiter {
        let sync = Sync {
            caller: member(id),
            generation,
            protocol_type: None,
            protocol: None,
            assignments,
        };
        let waiter = self.waiter();
        self.act(|shard, act| shard.sync(act, waiter, "g", sync));
        waiter
    }

    pub(super) fn synced(&self, waiter: Waiter) -> Synced {
        match self.reply(waiter) {
            Some(Reply::Synced(synced)) => synced.clone(),
            other => panic!("not synced: {other:?}"),
        }
    }

    pub(super) fn heartbeat(&mut self, id: &str, generation: i32) -> ErrorCode {
        self.heartbeat_as(&member(id), generation)
    }

    pub(super) fn heartbeat_as(&mut self, caller: &Caller, generation: i32) -> ErrorCode {
        let waiter = self.send_heartbeat(caller, generation);
        match self.reply(waiter) {
            Some(Reply::Alive(error)) => *error,
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    pub(super) fn send_heartbeat(&mut self, caller: &Caller, generation: i32) -> Waiter {
        let waiter = self.waiter();
        self.act(|shard, act| shard.heartbeat(act, waiter, "g", caller, generation));
        waiter
    }

    pub(super) fn leave(&mut self, id: &str) -> ErrorCode {
        match self.leave_all(&[member(id)]) {
            Ok(outcomes) => outcomes[0],
            Err(error) => error,
        }
    }

    pub(super) fn leave_all(&mut self, leavers: &[Caller]) -> Result<Vec<ErrorCode>, ErrorCode> {
        let waiter = self.waiter();
        self.act(|shard, act| shard.leave(act, waiter, &"g".into(), leavers));
        match self.reply(waiter) {
            Some(Reply::Left(outcome)) => outcome.clone(),
            other => panic!("not left: {other:?}"),
        }
    }

    pub(super) fn commit(&mut self, caller: Caller, generation: i32, offset: Offset) -> Waiter {
        self.commit_as(caller, generation, offset, 8)
    }

    pub(super) fn commit_as(&mut self, caller: Caller, generation: i32, offset: Offset, version: i16) -> Waiter {
        let part = CommitPart {
            topic: "orders".into(),
            topic_id: None,
            partition: 0,
            offset,
            leader_epoch: 3,
            metadata: "note".into(),
        };
        let commit = Commit {
            caller,
            generation,
            retention_ms: None,
            version,
            parts: vec![part],
        };
        let waiter = self.waiter();
        self.act(|shard, act| shard.commit(act, waiter, &"g".into(), &commit));
        waiter
    }

    pub(super) fn committed(&self, waiter: Waiter) -> Result<Vec<ErrorCode>, ErrorCode> {
        match self.reply(waiter) {
            Some(Reply::Committed(outcome)) => outcome.clone(),
            other => panic!("not committed: {other:?}"),
        }
    }

    /// The offset that a reader sees.
    pub(super) fn fetch(&self) -> Option<Offset> {
        let found = self.shard.fetch("g", &Some(vec![("orders".into(), 0)]));
        found[0].2.as_ref().map(|committed| committed.offset)
    }

    /// A topic appears, or grows.
    pub(super) fn grow(&mut self, topic: &str, partitions: usize) {
        let is_new = self.image.topic_named(topic).is_none();
        self.image.apply(&MetadataRecord::Topic(topic_state(topic, partitions)));
        self.version += 1;
        let version = self.version;
        self.shard
            .topics_changed(&[Text::from(topic)].into(), is_new.then_some(version));
    }

    pub(super) fn delete_topic(&mut self, topic: &str) {
        self.image.apply(&MetadataRecord::RemoveTopic(topic_id(topic)));
        self.version += 1;
        self.shard.topics_changed(&[Text::from(topic)].into(), None);
    }

    /// A heartbeat, once everything is replicated.
    pub(super) fn beat(&mut self, beat: Beat) -> Beaten {
        let waiter = self.send_beat(beat);
        self.beaten(waiter)
    }

    pub(super) fn send_beat(&mut self, beat: Beat) -> Waiter {
        let waiter = self.waiter();
        self.act(|shard, act| shard.beat(act, waiter, &"g".into(), &beat));
        waiter
    }

    pub(super) fn beaten(&self, waiter: Waiter) -> Beaten {
        match self.reply(waiter) {
            Some(Reply::Beaten(beaten)) => beaten.clone(),
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    pub(super) fn consumer_group(&self) -> &ConsumerGroup {
        &self.shard.consumer_groups["g"]
    }

    pub(super) fn state(&self) -> &'static str {
        self.shard.describe("g").map_or("Dead", |group| group.state)
    }

    /// A stable group of two: the ids of leader and follower. The generation is 1.
    pub(super) fn stable_pair(&mut self) -> (Text, Text) {
        let (a, first) = self.join_twice();
        let (_, second) = self.join_twice();
        self.pass(10_000);
        let (leader, follower) = if self.joined(a).leader == first {
            (first, second)
        } else {
            (second, first)
        };
        let waits = self.sync(&follower, 1, &[]);
        let leads = self.sync(&leader, 1, &[(&leader, "one"), (&follower, "two")]);
        assert_eq!(self.synced(leads).assignment, "one");
        assert_eq!(self.synced(waits).assignment, "two");
        (leader, follower)
    }
}

pub(super) fn image(topics: &[(&str, usize)]) -> MetadataImage {
    let mut image = MetadataImage::default();
    for (name, partitions) in topics {
        image.apply(&MetadataRecord::Topic(topic_state(name, *partitions)));
    }
    image
}

fn topic_state(name: &str, partitions: usize) -> TopicState {
    let partition = PartitionState {
        replicas: vec![BrokerId(0)],
        isr: vec![BrokerId(0)],
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: Some(BrokerId(0)),
        leader_epoch: 0,
        partition_epoch: 0,
        recovering: false,
    };
    TopicState {
        id: topic_id(name),
        name: name.into(),
        partitions: vec![partition; partitions],
    }
}

/// An id made of the name.
pub(super) fn topic_id(name: &str) -> Uuid {
    Uuid::from_u128(name.bytes().fold(1, |id, byte| (id << 8) | u128::from(byte)))
}

/// Partitions of one topic.
pub(super) fn parts(topic: &str, indexes: &[i32]) -> Parts {
    if indexes.is_empty() {
        return Parts::new();
    }
    [(topic_id(topic), indexes.iter().copied().collect())].into()
}

/// A request to join with one topic.
pub(super) fn joining(id: &str, topic: &str) -> Beat {
    Beat {
        rebalance_timeout: REBALANCE_MS,
        topics: Some([Text::from(topic)].into()),
        owned: Some(Parts::new()),
        ..beating(id, 0)
    }
}

/// A heartbeat that says nothing new.
pub(super) fn beating(id: &str, epoch: i32) -> Beat {
    Beat {
        caller: member(id),
        epoch,
        client_id: "c".into(),
        client_host: "/h".into(),
        rack: None,
        rebalance_timeout: -1,
        topics: None,
        regex: None,
        assignor: None,
        owned: None,
    }
}

/// A heartbeat that reports what the member owns.
pub(super) fn owning(id: &str, epoch: i32, owned: Parts) -> Beat {
    Beat {
        owned: Some(owned),
        ..beating(id, epoch)
    }
}

pub(super) fn member(id: &str) -> Caller {
    Caller {
        member: id.into(),
        instance: None,
    }
}

/// A consumer that subscribes to "orders".
pub(super) fn joiner(id: &str) -> Join {
    Join {
        caller: member(id),
        client_id: "c".into(),
        client_host: "/h".into(),
        session_timeout: SESSION_MS,
        rebalance_timeout: REBALANCE_MS,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), subscription("orders"))],
        needs_known_id: true,
        may_skip_assignment: true,
    }
}

pub(super) fn static_joiner(instance: &str) -> Join {
    let caller = Caller {
        member: "".into(),
        instance: Some(Arc::from(instance)),
    };
    Join { caller, ..joiner("") }
}

pub(super) fn subscription(topic: &str) -> Bytes {
    let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, u8::try_from(topic.len()).unwrap()];
    bytes.extend_from_slice(topic.as_bytes());
    bytes.extend_from_slice(&[0xff; 4]);
    bytes.into()
}

/// A subscription of version 1, which says what the member owns.
pub(super) fn owning_subscription(topic: &str, indexes: &[i32]) -> Bytes {
    let mut bytes = subscription(topic).to_vec();
    bytes[1] = 1;
    bytes.extend_from_slice(&[0, 0, 0, 1, 0, u8::try_from(topic.len()).unwrap()]);
    bytes.extend_from_slice(topic.as_bytes());
    bytes.extend_from_slice(&i32::try_from(indexes.len()).unwrap().to_be_bytes());
    indexes
        .iter()
        .for_each(|index| bytes.extend_from_slice(&index.to_be_bytes()));
    bytes.into()
}
