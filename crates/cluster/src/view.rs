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
