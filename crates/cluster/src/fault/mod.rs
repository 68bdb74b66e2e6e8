//! Faults as data: what can be done to a cluster, to whom, when, and what ends it.
//!
//! A [`Schedule`] is a value. It can be printed, compared, shrunk, stored as JSON and pasted into a test. Faults name
//! [roles](Role) such as "the leader of orders-0" which are resolved when the fault strikes, and every fault that
//! breaks something carries the [healing](Healing) that repairs it, so that any part of a schedule is a schedule.
//!
//! ```
//! use std::time::Duration;
//! use kafka_sim_cluster::fault::{Fault, Role, Schedule};
//! use kafka_sim_core::SimTime;
//!
//! let kill = Fault::Kill(Role::leader_of("orders", 0));
//! let schedule = Schedule::from(vec![kill.at(SimTime::from_secs(2)).healed_after(Duration::from_secs(5))]);
//! assert_eq!(schedule.to_string(), "at 2s: kill of the leader of orders-0, healed after 5s");
//! ```

mod display;
mod draft;
mod healing;
mod links;
pub(crate) mod literal;
mod literals;
mod role;
mod schedule;
mod serial;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::disk::Survivors;
pub use draft::{Aims, FaultDraft, Losses, SLOT, ScheduleDraft};
pub use healing::Healing;
pub use links::LinkFault;
pub use role::{Filter, Peer, Role};
pub use schedule::{Schedule, ScheduledFault, Trigger};

/// Something that is done to the cluster.
///
/// "Kill", "power loss", "pause", "isolate", "reset" and "wipe" are different things, and none of them is called a
/// crash. What ends each fault is told by [`Fault::healing`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The process dies. The page cache, and with it every byte that was written, survives.
    Kill(Role),
    /// The machine dies: unsynced bytes survive as `survivors` says. Connections are not reset, the peers hear nothing.
    PowerLoss {
        /// Whose machine.
        target: Role,
        /// What happens to bytes that were written but not synced.
        survivors: Survivors,
    },
    /// The process flushes its logs, writes the clean-shutdown marker and ends, without a word to the controller.
    CleanStop(Role),
    /// The process asks the controller to move its leaderships away, then stops cleanly.
    ControlledStop(Role),
    /// The process is started if it is down, else killed and started.
    Restart(Role),
    /// The process stands still but exists: its connections stay open and what arrives waits.
    Pause(Role),
    /// Nothing gets through between the broker and anybody, in either direction; nobody is told.
    Isolate(Role),
    /// Nothing gets through between the two sides, in either direction; nobody is told.
    Partition {
        /// One side.
        a: Vec<Peer>,
        /// The other side.
        b: Vec<Peer>,
    },
    /// Nothing gets through in one direction; nobody is told.
    BlackHole {
        /// Sender.
        from: Peer,
        /// Receiver.
        to: Peer,
    },
    /// Bytes wait in the network and are delivered in order when the fault is healed.
    Hold {
        /// Sender.
        from: Peer,
        /// Receiver.
        to: Peer,
    },
    /// Every message takes longer.
    Delay {
        /// Sender.
        from: Peer,
        /// Receiver.
        to: Peer,
        /// Added to the latency of each message.
        #[serde(rename = "extra_ms", with = "serial::duration")]
        extra: Duration,
    },
    /// The link carries fewer bytes.
    Bandwidth {
        /// Sender.
        from: Peer,
        /// Receiver.
        to: Peer,
        /// Shared by all connections between two endpoints; 0 is read as 1.
        bytes_per_second: u64,
    },
    /// All connections between the two die now, and both ends are told. New ones can be made at once.
    Reset {
        /// One end.
        a: Peer,
        /// The other end.
        b: Peer,
    },
    /// The broker's port refuses new connections; those that exist stay.
    RefuseConnections(Role),
    /// The next matching requests are swallowed before they are handled, and their connections reset.
    DropRequest(Filter),
    /// The next matching requests are handled, but the response is swallowed and the connection reset.
    DropResponse(Filter),
    /// Every fsync takes longer.
    SlowFsync {
        /// Whose disk.
        target: Role,
        /// How long an fsync takes.
        #[serde(rename = "latency_ms", with = "serial::duration")]
        latency: Duration,
    },
    /// Every fsync fails, and the pages it was for are marked clean all the same.
    FailFsync(Role),
    /// Every fsync reports success and does nothing.
    LyingFsync(Role),
    /// There is no room left on the disk.
    FullDisk(Role),
    /// The process is killed and its disk replaced by an empty one.
    Wipe(Role),
    /// Bits flip in the last batch of a replica's log, on the platter and in the page cache.
    CorruptTail {
        /// Whose replica.
        target: Role,
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// An operator asks for an election that may choose an out-of-sync replica.
    UncleanElection {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// An operator asks that the first assigned replica lead again.
    PreferredElection {
        /// Name of the topic.
        topic: String,
        /// Index of the partition.
        partition: i32,
    },
    /// An operator adds partitions to a topic. What is there stays where it is; keys do not.
    AddPartitions {
        /// Name of the topic.
        topic: String,
        /// How many partitions it has afterwards; no effect unless that is more than before.
        total: i32,
    },
    /// An operator deletes a topic with everything in it. Healing creates it again under the same name: with as many
    /// partitions and replicas and the same overrides, another id, and nothing in it. No effect if there is no such topic
    /// or `delete.topic.enable` is false.
    DeleteTopic {
        /// Name of the topic.
        topic: String,
    },
    /// Nothing gets through between the broker and the controller; everybody else is reachable.
    IsolateFromController(Role),
    /// What the controller says arrives late: the broker acts on old metadata.
    SlowMetadata {
        /// Which broker.
        target: Role,
        /// Added to the latency of each message of the controller.
        #[serde(rename = "extra_ms", with = "serial::duration")]
        extra: Duration,
    },
    /// The process of the client on this host dies. What it wrote to its machine's page cache survives, and its
    /// connections are closed for it.
    KillClient(String),
    /// The machine of the client on this host dies. Its connections are not reset, the brokers hear nothing.
    PowerLossClient {
        /// The host.
        host: String,
        /// What happens to bytes that were written on that machine but not synced.
        survivors: Survivors,
    },
    /// The process of the client on this host stands still but exists: its connections stay open, what arrives waits,
    /// and nothing is processed or sent.
    PauseClient(String),
}
