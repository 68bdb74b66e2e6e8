//! The machine a broker process runs on: its disk, its power, and whether the process runs.

use std::collections::VecDeque;
use std::sync::Arc;

use kafka_sim_core::{BrokerId, Seed, SimRng, SimTime};

use super::{ClusterConfig, io::Work};
use crate::broker::{Broker, BrokerSpec, Lifecycle};
use crate::disk::Disk;

/// One machine.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) spec: Arc<BrokerSpec>,
    pub(super) disk: Disk,
    /// The process, while there is one.
    pub(super) broker: Option<Box<Broker>>,
    pub(super) starts: u64,
    pub(super) paused: bool,
    pub(super) refuses: bool,
    /// The disk once lied, or failed to sync.
    pub(super) distrusted: bool,
    /// What arrived while the process was paused.
    pub(super) stash: VecDeque<Work>,
    pub(super) rng: SimRng,
}

impl Node {
    pub(super) fn new(config: &ClusterConfig, index: usize, listeners: &Arc<[(Arc<str>, u16)]>, seed: Seed) -> Node {
        let id = BrokerId(i32::try_from(index).expect("a cluster has few brokers"));
        let rack = config.racks.get(index).cloned();
        let spec = BrokerSpec {
            id,
            rack,
            cluster_id: Arc::from("kafka-sim"),
            listeners: listeners.clone(),
            config: config.broker_config.clone(),
            #[cfg(feature = "mutants")]
            mutant: config.mutant,
        };
        Node {
            spec: Arc::new(spec),
            disk: Disk::new(config.disk),
            broker: None,
            starts: 0,
            paused: false,
            refuses: false,
            distrusted: false,
            stash: VecDeque::new(),
            rng: seed.stream("disk", index as u64),
        }
    }

    pub(super) fn id(&self) -> BrokerId {
        self.spec.id
    }

    /// When the process has something to do, the last instant there is for never.
    #[inline]
    pub(super) fn next_due(&self) -> SimTime {
        let timers = self
            .broker
            .as_ref()
            .filter(|_| !self.paused)
            .map(|broker| &broker.timers);
        timers.and_then(|timers| timers.next_due()).unwrap_or(SimTime::MAX)
    }

    /// The process runs and serves clients.
    pub(super) fn serves(&self) -> bool {
        self.broker
            .as_ref()
            .is_some_and(|b| matches!(b.lifecycle, Lifecycle::Running | Lifecycle::ShuttingDown))
    }

    pub(super) fn is_caught_up(&self, offset: u64) -> bool {
        self.serves() && self.broker.as_ref().is_some_and(|b| b.metadata_offset >= offset)
    }
}
