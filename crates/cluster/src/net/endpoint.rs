//! Names: machines, sets of machines, connections and their ends.

use std::cmp::Ordering;
use std::fmt;

use kafka_sim_core::BrokerId;
use smallvec::SmallVec;

/// A machine on the network.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Endpoint {
    /// A host that clients run on, by index.
    Client(u32),
    /// A broker.
    Broker(BrokerId),
    /// The controller.
    Controller,
}

impl Endpoint {
    /// Kind and number as one number, which is compared faster.
    #[inline]
    fn rank(self) -> u64 {
        match self {
            Endpoint::Client(host) => u64::from(host),
            Endpoint::Broker(id) => 1 << 32 | u64::from(id.0.cast_unsigned()),
            Endpoint::Controller => 2 << 32,
        }
    }
}

/// Clients, then brokers, then the controller.
impl Ord for Endpoint {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Endpoint {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An ordered pair of machines as one number, which is found in a map with few comparisons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Route(u128);

impl Route {
    #[inline]
    pub(crate) fn new(from: Endpoint, to: Endpoint) -> Route {
        Route(u128::from(from.rank()) << 64 | u128::from(to.rank()))
    }
}

/// Bits of a [`ChannelId`] that name a slot: as many connections at once are possible.
const SLOT_BITS: u32 = 24;

/// A connection. Never reused; of two connections the one that was made later is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelId(u64);

impl ChannelId {
    /// The connection of this number, counted from the first, and the slot that is its own as long as it lives.
    pub(super) fn new(number: u64, slot: usize) -> ChannelId {
        assert!(slot >> SLOT_BITS == 0, "fewer than 2^24 connections at once");
        ChannelId(number << SLOT_BITS | slot as u64)
    }

    #[inline]
    pub(super) fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

/// Its number, counted from the first connection on.
impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0 >> SLOT_BITS).fmt(f)
    }
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The end named first when it was made, which is the one that connects.
    A = 0,
    /// The end named second, which is the one that accepts.
    B = 1,
}

impl Side {
    /// The other end.
    #[inline]
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
