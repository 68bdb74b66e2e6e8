//! Names: machines, sets of machines, connections and their ends.

use std::fmt;

use kafka_sim_core::BrokerId;
use smallvec::SmallVec;

/// A machine on the network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Endpoint {
    /// A host that clients run on, by index.
    Client(u32),
    /// A broker.
    Broker(BrokerId),
    /// The controller.
    Controller,
}

/// A connection. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(pub(super) u64);

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The end named first when it was made, which is the one that connects.
    A,
    /// The end named second, which is the one that accepts.
    B,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// A set of endpoints.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndpointSet {
    everybody: bool,
    clients: bool,
    members: SmallVec<[Endpoint; 4]>,
}

impl EndpointSet {
    /// Nobody.
    pub fn none() -> EndpointSet {
        EndpointSet::default()
    }

    /// Everybody.
    pub fn everybody() -> EndpointSet {
        EndpointSet {
            everybody: true,
            ..EndpointSet::default()
        }
    }

    /// Every client, also those that come later.
    pub fn clients() -> EndpointSet {
        EndpointSet {
            clients: true,
            ..EndpointSet::default()
        }
    }

    /// Adds one endpoint.
    pub fn insert(&mut self, endpoint: Endpoint) {
        if !self.contains(endpoint) {
            self.members.push(endpoint);
        }
    }

    /// Adds the members of another set.
    pub fn extend(&mut self, other: EndpointSet) {
        self.everybody |= other.everybody;
        self.clients |= other.clients;
        other.members.into_iter().for_each(|endpoint| self.insert(endpoint));
    }

    /// Whether the endpoint is in the set.
    pub fn contains(&self, endpoint: Endpoint) -> bool {
        self.everybody || (self.clients && matches!(endpoint, Endpoint::Client(_))) || self.members.contains(&endpoint)
    }
}

impl From<Endpoint> for EndpointSet {
    fn from(endpoint: Endpoint) -> EndpointSet {
        EndpointSet::from_iter([endpoint])
    }
}

impl FromIterator<Endpoint> for EndpointSet {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(endpoints: I) -> EndpointSet {
        let mut set = EndpointSet::none();
        endpoints.into_iter().for_each(|endpoint| set.insert(endpoint));
        set
    }
}
