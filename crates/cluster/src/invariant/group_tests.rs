//! Every invariant about groups next to a hand-made coordinator that breaks it.

use std::sync::Arc;

use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
use kafka_sim_core::{BrokerId, SimTime, TopicPartition};
use uuid::Uuid;

use super::tests::{NOW_MS, empty_log};
use super::{Hosted, Inspection, Inspector, Invariant, Partition};
use crate::disk::{Disk, DiskConfig};
use crate::event::Event;
use crate::group::{
    Accepted, Change, Committed, Current, Deed, GroupValue, MemberMetadata, Record, Shard, Text, Waiter,
};
use crate::log::{AppendOrigin, Log};
use crate::peer::{PartitionState, Tp};

const TP: Tp = Tp {
    topic: Uuid::from_u128(1),
    partition: 0,
};
const WAITER: Waiter = Waiter { ticket: 1, slot: 0 };

/// A coordinator alone on broker 0, and somebody who looks.
struct Scene {
    inspector: Inspector,
    disk: Disk,
    log: Log,
    shard: Shard,
    leader_epoch: i32,
    high_watermark: i64,
    orders_exists: bool,
}

fn log(disk: &mut Disk) -> Log {
    empty_log(disk, "__consumer_offsets-0")
}

impl Scene {
    fn new() -> Scene {
        let mut disk = Disk::new(DiskConfig::default());
        let mut inspector = Inspector::new(Inspection::EveryTurn);
        inspector.note_deed(BrokerId(0), TP, Deed::Loaded);
        let mut scene = Scene {
            inspector,
            log: log(&mut disk),
            disk,
            shard: Shard::unloaded(i64::MAX),
            leader_epoch: 1,
            high_watermark: 0,
            orders_exists: true,
        };
        assert_eq!(scene.look(), [], "nothing is wrong with it");
        scene
    }

    /// Appends a batch and applies it, as a coordinator does.
    fn write(&mut self, records: &[Record]) {
        let first = self.append(records);
        for (offset, record) in (first..).zip(records) {
            self.shard.replay(offset + 1, record.clone());
        }
    }

    fn append(&mut self, records: &[Record]) -> i64 {
        let mut batch = BatchBuilder::new(BatchOptions::default());
        for record in records {
            batch.append(NOW_MS, Some(&record.key()), record.value().as_deref(), &[]);
        }
        let bytes = batch.build().unwrap();
        let (now, epoch) = (SimTime::ZERO, self.leader_epoch);
        let appended = self
            .log
            .append_as_leader(&mut self.disk, bytes, epoch, now, NOW_MS, AppendOrigin::Coordinator);
        self.high_watermark = self.log.log_end_offset();
        appended.unwrap().first_offset
    }

    /// A member commits for `orders-0`; it is answered.
    fn commit(&mut self, member: &str, generation: i32) {
        let start = self.log.log_end_offset();
        self.write(&[offset(Some(7))]);
        let commit = Accepted {
            waiter: WAITER,
            member: member.into(),
            generation,
            group: "g".into(),
            parts: vec![("orders".into(), 0)],
            records: start..start + 1,
        };
        let leader_epoch = self.leader_epoch;
        for deed in [
            Deed::Accepted { leader_epoch, commit },
            Deed::Answered {
                waiter: WAITER,
                accepted: true,
            },
        ] {
            self.inspector.note_deed(BrokerId(0), TP, deed);
        }
    }

    /// What is newly broken.
    fn look(&mut self) -> Vec<Invariant> {
        let state = PartitionState {
            replicas: vec![BrokerId(0)],
            isr: vec![BrokerId(0)],
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader: Some(BrokerId(0)),
            leader_epoch: self.leader_epoch,
            partition_epoch: 1,
            recovering: false,
        };
        let hosted = Hosted {
            broker: BrokerId(0),
            registered: true,
            leads: Some(self.leader_epoch),
            high_watermark: self.high_watermark,
            maximal_isr: [BrokerId(0)].into_iter().collect(),
            log: &self.log,
            shard: Some(&self.shard),
        };
        let name = TopicPartition {
            topic: "__consumer_offsets".into(),
            partition: 0,
        };
        let partition = Partition {
            name: &name,
            state: &state,
            min_isr: 1,
            elr: true,
            exists: &|_| self.orders_exists,
            fully: false,
        };
        let before = self.inspector.breaches().len();
        self.inspector.look(SimTime::ZERO, NOW_MS, TP, partition, &[hosted]);
        let breaches = self.inspector.breaches()[before..].iter();
        breaches.map(|breach| breach.invariant).collect()
    }
}

fn offset(offset: Option<i64>) -> Record {
    Record::Offset {
        group: "g".into(),
        topic: "orders".into(),
        partition: 0,
        value: offset.map(|offset| Committed {
            offset,
            topic_id: None,
            leader_epoch: -1,
            metadata: "".into(),
            commit_ms: NOW_MS,
            expire_ms: None,
        }),
    }
}

fn classic(generation: i32) -> Record {
    let value = GroupValue {
        protocol_type: "consumer".into(),
        generation,
        protocol: None,
        leader: None,
        state_since_ms: None,
        members: Vec::new(),
    };
    Record::Group {
        group: "g".into(),
        value: Some(value),
    }
}

fn change(change: Change) -> Record {
    Record::Consumer {
        group: "g".into(),
        change,
    }
}

fn member(id: &str) -> Record {
    let metadata = MemberMetadata {
        instance: None,
        rack: None,
        client_id: "".into(),
        client_host: "".into(),
        topics: [Text::from("orders")].into(),
        regex: None,
        rebalance_timeout: 60_000,
        assignor: None,
        classic: None,
    };
    change(Change::Member(id.into(), Some(Arc::new(metadata))))
}

/// A member at an epoch that reads `orders-0`.
fn reads(id: &str, epoch: i32) -> Record {
    let current = Current {
        epoch,
        previous_epoch: epoch - 1,
        state: 0,
        assigned: Arc::new([(Uuid::from_u128(2), [0].into())].into()),
        revoking: Arc::default(),
    };
    change(Change::Current(id.into(), Some(current)))
}

#[test]
fn a_commit_that_is_known_and_not_written_is_a_breach_and_one_that_is_written_is_none() {
    let mut scene = Scene::new();
    scene.write(&[offset(Some(1))]);
    assert_eq!(scene.look(), []);
    scene.append(&[offset(Some(2))]);
    assert_eq!(scene.look(), [Invariant::GroupStateFollowsLog]);
}

#[test]
fn a_consumer_group_whose_members_are_not_those_of_the_log_is_a_breach() {
    let mut scene = Scene::new();
    scene.write(&[member("a"), reads("a", 1)]);
    assert_eq!(scene.look(), []);
    scene.append(&[reads("a", 2)]);
    assert_eq!(scene.look(), [Invariant::GroupStateFollowsLog]);
}

#[test]
fn a_coordinator_that_did_not_read_its_log_is_a_breach() {
    let mut scene = Scene::new();
    scene.write(&[offset(Some(1))]);
    assert_eq!(scene.look(), []);
    scene.shard = Shard::unloaded(i64::MAX);
    scene.inspector.note_deed(BrokerId(0), TP, Deed::Loaded);
    assert_eq!(scene.look(), [Invariant::GroupStateFollowsLog]);
}

#[test]
fn a_commit_that_is_answered_before_it_is_replicated_is_a_breach_and_after_it_is_not() {
    let mut scene = Scene::new();
    scene.commit("", -1);
    assert_eq!(scene.look(), []);
    scene.commit("", -1);
    scene.high_watermark = 1;
    assert_eq!(scene.look(), [Invariant::CommitsAnsweredOnceReplicated]);
}

#[test]
fn an_answered_commit_that_is_gone_is_a_breach_and_one_that_was_deleted_is_none() {
    let lost = |deleted: bool| {
        let mut scene = Scene::new();
        scene.commit("", -1);
        if deleted {
            scene.write(&[offset(None)]);
        }
        assert_eq!(scene.look(), []);
        // The next coordinator has another log.
        scene.disk = Disk::new(DiskConfig::default());
        scene.log = log(&mut scene.disk);
        scene.shard = Shard::unloaded(i64::MAX);
        scene.leader_epoch = 2;
        let (broker, tp) = (BrokerId(0), TP);
        scene.inspector.note(&Event::Truncated {
            broker,
            tp,
            from: 1,
            to: 0,
        });
        scene.look().contains(&Invariant::AckedCommitsStay)
    };
    assert!(lost(false));
    assert!(!lost(true));
}

#[test]
fn a_commit_that_failed_may_be_gone() {
    let mut scene = Scene::new();
    scene.commit("", -1);
    let refused = Deed::Answered {
        waiter: WAITER,
        accepted: false,
    };
    scene.inspector.note_deed(BrokerId(0), TP, refused);
    scene.write(&[offset(None)]);
    assert_eq!(scene.look(), []);
}

#[test]
fn a_commit_of_an_older_generation_is_a_breach() {
    let mut scene = Scene::new();
    scene.write(&[classic(5)]);
    scene.commit("a", 5);
    assert_eq!(scene.look(), []);
    scene.write(&[classic(6)]);
    scene.commit("a", 5);
    assert_eq!(scene.look(), [Invariant::CommitsAreOfTheEpoch]);
}

#[test]
fn a_commit_of_another_member_epoch_or_of_a_stranger_is_a_breach() {
    let mut scene = Scene::new();
    scene.write(&[member("a"), reads("a", 5)]);
    scene.commit("a", 5);
    assert_eq!(scene.look(), []);
    scene.commit("a", 4);
    assert_eq!(scene.look(), [Invariant::CommitsAreOfTheEpoch]);
    let mut scene = Scene::new();
    scene.write(&[member("a"), reads("a", 5)]);
    scene.commit("b", 5);
    assert_eq!(scene.look(), [Invariant::CommitsAreOfTheEpoch]);
}

#[test]
fn a_partition_that_two_members_have_is_a_breach() {
    let mut scene = Scene::new();
    scene.write(&[member("a"), reads("a", 5), member("b")]);
    assert_eq!(scene.look(), []);
    scene.write(&[reads("b", 5)]);
    assert_eq!(scene.look(), [Invariant::PartitionsHaveOneOwner]);
}

#[test]
fn an_offset_that_is_deleted_while_a_member_reads_the_topic_is_a_breach_unless_the_topic_is_gone() {
    let deleted = |orders_exists: bool| {
        let mut scene = Scene::new();
        scene.orders_exists = orders_exists;
        scene.write(&[member("a"), reads("a", 5), offset(Some(1))]);
        assert_eq!(scene.look(), []);
        scene.write(&[offset(None)]);
        scene.look()
    };
    assert_eq!(deleted(true), [Invariant::OffsetsInUseStay]);
    assert_eq!(deleted(false), []);
}

/// A group of many members, of which the coordinator holds that one is at another epoch than the log says.
fn large_group_with_one_mistake() -> Scene {
    let mut scene = Scene::new();
    let members: Vec<Record> = (0..100).map(|index| member(&format!("m{index}"))).collect();
    scene.write(&members);
    assert_eq!(scene.look(), []);
    scene.shard.replay(0, reads("m7", 3));
    scene
}

#[test]
fn a_member_of_a_large_group_is_compared_when_something_is_written_about_it() {
    let mut scene = large_group_with_one_mistake();
    scene.write(&[member("m8")]);
    assert_eq!(scene.look(), []);
    scene.write(&[member("m7")]);
    assert_eq!(scene.look(), [Invariant::GroupStateFollowsLog]);
}

#[test]
fn all_of_a_large_group_is_compared_once_as_many_members_were_written_about() {
    let mut scene = large_group_with_one_mistake();
    let looks = (0..100).take_while(|_| {
        scene.write(&[member("m8")]);
        scene.look().is_empty()
    });
    // The hundred members that came were compared as a whole, then one by one.
    assert_eq!(looks.count(), 99);
}

#[test]
fn a_partition_that_two_members_had_one_after_the_other_is_no_breach() {
    let mut scene = Scene::new();
    scene.write(&[member("a"), reads("a", 5), member("b")]);
    assert_eq!(scene.look(), []);
    scene.write(&[change(Change::Current("a".into(), None)), reads("b", 5)]);
    assert_eq!(scene.look(), []);
    scene.write(&[change(Change::Member("b".into(), None)), reads("a", 6)]);
    assert_eq!(scene.look(), []);
    scene.write(&[member("b"), reads("b", 6)]);
    assert_eq!(scene.look(), [Invariant::PartitionsHaveOneOwner]);
}
