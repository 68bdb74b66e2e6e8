//! Who holds a role right now.

use kafka_sim_core::BrokerId;

use super::Cluster;
use crate::fault::{Peer, Role};
use crate::group::host::OFFSETS_TOPIC;
use crate::group::shard_of;
use crate::net::{Endpoint, EndpointSet};
use crate::peer::{PartitionState, Tp};

impl Cluster {
    /// The brokers that hold a role, as the controller has recorded it.
    pub(super) fn resolve(&self, role: &Role) -> Vec<BrokerId> {
        let state = |topic: &str, partition: i32| self.partition_named(topic, partition);
        match role {
            Role::Broker(id) => self.node_index(*id).map(|_| *id).into_iter().collect(),
            Role::LeaderOf { topic, partition } => {
                state(topic, *partition).and_then(|p| p.leader).into_iter().collect()
            }
            Role::FollowerOf { topic, partition, nth } => state(topic, *partition)
                .and_then(|p| follower(p, *nth))
                .into_iter()
                .collect(),
            Role::Rack(rack) => self
                .nodes
                .iter()
                .filter(|n| n.spec.rack.as_deref() == Some(rack))
                .map(super::node::Node::id)
                .collect(),
            Role::AllBrokers => self.nodes.iter().map(super::node::Node::id).collect(),
            Role::ReplicasOf { topic, partition } => {
                state(topic, *partition).map(|p| p.replicas.clone()).unwrap_or_default()
            }
            Role::IsrOf { topic, partition } => state(topic, *partition).map(|p| p.isr.clone()).unwrap_or_default(),
            Role::CoordinatorOf { group } => self
                .partition_named(OFFSETS_TOPIC, self.shard_of(group))
                .and_then(|p| p.leader)
                .into_iter()
                .collect(),
        }
    }

    /// The partition of the offsets topic that a group is kept in; 0 as long as there is no such topic.
    fn shard_of(&self, group: &str) -> i32 {
        let partitions = self
            .controller
            .image()
            .topic_named(OFFSETS_TOPIC)
            .map_or(0, |topic| topic.partitions.len());
        shard_of(group, i32::try_from(partitions).unwrap_or(i32::MAX))
    }

    pub(super) fn partition_named(&self, topic: &str, partition: i32) -> Option<&PartitionState> {
        let image = self.controller.image();
        image.partition(Tp {
            topic: image.topic_named(topic)?.id,
            partition,
        })
    }

    /// The ends of links that peers stand for.
    pub(super) fn endpoints(&self, peers: &[Peer]) -> EndpointSet {
        let mut set = EndpointSet::none();
        for peer in peers {
            match peer {
                Peer::Brokers(role) => self
                    .resolve(role)
                    .into_iter()
                    .for_each(|id| set.insert(Endpoint::Broker(id))),
                Peer::Clients => set.extend(EndpointSet::clients()),
                Peer::Client(host) => {
                    if let Some(index) = self.hosts.get(host.as_str()) {
                        set.insert(Endpoint::Client(*index));
                    }
                }
                Peer::Controller => set.insert(Endpoint::Controller),
            }
        }
        set
    }
}

/// The in-sync followers in order, then the other replicas.
fn follower(state: &PartitionState, nth: u32) -> Option<BrokerId> {
    let in_sync = state.isr.iter().filter(|id| Some(**id) != state.leader);
    let others = state
        .replicas
        .iter()
        .filter(|id| !state.isr.contains(id) && Some(**id) != state.leader);
    in_sync.chain(others).nth(usize::try_from(nth).ok()?).copied()
}
