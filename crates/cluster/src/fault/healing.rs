//! What ends a fault, how hard it is, and whom it names.

use crate::fault::{Fault, Peer, Role, Survivors};

/// What happens when a fault is healed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Healing {
    /// Nothing is left to repair: the fault is over the moment it struck.
    Nothing,
    /// The link behaves as before; bytes that were held are delivered.
    Reconnect,
    /// The port accepts connections again.
    Accept,
    /// Requests that were still to be swallowed pass.
    Disarm,
    /// The paused process runs on.
    Resume,
    /// The disk works again, and a broker that gave up over it is started.
    RepairDisk,
    /// The broker is started, unless something else has started it.
    Start,
    /// The topic is created anew, unless somebody else has created it.
    CreateTopic,
    /// The paused process of a client runs on.
    ResumeClient,
    /// A client gets a new process, which knows nothing of the one before.
    StartClient,
}

impl Fault {
    /// What ends the fault.
    pub fn healing(&self) -> Healing {
        match self {
            Fault::Restart(_)
            | Fault::Reset { .. }
            | Fault::CorruptTail { .. }
            | Fault::UncleanElection { .. }
            | Fault::PreferredElection { .. }
            | Fault::AddPartitions { .. } => Healing::Nothing,
            Fault::Isolate(_)
            | Fault::Partition { .. }
            | Fault::BlackHole { .. }
            | Fault::Hold { .. }
            | Fault::Delay { .. }
            | Fault::Bandwidth { .. }
            | Fault::IsolateFromController(_)
            | Fault::SlowMetadata { .. } => Healing::Reconnect,
            Fault::RefuseConnections(_) => Healing::Accept,
            Fault::DropRequest(_) | Fault::DropResponse(_) => Healing::Disarm,
            Fault::Pause(_) => Healing::Resume,
            Fault::SlowFsync { .. } | Fault::FailFsync(_) | Fault::LyingFsync(_) | Fault::FullDisk(_) => {
                Healing::RepairDisk
            }
            Fault::Kill(_)
            | Fault::PowerLoss { .. }
            | Fault::CleanStop(_)
            | Fault::ControlledStop(_)
            | Fault::Wipe(_) => Healing::Start,
            Fault::DeleteTopic { .. } => Healing::CreateTopic,
            Fault::PauseClient(_) => Healing::ResumeClient,
            Fault::KillClient(_) | Fault::PowerLossClient { .. } => Healing::StartClient,
        }
    }

    /// Whether the fault leaves something behind that healing repairs.
    pub fn is_healable(&self) -> bool {
        self.healing() != Healing::Nothing
    }

    /// How hard the fault is, from 0. Shrinking replaces a fault by a milder one, so a counterexample that keeps a
    /// power loss is one that a kill does not produce.
    pub fn severity(&self) -> u8 {
        match self {
            Fault::PreferredElection { .. } | Fault::AddPartitions { .. } => 0,
            Fault::Delay { .. } | Fault::Bandwidth { .. } | Fault::SlowMetadata { .. } => 1,
            Fault::SlowFsync { .. } => 2,
            Fault::Hold { .. } | Fault::RefuseConnections(_) => 3,
            Fault::Reset { .. } => 4,
            Fault::DropRequest(_) | Fault::DropResponse(_) => 5,
            Fault::BlackHole { .. } | Fault::IsolateFromController(_) => 6,
            Fault::Partition { .. } | Fault::Isolate(_) => 7,
            Fault::Pause(_) | Fault::PauseClient(_) => 8,
            Fault::ControlledStop(_) => 9,
            Fault::CleanStop(_) => 10,
            Fault::Restart(_) | Fault::Kill(_) | Fault::KillClient(_) => 11,
            Fault::FullDisk(_) | Fault::FailFsync(_) => 12,
            Fault::LyingFsync(_) => 13,
            Fault::PowerLoss {
                survivors: Survivors::All,
                ..
            }
            | Fault::PowerLossClient {
                survivors: Survivors::All,
                ..
            } => 14,
            Fault::PowerLoss { .. } | Fault::PowerLossClient { .. } => 15,
            Fault::CorruptTail { .. } => 16,
            Fault::UncleanElection { .. } => 17,
            Fault::Wipe(_) => 18,
            Fault::DeleteTopic { .. } => 19,
        }
    }

    /// Whether a broker that is struck goes down and may come back without records it had acknowledged. The promise of
    /// acks=all holds for up to `min.insync.replicas` − 1 of these at a time.
    pub fn is_lossy_shutdown(&self) -> bool {
        match self {
            Fault::PowerLoss { survivors, .. } => *survivors != Survivors::All,
            Fault::Wipe(_) => true,
            _ => false,
        }
    }

    /// The roles the fault names, in the order of its fields.
    pub fn roles(&self) -> Vec<&Role> {
        match self {
            Fault::Kill(role)
            | Fault::CleanStop(role)
            | Fault::ControlledStop(role)
            | Fault::Restart(role)
            | Fault::Pause(role)
            | Fault::Isolate(role)
            | Fault::RefuseConnections(role)
            | Fault::FailFsync(role)
            | Fault::LyingFsync(role)
            | Fault::FullDisk(role)
            | Fault::Wipe(role)
            | Fault::IsolateFromController(role) => vec![role],
            Fault::PowerLoss { target, .. }
            | Fault::SlowFsync { target, .. }
            | Fault::CorruptTail { target, .. }
            | Fault::SlowMetadata { target, .. } => vec![target],
            Fault::Partition { a, b } => a.iter().chain(b).filter_map(Peer::role).collect(),
            Fault::BlackHole { from: a, to: b }
            | Fault::Hold { from: a, to: b }
            | Fault::Delay { from: a, to: b, .. }
            | Fault::Bandwidth { from: a, to: b, .. }
            | Fault::Reset { a, b } => [a, b].into_iter().filter_map(Peer::role).collect(),
            Fault::DropRequest(filter) | Fault::DropResponse(filter) => filter.broker.iter().collect(),
            Fault::UncleanElection { .. }
            | Fault::PreferredElection { .. }
            | Fault::AddPartitions { .. }
            | Fault::DeleteTopic { .. }
            | Fault::KillClient(_)
            | Fault::PowerLossClient { .. }
            | Fault::PauseClient(_) => Vec::new(),
        }
    }

    /// The host of the client that the fault strikes, for faults of applications.
    pub fn client(&self) -> Option<&str> {
        match self {
            Fault::KillClient(host) | Fault::PowerLossClient { host, .. } | Fault::PauseClient(host) => Some(host),
            _ => None,
        }
    }
}

impl Peer {
    /// The role, if the peer is a set of brokers.
    pub fn role(&self) -> Option<&Role> {
        match self {
            Peer::Brokers(role) => Some(role),
            Peer::Clients | Peer::Client(_) | Peer::Controller => None,
        }
    }
}
