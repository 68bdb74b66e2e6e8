//! What the controller hands to its driver.

use std::sync::Arc;

use kafka_sim_core::BrokerId;
use uuid::Uuid;

use crate::peer::{ConfigResource, FromController, Tp};

/// An output of the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControllerOutput {
    /// The answer to a request; each request has one.
    Reply {
        /// The sender of the request.
        to: BrokerId,
        /// The answer.
        msg: FromController,
    },
    /// Metadata nobody asked for.
    Push {
        /// A registered broker.
        to: BrokerId,
        /// A delta or a snapshot.
        msg: FromController,
    },
    /// Something worth tracing.
    Event(ControllerEvent),
}

/// A change that the controller made. Partitions are named by topic id, and by name for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControllerEvent {
    /// A process registered; it stays fenced until it has caught up.
    Registered {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        epoch: i64,
        /// It showed the epoch of its previous registration, so that process stopped in good order.
        clean: bool,
        /// Its log directory is new.
        empty_disk: bool,
    },
    /// A broker may no longer lead or be in sync.
    Fenced {
        /// The broker.
        broker: BrokerId,
    },
    /// A broker takes part again.
    Unfenced {
        /// The broker.
        broker: BrokerId,
    },
    /// A broker asked to stop; its leaderships move away.
    ControlledShutdown {
        /// The broker.
        broker: BrokerId,
    },
    /// A partition has a new leader.
    LeaderElected {
        /// The partition.
        tp: Tp,
        /// The topic's name.
        name: Arc<str>,
        /// The new leader.
        leader: BrokerId,
        /// The new leader epoch.
        leader_epoch: i32,
        /// The leader was neither in the ISR nor in the ELR, so records may be gone.
        unclean: bool,
    },
    /// A partition has no leader any more.
    LeaderLost {
        /// The partition.
        tp: Tp,
        /// The topic's name.
        name: Arc<str>,
        /// The new leader epoch.
        leader_epoch: i32,
    },
    /// The ISR or the ELR of a partition changed.
    IsrChanged {
        /// The partition.
        tp: Tp,
        /// The topic's name.
        name: Arc<str>,
        /// The ISR before.
        was: Vec<BrokerId>,
        /// In-sync replicas.
        isr: Vec<BrokerId>,
        /// Eligible leader replicas.
        elr: Vec<BrokerId>,
        /// The new partition epoch.
        partition_epoch: i32,
    },
    /// A topic exists.
    TopicCreated {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: Arc<str>,
        /// How many partitions it has.
        partitions: usize,
    },
    /// A topic has one more partition.
    PartitionAdded {
        /// The new partition.
        tp: Tp,
        /// The topic's name.
        name: Arc<str>,
    },
    /// A topic is gone.
    TopicDeleted {
        /// Its id.
        id: Uuid,
        /// Its name.
        name: Arc<str>,
    },
    /// An override was set, or removed with `None`.
    ConfigChanged {
        /// What it belongs to.
        resource: ConfigResource,
        /// The key.
        key: Arc<str>,
        /// The new value.
        value: Option<Arc<str>>,
    },
}
