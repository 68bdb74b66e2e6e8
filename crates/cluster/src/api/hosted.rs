//! Finding the replica that a request is about.

use kafka_protocol::messages::TopicName;
use kafka_sim_core::ErrorCode;
use kafka_sim_core::wire::topic_id_of_name;

use super::forwarded::text;
use crate::broker::{Broker, Partition};
use crate::peer::{MetadataImage, Tp};

/// The partition of that name, if the cluster has it.
pub(super) fn known(broker: &Broker, topic: &str, index: i32) -> Result<Tp, ErrorCode> {
    let tp = broker.topic_id(topic).map(|topic| Tp {
        topic,
        partition: index,
    });
    tp.filter(|tp| broker.known(*tp).is_some())
        .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

/// The name of a topic as a request names it: by name, or by its id as text. `None` if there is no such id.
pub(super) fn named_topic(image: &MetadataImage, by_id: bool, name: &TopicName) -> Option<TopicName> {
    if !by_id {
        return Some(name.clone());
    }
    let topic = image.topics.get(&topic_id_of_name(name)?)?;
    Some(TopicName(text(&topic.name)))
}

/// This broker's replica.
pub(super) fn replica(broker: &Broker, tp: Tp) -> Result<&Partition, ErrorCode> {
    let is_assigned = || {
        broker
            .known(tp)
            .is_some_and(|state| state.replicas.contains(&broker.id()))
    };
    match broker.partitions.get(&tp) {
        _ if broker.log_dir_offline && is_assigned() => Err(ErrorCode::KAFKA_STORAGE_ERROR),
        Some(partition) => Ok(partition),
        None => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
    }
}

/// This broker's replica, if it is the leader.
pub(super) fn led(broker: &Broker, tp: Tp) -> Result<&Partition, ErrorCode> {
    replica(broker, tp).and_then(leading)
}

/// Refuses a replica that is not the leader.
pub(super) fn leading(partition: &Partition) -> Result<&Partition, ErrorCode> {
    if partition.is_leader() {
        Ok(partition)
    } else {
        Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }
}

#[cfg(test)]
pub(super) mod testing {

    use kafka_sim_core::batch::{BatchBuilder, BatchOptions};
    use kafka_sim_core::{BrokerId, SimTime, TopicPartition};

    use super::*;
    use crate::broker::{Leading, Remote, Role};
    use crate::disk::{Disk, DiskConfig};
    use crate::log::{AppendOrigin, Log, LogConfig, OpenOptions};
    use crate::peer::PartitionState;

    /// Leader epoch of [`leader`].
    pub(in crate::api) const EPOCH: i32 = 4;

    /// A leader whose log holds one batch of one record per timestamp, with all but the last `above` of them committed.
    /// Broker 0 leads, brokers 1 and 2 follow.
    pub(in crate::api) fn leader(config: LogConfig, timestamps: &[i64], above: i64) -> Partition {
        let (now, now_ms) = (SimTime::ZERO, 0);
        let mut disk = Disk::new(DiskConfig::default());
        let options = OpenOptions {
            clean: true,
            recovery_point: 0,
            log_start: 0,
            now,
            now_ms,
        };
        let (mut log, _) = Log::open(&mut disk, "orders-0", config, options).expect("the disk is healthy");
        for timestamp in timestamps {
            let mut batch = BatchBuilder::new(BatchOptions::default());
            batch.append(*timestamp, Some(b"k"), Some(b"v"), &[]);
            let records = batch.build().expect("one record is a batch");
            log.append_as_leader(&mut disk, records, EPOCH, now, now_ms, AppendOrigin::Client)
                .expect("the batch is fine");
        }
        let high_watermark = log.log_end_offset() - above;
        let tp = Tp {
            topic: uuid::Uuid::from_u128(1),
            partition: 0,
        };
        let mut partition = Partition::new(tp, TopicPartition::new("orders", 0), log, high_watermark);
        let brokers = [BrokerId(0), BrokerId(1), BrokerId(2)];
        partition.adopt(&PartitionState {
            replicas: brokers.to_vec(),
            isr: brokers.to_vec(),
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader: Some(BrokerId(0)),
            leader_epoch: EPOCH,
            partition_epoch: 0,
            recovering: false,
        });
        let remotes = brokers[1..].iter().map(|id| (*id, remote())).collect();
        partition.role = Role::Leader(Leading {
            epoch_start: 0,
            remotes,
            unflushed: std::collections::VecDeque::new(),
            recovering: false,
        });
        partition
    }

    fn remote() -> Remote {
        Remote {
            log_end: 0,
            log_start: 0,
            last_fetch: SimTime::ZERO,
            leader_end_at_fetch: 0,
            last_caught_up: None,
            broker_epoch: 1,
        }
    }
}
