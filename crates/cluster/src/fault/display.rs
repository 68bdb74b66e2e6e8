//! Faults in plain words.

use std::fmt::{self, Display, Formatter};

use crate::fault::{Fault, Filter, Peer, Role, Survivors};

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Kill(role) => write!(f, "kill of {role}"),
            Fault::PowerLoss { target, survivors } => write!(f, "power loss (survivors: {survivors}) of {target}"),
            Fault::CleanStop(role) => write!(f, "clean stop of {role}"),
            Fault::ControlledStop(role) => write!(f, "controlled shutdown of {role}"),
            Fault::Restart(role) => write!(f, "restart of {role}"),
            Fault::Pause(role) => write!(f, "pause of {role}"),
            Fault::Isolate(role) => write!(f, "isolation of {role} from everybody"),
            Fault::Partition { a, b } => write!(f, "partition between {} and {}", AnyOf(a), AnyOf(b)),
            Fault::BlackHole { from, to } => write!(f, "black hole from {from} to {to}"),
            Fault::Hold { from, to } => write!(f, "hold of bytes from {from} to {to}"),
            Fault::Delay { from, to, extra } => write!(f, "delay of {extra:?} from {from} to {to}"),
            Fault::Bandwidth {
                from,
                to,
                bytes_per_second,
            } => {
                write!(
                    f,
                    "bandwidth of {bytes_per_second} bytes per second from {from} to {to}"
                )
            }
            Fault::Reset { a, b } => write!(f, "reset of connections between {a} and {b}"),
            Fault::RefuseConnections(role) => write!(f, "refusal of new connections by {role}"),
            Fault::DropRequest(filter) => write!(
                f,
                "loss of {} before handling",
                Dropped {
                    filter,
                    what: "request"
                }
            ),
            Fault::DropResponse(filter) => write!(
                f,
                "loss of {} after handling",
                Dropped {
                    filter,
                    what: "response"
                }
            ),
            Fault::SlowFsync { target, latency } => write!(f, "fsync taking {latency:?} on {target}"),
            Fault::FailFsync(role) => write!(f, "failing fsync on {role}"),
            Fault::LyingFsync(role) => write!(f, "lying fsync on {role}"),
            Fault::FullDisk(role) => write!(f, "full disk on {role}"),
            Fault::Wipe(role) => write!(f, "wipe of the disk of {role}"),
            Fault::CorruptTail {
                target,
                topic,
                partition,
            } => {
                write!(f, "bit rot in the last batch of {topic}-{partition} on {target}")
            }
            Fault::UncleanElection { topic, partition } => write!(f, "unclean election for {topic}-{partition}"),
            Fault::PreferredElection { topic, partition } => write!(f, "preferred election for {topic}-{partition}"),
            Fault::AddPartitions { topic, total } => write!(f, "growth of {topic} to {total} partitions"),
            Fault::DeleteTopic { topic } => write!(f, "deletion of the topic {topic}"),
            Fault::IsolateFromController(role) => write!(f, "isolation of {role} from the controller"),
            Fault::SlowMetadata { target, extra } => write!(f, "metadata {extra:?} late on {target}"),
            Fault::KillClient(host) => write!(f, "kill of client {host}"),
            Fault::PowerLossClient { host, survivors } => {
                write!(f, "power loss (survivors: {survivors}) of client {host}")
            }
            Fault::PauseClient(host) => write!(f, "pause of client {host}"),
        }
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Role::Broker(id) => write!(f, "broker {}", id.0),
            Role::LeaderOf { topic, partition } => write!(f, "the leader of {topic}-{partition}"),
            Role::FollowerOf { topic, partition, nth } => write!(f, "follower {nth} of {topic}-{partition}"),
            Role::Rack(rack) => write!(f, "rack {rack}"),
            Role::AllBrokers => f.write_str("all brokers"),
            Role::ReplicasOf { topic, partition } => write!(f, "all replicas of {topic}-{partition}"),
            Role::IsrOf { topic, partition } => write!(f, "the in-sync replicas of {topic}-{partition}"),
            Role::CoordinatorOf { group } => write!(f, "the coordinator of group {group}"),
        }
    }
}

impl Display for Peer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Brokers(role) => role.fmt(f),
            Peer::Clients => f.write_str("all clients"),
            Peer::Client(host) => write!(f, "client {host}"),
            Peer::Controller => f.write_str("the controller"),
        }
    }
}

impl Display for Survivors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Survivors::None => "none",
            Survivors::Prefix => "a prefix of each file",
            Survivors::PageSubset => "some pages",
            Survivors::TornTail => "all but a torn last batch",
            Survivors::All => "all",
        })
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Dropped {
            filter: self,
            what: "request",
        }
        .fmt(f)
    }
}

/// What a filter lets a fault swallow.
struct Dropped<'a> {
    filter: &'a Filter,
    what: &'static str,
}

impl Display for Dropped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Filter {
            api,
            client,
            broker,
            count,
        } = self.filter;
        match count {
            1 => write!(f, "the next {}", self.what)?,
            count => write!(f, "the next {count} {}s", self.what)?,
        }
        if let Some(api) = api {
            write!(f, " of API key {api}")?;
        }
        if let Some(client) = client {
            write!(f, " of client id {client}")?;
        }
        if let Some(broker) = broker {
            write!(f, " at {broker}")?;
        }
        Ok(())
    }
}

/// Peers joined by commas.
struct AnyOf<'a>(&'a [Peer]);

impl Display for AnyOf<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (index, peer) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            peer.fmt(f)?;
        }
        Ok(())
    }
}
