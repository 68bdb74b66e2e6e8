//! Making a [`View`].

use std::sync::Arc;

use super::Cluster;
use super::node::Node;
use crate::config::is_compacted;
use crate::peer::{PartitionState, Tp};
use crate::view::{BrokerView, GroupView, PartitionView, ReplicaView, View};

impl Cluster {
    /// A look at everything.
    pub fn view(&self) -> View {
        let image = self.controller.image();
        let partitions = image
            .names
            .iter()
            .filter_map(|(name, id)| Some((name, image.topics.get(id)?)))
            .flat_map(|(name, topic)| {
                (0_i32..).zip(&topic.partitions).map(move |(partition, state)| {
                    self.view_partition(
                        name.clone(),
                        Tp {
                            topic: topic.id,
                            partition,
                        },
                        state,
                    )
                })
            });
        let processes = self.nodes.iter().filter_map(|node| node.broker.as_deref());
        let mut groups: Vec<GroupView> = processes.flat_map(|broker| broker.view_groups()).collect();
        groups.sort_by(|a, b| (&a.group, a.coordinator).cmp(&(&b.group, b.coordinator)));
        View {
            groups,
            at_nanos: self.now.as_nanos(),
            brokers: self.nodes.iter().map(|node| self.view_broker(node)).collect(),
            partitions: partitions.collect(),
        }
    }

    fn view_broker(&self, node: &Node) -> BrokerView {
        let id = node.id();
        let recorded = self.controller.image().brokers.get(&id);
        let process = node.broker.as_deref();
        BrokerView {
            id,
            running: process.is_some(),
            paused: node.paused,
            fenced: recorded.is_none_or(|b| b.fenced),
            broker_epoch: recorded.map_or(-1, |b| b.epoch),
            metadata_offset: process.map_or(0, |b| b.metadata_offset),
            rack: node.spec.rack.clone(),
            log_dir_offline: process.is_some_and(|b| b.log_dir_offline),
        }
    }

    fn view_partition(&self, topic: std::sync::Arc<str>, tp: Tp, state: &PartitionState) -> PartitionView {
        let replicas = state.replicas.iter().filter_map(|id| {
            let node = &self.nodes[self.node_index(*id)?];
            let replica = node.broker.as_deref()?.partitions.get(&tp)?;
            Some(ReplicaView {
                broker: *id,
                leads: replica.is_leader(),
                log_start: replica.log.log_start_offset(),
                log_end: replica.log.log_end_offset(),
                high_watermark: replica.high_watermark,
                durable_end: replica.log.durable_end_offset(&node.disk, self.now),
            })
        });
        PartitionView {
            topic,
            partition: tp.partition,
            leader: state.leader,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            isr: state.isr.clone(),
            elr: state.elr.clone(),
            replicas: replicas.collect(),
        }
    }
}

impl Cluster {
    /// Names of the topics whose `cleanup.policy` has `compact`, the offsets topic among them once it is there.
    pub fn compacted_topics(&self) -> impl Iterator<Item = &Arc<str>> {
        let image = self.controller.image();
        let is_compacted = |name: &&Arc<str>| is_compacted(self.controller.defaults(), image.overrides(name));
        image.names.keys().filter(is_compacted)
    }

    /// Nothing is left to repair: every broker serves and has the controller's metadata, every partition has a leader,
    /// all its replicas are in sync, and everything in the leader's log is committed.
    pub fn is_converged(&self) -> bool {
        let offset = self.controller.offset();
        let image = self.controller.image();
        let partitions = image.topics.values().flat_map(|topic| {
            (0_i32..).zip(&topic.partitions).map(|(partition, state)| {
                (
                    Tp {
                        topic: topic.id,
                        partition,
                    },
                    state,
                )
            })
        });
        self.nodes.iter().all(|node| !node.paused && node.is_caught_up(offset)) && { partitions }
            .all(|(tp, state)| self.is_settled(tp, state))
    }

    fn is_settled(&self, tp: Tp, state: &PartitionState) -> bool {
        let leader = state.leader.and_then(|id| self.node_index(id));
        let Some(replica) = leader
            .and_then(|index| self.nodes[index].broker.as_deref())
            .and_then(|broker| broker.partitions.get(&tp))
        else {
            return false;
        };
        replica.is_leader()
            && state.isr.len() == state.replicas.len()
            && replica.high_watermark == replica.log.log_end_offset()
    }
}
