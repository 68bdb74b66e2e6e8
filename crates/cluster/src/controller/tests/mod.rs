//! Tests of the controller through its requests, in virtual time.

mod admin_configs;
mod admin_partitions;
mod admin_topics;
mod alter_partition;
mod brokers;
mod elections;
mod eligible_replicas;
mod invariants;
mod metadata;
mod shutdowns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::{BrokerId, ErrorCode, Seed, SimTime};

use super::{Controller, ControllerEvent, ControllerOutput};
use crate::config::BrokerConfig;
use crate::peer::*;

/// A controller and the brokers that talk to it.
struct Rig {
    controller: Controller,
    now: SimTime,
    out: Vec<ControllerOutput>,
    epochs: BTreeMap<i32, i64>,
    starts: u64,
}

fn ids(list: &[i32]) -> Vec<BrokerId> {
    list.iter().copied().map(BrokerId).collect()
}

impl Rig {
    /// Brokers `0..brokers`, registered and in service.
    fn new(brokers: i32, settings: &[(&str, &str)]) -> Self {
        let (config, _) = BrokerConfig::from_pairs(settings.iter().copied()).unwrap();
        let controller = Controller::new(config, Seed(7));
        let mut rig = Self {
            controller,
            now: SimTime::ZERO,
            out: Vec::new(),
            epochs: BTreeMap::new(),
            starts: 0,
        };
        for broker in 0..brokers {
            rig.start(broker, -1);
        }
        rig
    }

    fn elr_off(brokers: i32) -> Self {
        Self::new(
            brokers,
            &[
                ("eligible.leader.replicas.enable", "false"),
                ("min.insync.replicas", "2"),
            ],
        )
    }

    fn elr_on(brokers: i32) -> Self {
        Self::new(brokers, &[("min.insync.replicas", "2")])
    }

    fn send(&mut self, broker: i32, msg: ToController) -> FromController {
        self.out.clear();
        self.controller.handle(self.now, BrokerId(broker), msg, &mut self.out);
        let mut replies = self.out.iter().filter_map(|output| match output {
            ControllerOutput::Reply { to, msg } => Some((to.0, msg.clone())),
            _ => None,
        });
        let (to, reply) = replies.next().unwrap();
        assert_eq!(to, broker);
        assert!(replies.next().is_none(), "every request has exactly one reply");
        reply
    }

    fn register(&mut self, broker: i32, incarnation: u64, previous_broker_epoch: i64) -> Result<i64, ErrorCode> {
        let rack = None;
        let msg = ToController::Register {
            incarnation,
            rack,
            previous_broker_epoch,
            empty_disk: false,
        };
        let FromController::Registered(answer) = self.send(broker, msg) else {
            panic!()
        };
        if let Ok(epoch) = answer {
            self.epochs.insert(broker, epoch);
        }
        answer
    }

    /// Starts a new process that brings the epoch of its clean-shutdown marker, and puts it into service.
    fn start(&mut self, broker: i32, previous_epoch: i64) {
        self.starts += 1;
        self.register(broker, self.starts, previous_epoch).unwrap();
        assert!(!self.beat(broker).fenced);
    }

    fn heartbeat(
        &mut self,
        broker: i32,
        fence: bool,
        shutdown: bool,
        offset: u64,
    ) -> Result<HeartbeatAnswer, ErrorCode> {
        let msg = ToController::Heartbeat {
            broker_epoch: self.epochs[&broker],
            metadata_offset: offset,
            want_fence: fence,
            want_shutdown: shutdown,
            log_dir_offline: false,
        };
        let FromController::Heartbeat(answer) = self.send(broker, msg) else {
            panic!()
        };
        answer
    }

    /// A heartbeat of a broker that has applied everything.
    fn beat(&mut self, broker: i32) -> HeartbeatAnswer {
        self.heartbeat(broker, false, false, self.controller.offset()).unwrap()
    }

    /// A broker asks to be fenced.
    fn fence(&mut self, broker: i32) {
        assert!(
            self.heartbeat(broker, true, false, self.controller.offset())
                .unwrap()
                .fenced
        );
    }

    /// A fenced broker asks for service again without a restart.
    fn unfence(&mut self, broker: i32) {
        assert!(!self.beat(broker).fenced);
    }

    fn lose_log_dir(&mut self, broker: i32) {
        let msg = ToController::Heartbeat {
            broker_epoch: self.epochs[&broker],
            metadata_offset: self.controller.offset(),
            want_fence: false,
            want_shutdown: false,
            log_dir_offline: true,
        };
        let FromController::Heartbeat(answer) = self.send(broker, msg) else {
            panic!()
        };
        answer.unwrap();
    }

    /// The broker stops uncleanly, its session ends, and a new process takes its place.
    fn crash_and_return(&mut self, broker: i32) {
        self.fence(broker);
        self.start(broker, -1);
    }

    fn stop_and_return(&mut self, broker: i32) {
        let epoch = self.epochs[&broker];
        self.fence(broker);
        self.start(broker, epoch);
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.out.clear();
        self.controller.advance(self.now, &mut self.out);
    }

    fn admin(&mut self, request: AdminRequest) -> AdminResponse {
        self.out.clear();
        self.controller.admin(self.now, request, &mut self.out)
    }

    /// Creates a topic with the given replicas of its partitions.
    fn create(&mut self, name: &str, replicas: &[&[i32]]) {
        let topic = manual(name, replicas);
        assert!(self.create_topic(topic).is_ok());
    }

    fn create_topic(&mut self, topic: NewTopic) -> Result<CreatedTopic, Refusal> {
        self.create_topics(vec![topic], false).remove(0).1
    }

    fn create_topics(
        &mut self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Vec<(Arc<str>, Result<CreatedTopic, Refusal>)> {
        let response = self.admin(AdminRequest::CreateTopics { topics, validate_only });
        let AdminResponse::CreateTopics(answers) = response else {
            panic!()
        };
        answers
    }

    fn alter_configs(&mut self, changes: Vec<ConfigChange>) -> Vec<Result<(), ErrorCode>> {
        let response = self.admin(AdminRequest::AlterConfigs {
            changes,
            validate_only: false,
        });
        let AdminResponse::AlterConfigs(answers) = response else {
            panic!()
        };
        answers
            .into_iter()
            .map(|(_, outcome)| outcome.map_err(|refusal| refusal.code))
            .collect()
    }

    fn set_topic_config(&mut self, topic: &str, key: &str, value: &str) {
        let outcome = self.alter_configs(vec![set(ConfigResource::Topic(Arc::from(topic)), key, value)]);
        assert_eq!(outcome, [Ok(())]);
    }

    fn tp(&self, name: &str, partition: i32) -> Tp {
        Tp {
            topic: self.controller.image().topic_named(name).unwrap().id,
            partition,
        }
    }

    fn state(&self, name: &str) -> PartitionState {
        self.controller.image().partition(self.tp(name, 0)).unwrap().clone()
    }

    /// Leader, ISR and ELR of partition 0 of `orders`.
    fn roles(&self) -> (Option<i32>, Vec<i32>, Vec<i32>) {
        let state = self.state("orders");
        let plain = |list: &[BrokerId]| list.iter().map(|id| id.0).collect();
        (state.leader.map(|id| id.0), plain(&state.isr), plain(&state.elr))
    }

    /// The leader of partition 0 of `orders` proposes an ISR.
    fn propose(&mut self, isr: &[i32]) -> Result<PartitionState, ErrorCode> {
        let state = self.state("orders");
        let leader = state.leader.unwrap().0;
        let proposal = IsrProposal {
            tp: self.tp("orders", 0),
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            isr: isr.iter().map(|&id| (BrokerId(id), -1)).collect(),
            recovering: false,
        };
        self.alter_partition(leader, proposal)
    }

    fn alter_partition(&mut self, from: i32, proposal: IsrProposal) -> Result<PartitionState, ErrorCode> {
        let msg = ToController::AlterPartition {
            broker_epoch: self.epochs[&from],
            proposals: vec![proposal],
        };
        let FromController::AlterPartition(answer) = self.send(from, msg) else {
            panic!()
        };
        answer.unwrap().remove(0).1
    }

    fn elect(&mut self, election: ElectionType) -> Result<(), ErrorCode> {
        let partitions = Some(vec![(Arc::from("orders"), 0)]);
        let response = self.admin(AdminRequest::ElectLeaders { election, partitions });
        let AdminResponse::ElectLeaders(Ok(mut outcomes)) = response else {
            panic!()
        };
        outcomes.remove(0).2.map_err(|refusal| refusal.code)
    }

    fn events(&self) -> Vec<&ControllerEvent> {
        let outputs = self.out.iter();
        outputs
            .filter_map(|output| {
                if let ControllerOutput::Event(event) = output {
                    Some(event)
                } else {
                    None
                }
            })
            .collect()
    }

    fn pushes(&self) -> Vec<(i32, &FromController)> {
        let outputs = self.out.iter();
        outputs
            .filter_map(|output| {
                if let ControllerOutput::Push { to, msg } = output {
                    Some((to.0, msg))
                } else {
                    None
                }
            })
            .collect()
    }
}

fn automatic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic {
        name: Arc::from(name),
        partitions,
        replication_factor,
        assignment: Vec::new(),
        configs: Vec::new(),
    }
}

fn manual(name: &str, replicas: &[&[i32]]) -> NewTopic {
    let assignment = (0..)
        .zip(replicas)
        .map(|(partition, replicas)| (partition, ids(replicas)))
        .collect();
    NewTopic {
        assignment,
        ..automatic(name, -1, -1)
    }
}

fn set(resource: ConfigResource, key: &str, value: &str) -> ConfigChange {
    change(resource, &[(key, ConfigOp::Set, Some(value))])
}

fn change(resource: ConfigResource, ops: &[(&str, ConfigOp, Option<&str>)]) -> ConfigChange {
    let ops = ops
        .iter()
        .map(|(key, op, value)| (Arc::from(*key), *op, value.map(Arc::from)))
        .collect();
    ConfigChange {
        resource,
        ops,
        replace_all: false,
    }
}
