//! Every invariant next to a hand-made state that breaks it.

use bytes::Bytes;
use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
use kafka_sim_core::{BrokerId, ErrorCode, SimTime, TopicPartition};
use uuid::Uuid;

use super::{Excuse, Hosted, Inspection, Inspector, Invariant, Partition};
use crate::disk::{Disk, DiskConfig};
use crate::event::{Brokers, Event};
use crate::log::{AppendOrigin, Log, LogConfig, OpenOptions};
use crate::peer::{PartitionState, Tp};

pub(super) const NOW_MS: i64 = 1_700_000_000_000;
const TP: Tp = Tp {
    topic: Uuid::from_u128(1),
    partition: 0,
};

struct Replica {
    disk: Disk,
    log: Log,
    leads: Option<i32>,
    high_watermark: i64,
    maximal_isr: Vec<i32>,
}

/// Three replicas of one partition, broker 0 leading in epoch 1, and somebody who looks.
struct Scene {
    inspector: Inspector,
    state: PartitionState,
    min_isr: usize,
    elr: bool,
    replicas: Vec<Replica>,
}

fn brokers(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

fn records(producer: Option<i32>) -> Bytes {
    let mut options = BatchOptions::default();
    if let Some(base_sequence) = producer {
        (options.producer_id, options.producer_epoch, options.base_sequence) = (7, 0, base_sequence);
    }
    let mut builder = BatchBuilder::new(options);
    builder.append(NOW_MS, None, Some(b"value"), &[]);
    builder.build().unwrap()
}

/// A log with nothing in it.
pub(super) fn empty_log(disk: &mut Disk, name: &str) -> Log {
    let options = OpenOptions {
        clean: true,
        recovery_point: 0,
        log_start: 0,
        now: SimTime::ZERO,
        now_ms: NOW_MS,
    };
    Log::open(disk, name, LogConfig::default(), options).unwrap().0
}

impl Replica {
    fn new() -> Replica {
        let mut disk = Disk::new(DiskConfig::default());
        let log = empty_log(&mut disk, "orders-0");
        Replica {
            disk,
            log,
            leads: None,
            high_watermark: 0,
            maximal_isr: Vec::new(),
        }
    }

    /// Appends a record that was written in `epoch`.
    fn write(&mut self, epoch: i32) {
        self.put(records(None), epoch, AppendOrigin::Client);
    }

    fn put(&mut self, records: Bytes, epoch: i32, origin: AppendOrigin) {
        self.log
            .append_as_leader(&mut self.disk, records, epoch, SimTime::ZERO, NOW_MS, origin)
            .unwrap();
    }

    fn cut(&mut self, to: i64) {
        self.log.truncate_to(&mut self.disk, to, SimTime::ZERO).unwrap();
        self.high_watermark = self.high_watermark.min(to);
    }
}

impl Scene {
    /// Every replica has two records of epoch 1, and both are committed.
    fn new() -> Scene {
        let mut scene = Scene {
            inspector: Inspector::new(Inspection::EveryTurn),
            state: PartitionState {
                replicas: brokers(&[0, 1, 2]),
                isr: brokers(&[0, 1, 2]),
                elr: Vec::new(),
                last_known_elr: Vec::new(),
                leader: Some(BrokerId(0)),
                leader_epoch: 1,
                partition_epoch: 1,
                recovering: false,
            },
            min_isr: 2,
            elr: true,
            replicas: vec![Replica::new(), Replica::new(), Replica::new()],
        };
        scene.replicas[0].maximal_isr = vec![0, 1, 2];
        scene.replicas[0].leads = Some(1);
        for replica in &mut scene.replicas {
            replica.write(1);
            replica.write(1);
            replica.high_watermark = 2;
        }
        assert_eq!(scene.look(), [], "nothing is wrong with it");
        scene
    }

    /// What is newly broken.
    fn look(&mut self) -> Vec<Invariant> {
        let hosted: Vec<Hosted<'_>> = (0..)
            .zip(&self.replicas)
            .map(|(id, replica)| Hosted {
                broker: BrokerId(id),
                registered: true,
                leads: replica.leads,
                high_watermark: replica.high_watermark,
                maximal_isr: replica.maximal_isr.iter().copied().map(BrokerId).collect(),
                log: &replica.log,
                shard: None,
            })
            .collect();
        let name = TopicPartition {
            topic: "orders".into(),
            partition: 0,
        };
        let partition = Partition {
            name: &name,
            state: &self.state,
            min_isr: self.min_isr,
            elr: self.elr,
            exists: &|_| true,
            fully: false,
        };
        let before = self.inspector.breaches().len();
        self.inspector.look(SimTime::ZERO, NOW_MS, TP, partition, &hosted);
        self.inspector.breaches()[before..]
            .iter()
            .map(|breach| breach.invariant)
            .collect()
    }

    /// Broker 1 takes over in epoch 2.
    fn fail_over(&mut self) {
        self.state.leader = Some(BrokerId(1));
        self.state.leader_epoch = 2;
        self.replicas[1].leads = Some(2);
        self.replicas[1].maximal_isr = vec![0, 1, 2];
    }

    fn cut(&mut self, broker: usize, to: i64) {
        self.replicas[broker].cut(to);
        let id = BrokerId(i32::try_from(broker).unwrap());
        self.inspector.note(&Event::Truncated {
            broker: id,
            tp: TP,
            from: 2,
            to,
        });
    }

    fn acked(&mut self, last: i64) {
        self.inspector.note(&Event::ProduceAnswered {
            broker: BrokerId(0),
            tp: TP,
            base: last,
            last,
            acks: -1,
            error: ErrorCode::NONE,
            isr: Brokers::new(),
        });
    }

    fn read(&mut self, broker: i32, from: i64, next: i64) {
        self.inspector.note(&Event::FetchAnswered {
            broker: BrokerId(broker),
            tp: TP,
            from,
            next,
            error: ErrorCode::NONE,
        });
    }
}

#[test]
fn a_stranger_in_the_isr_is_a_breach() {
    let mut scene = Scene::new();
    scene.state.isr.push(BrokerId(9));
    assert!(scene.look().contains(&Invariant::IsrWithinReplicas));
}

#[test]
fn a_leader_outside_the_isr_is_a_breach() {
    let mut scene = Scene::new();
    scene.state.isr = brokers(&[1, 2]);
    assert_eq!(scene.look(), [Invariant::IsrWithinReplicas]);
}

#[test]
fn an_elr_next_to_enough_in_sync_replicas_is_a_breach_and_next_to_too_few_is_not() {
    let mut scene = Scene::new();
    (scene.state.isr, scene.state.elr) = (brokers(&[0]), brokers(&[1]));
    scene.replicas[0].maximal_isr = vec![0];
    assert_eq!(scene.look(), []);
    scene.state.isr = brokers(&[0, 2]);
    scene.replicas[0].maximal_isr = vec![0, 2];
    assert_eq!(scene.look(), [Invariant::ElrRules]);
}

#[test]
fn a_replica_in_isr_and_elr_is_a_breach() {
    let mut scene = Scene::new();
    (scene.state.isr, scene.state.elr) = (brokers(&[0]), brokers(&[0]));
    assert_eq!(scene.look(), [Invariant::ElrRules]);
}

#[test]
fn nobody_left_and_nobody_remembered_is_a_breach_unless_min_isr_was_changed() {
    let nobody = |changed: bool| {
        let mut scene = Scene::new();
        scene.state.leader = None;
        (scene.state.isr, scene.state.leader_epoch) = (Vec::new(), 2);
        scene.replicas[0].leads = None;
        if changed {
            scene.inspector.min_isr_changed();
        }
        scene.look()
    };
    assert_eq!(nobody(false), [Invariant::MinIsrRecoveryQuorum]);
    assert_eq!(nobody(true), []);
}

#[test]
fn logs_that_part_below_what_was_deleted_are_no_breach() {
    let mut scene = Scene::new();
    scene.state.isr = brokers(&[0, 2]);
    scene.replicas[0].write(2);
    scene.replicas[2].write(2);
    scene.replicas[1].write(1);
    scene.replicas[1].write(2);
    for replica in &mut scene.replicas {
        replica.log.raise_log_start(3);
    }
    assert!(!scene.look().contains(&Invariant::LogMatching));
}

#[test]
fn logs_that_part_and_meet_again_are_a_breach_whatever_else_happened() {
    let mut scene = Scene::new();
    scene.inspector.note(&Event::LeaderElected {
        tp: TP,
        leader: Some(BrokerId(1)),
        leader_epoch: 2,
        unclean: true,
    });
    scene.replicas[1].write(3);
    scene.replicas[2].write(2);
    scene.replicas[2].write(3);
    assert_eq!(scene.look(), [Invariant::LogMatching]);
}

#[test]
fn a_high_watermark_that_goes_back_in_its_epoch_is_a_breach() {
    let mut scene = Scene::new();
    scene.replicas[0].high_watermark = 1;
    assert_eq!(scene.look(), [Invariant::HighWatermarkMonotonic]);
}

#[test]
fn a_new_leader_may_begin_with_an_older_high_watermark() {
    let mut scene = Scene::new();
    scene.fail_over();
    scene.replicas[1].high_watermark = 1;
    assert_eq!(scene.look(), []);
}

#[test]
fn a_leader_that_does_not_wait_for_a_member_of_the_isr_is_a_breach() {
    let mut scene = Scene::new();
    scene.replicas[0].maximal_isr = vec![0, 1];
    assert_eq!(scene.look(), [Invariant::ReplicationQuorumSuperset]);
}

#[test]
fn a_new_leader_without_a_committed_record_is_a_breach() {
    let mut scene = Scene::new();
    scene.cut(1, 1);
    scene.state.isr = brokers(&[1, 2]);
    scene.fail_over();
    assert!(scene.look().contains(&Invariant::LeaderCompleteness));
}

#[test]
fn an_unclean_election_excuses_what_a_new_leader_lacks() {
    let mut scene = Scene::new();
    scene.cut(1, 1);
    scene.fail_over();
    scene.inspector.note(&Event::LeaderElected {
        tp: TP,
        leader: Some(BrokerId(1)),
        leader_epoch: 2,
        unclean: true,
    });
    assert_eq!(scene.look(), []);
}

#[test]
fn an_in_sync_replica_without_a_committed_record_is_a_breach() {
    let mut scene = Scene::new();
    scene.cut(2, 1);
    assert_eq!(scene.look(), [Invariant::LeaderCandidateCompleteness]);
}

#[test]
fn an_eligible_replica_without_a_committed_record_is_a_breach() {
    let mut scene = Scene::new();
    (scene.state.isr, scene.state.elr) = (brokers(&[0]), brokers(&[2]));
    scene.cut(2, 1);
    assert_eq!(scene.look(), [Invariant::LeaderCandidateCompleteness]);
}

/// The budget: with `min.insync.replicas` of 2 one replica may lose what it wrote, and two at once may not.
#[test]
fn two_replicas_at_once_that_lost_their_disks_are_an_excuse_and_one_is_none() {
    let lossy = |lost: &[i32], elr: bool| {
        let mut scene = Scene::new();
        scene.elr = elr;
        scene.look();
        for broker in lost {
            let broker = BrokerId(*broker);
            scene.inspector.note(&Event::BrokerWiped { broker });
        }
        scene.cut(2, 1);
        scene.look()
    };
    assert_eq!(lossy(&[2], true), [Invariant::LeaderCandidateCompleteness]);
    assert_eq!(lossy(&[1, 2], true), []);
    assert_eq!(
        lossy(&[2], false),
        [],
        "without eligible leader replicas one is too many"
    );
}

#[test]
fn a_replica_that_has_caught_up_counts_no_longer_as_one_that_lost_data() {
    let mut scene = Scene::new();
    let broker = BrokerId(1);
    scene.inspector.note(&Event::BrokerWiped { broker });
    assert_eq!(scene.look(), [], "it is in sync and has everything");
    let broker = BrokerId(2);
    scene.inspector.note(&Event::BrokerWiped { broker });
    scene.cut(2, 1);
    assert_eq!(scene.look(), [Invariant::LeaderCandidateCompleteness]);
}

#[test]
fn a_deposed_leader_with_other_records_below_its_high_watermark_is_a_breach() {
    let mut scene = Scene::new();
    scene.fail_over();
    for replica in &mut scene.replicas[1..] {
        replica.write(2);
        replica.high_watermark = 3;
    }
    scene.replicas[0].write(1);
    scene.state.isr = brokers(&[1, 2]);
    assert_eq!(scene.look(), [], "it has other records, and does not show them");
    scene.replicas[0].high_watermark = 3;
    assert_eq!(scene.look(), [Invariant::StrongIsr]);
}

#[test]
fn a_record_that_was_read_and_is_another_one_now_is_a_breach() {
    let mut scene = Scene::new();
    scene.read(0, 0, 2);
    assert_eq!(scene.look(), []);
    scene.read(1, 0, 2);
    assert_eq!(scene.look(), [], "a follower gives the same");
    scene.cut(1, 1);
    scene.replicas[1].write(2);
    scene.read(1, 0, 2);
    assert!(scene.look().contains(&Invariant::ConsistentReads));
}

#[test]
fn an_acknowledgement_before_the_commit_is_a_breach_and_after_it_is_not() {
    let mut scene = Scene::new();
    scene.acked(1);
    assert_eq!(scene.look(), []);
    scene.replicas[0].write(1);
    scene.acked(2);
    assert_eq!(scene.look(), [Invariant::AckedIsCommitted]);
}

#[test]
fn a_sequence_number_twice_in_a_log_is_a_breach() {
    let mut scene = Scene::new();
    for sequence in [0, 1] {
        scene.replicas[0].put(records(Some(sequence)), 1, AppendOrigin::Client);
    }
    assert_eq!(scene.look(), []);
    scene.replicas[0].put(records(Some(1)), 1, AppendOrigin::Coordinator);
    assert_eq!(scene.look(), [Invariant::ProducerStateFollowsLog]);
}

#[test]
fn what_holds_whatever_happens_is_never_excused() {
    let always = Invariant::ALL
        .iter()
        .filter(|invariant| invariant.excused_by() == Excuse::Nothing);
    assert_eq!(always.count(), Invariant::ALL.len() - 6);
}
