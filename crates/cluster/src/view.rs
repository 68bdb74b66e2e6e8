//! A read-only look at the whole cluster: what no client can see.

use std::sync::Arc;

use kafka_sim_core::{BrokerId, Offset, TopicPartition};
use serde::Serialize;

/// Everything that is worth showing of a cluster at one instant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct View {
    /// Nanoseconds since the start.
    pub at_nanos: u64,
    /// By id.
    pub brokers: Vec<BrokerView>,
    /// By topic name and index.
    pub partitions: Vec<PartitionView>,
    /// By id of the group and of the coordinator; two brokers can both believe to be it.
    pub groups: Vec<GroupView>,
}

/// One group as a coordinator knows it, replicated or not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GroupView {
    /// Its id.
    pub group: Arc<str>,
    /// The broker that coordinates it.
    pub coordinator: BrokerId,
    /// The protocol of its kind of groups.
    pub kind: GroupKind,
    /// The name of its state as ListGroups shows it.
    pub state: &'static str,
    /// Generation of a classic group, epoch of a consumer group.
    pub epoch: i32,
    /// By id.
    pub members: Vec<GroupMemberView>,
}

/// The two kinds of groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Members assign partitions among themselves.
    Classic,
    /// The coordinator assigns partitions (KIP-848).
    Consumer,
}

/// One member of a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GroupMemberView {
    /// Its id.
    pub id: Arc<str>,
    /// `group.instance.id` of a static member.
    pub instance: Option<Arc<str>>,
    /// The host it runs on, after a slash.
    pub host: Arc<str>,
    /// Generation of a classic group, the member's own epoch in a consumer group.
    pub epoch: i32,
    /// Partitions it was told to own. Empty for a classic group that is not one of consumers.
    pub assignment: Vec<TopicPartition>,
}

/// One broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerView {
    /// Its id.
    pub id: BrokerId,
    /// The process runs.
    pub running: bool,
    /// The process stands still.
    pub paused: bool,
    /// As the controller sees it; a broker that never registered counts as fenced.
    pub fenced: bool,
    /// The epoch of its registration, −1 without one.
    pub broker_epoch: i64,
    /// Offset of the metadata it has applied.
    pub metadata_offset: u64,
    /// Its rack.
    pub rack: Option<Arc<str>>,
    /// Its log directory has failed.
    pub log_dir_offline: bool,
}

/// One partition as the controller has recorded it, and every replica of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionView {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Index.
    pub partition: i32,
    /// The leader, unless the partition is offline.
    pub leader: Option<BrokerId>,
    /// Its epoch.
    pub leader_epoch: i32,
    /// Raised with every change.
    pub partition_epoch: i32,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<BrokerId>,
    /// In order of assignment; those whose broker is down are left out.
    pub replicas: Vec<ReplicaView>,
}

/// One replica on a running broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReplicaView {
    /// Its broker.
    pub broker: BrokerId,
    /// It believes that it leads.
    pub leads: bool,
    /// First offset of its log.
    pub log_start: Offset,
    /// Offset after its last record.
    pub log_end: Offset,
    /// Its high watermark.
    pub high_watermark: Offset,
    /// Offset below which its platter has everything.
    pub durable_end: Offset,
}

impl View {
    /// The partition, if it exists.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionView> {
        self.partitions
            .iter()
            .find(|p| &*p.topic == topic && p.partition == partition)
    }

    /// The group, as the first coordinator that knows it sees it.
    pub fn group(&self, id: &str) -> Option<&GroupView> {
        self.groups.iter().find(|g| &*g.group == id)
    }

    /// The leader's high watermark of every partition that has a leader.
    pub fn high_watermarks(&self) -> impl Iterator<Item = (TopicPartition, Offset)> {
        self.partitions.iter().filter_map(|p| {
            let leader = p.replicas.iter().find(|r| Some(r.broker) == p.leader)?;
            Some((
                TopicPartition {
                    topic: p.topic.clone(),
                    partition: p.partition,
                },
                leader.high_watermark,
            ))
        })
    }
}
