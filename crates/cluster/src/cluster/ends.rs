//! Who is at the two ends of each connection.

use kafka_sim_core::{BrokerId, ConnId};

use super::Cluster;
use crate::net::{ChannelId, Endpoint};

/// The two ends of a connection, until both know that it is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    Client(ClientEnds),
    /// Two brokers, or a broker and the controller; who opened it comes first.
    Peers(Endpoint, Endpoint),
}

/// The two ends of a client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientEnds {
    pub(super) conn: ConnId,
    pub(super) broker: BrokerId,
    pub(super) client_over: bool,
    broker_over: bool,
}

impl ClientEnds {
    pub(super) fn new(conn: ConnId, broker: BrokerId) -> ClientEnds {
        ClientEnds {
            conn,
            broker,
            client_over: false,
            broker_over: false,
        }
    }
}

impl Cluster {
    /// The ends of a connection, if it is one of a client.
    pub(super) fn client_ends(&self, channel: ChannelId) -> Option<&ClientEnds> {
        match self.ends.get(channel) {
            Some(Ends::Client(ends)) => Some(ends),
            _ => None,
        }
    }

    pub(super) fn end_client_side(&mut self, channel: ChannelId) {
        self.end_side(channel, |ends| ends.client_over = true);
    }

    pub(super) fn end_broker_side(&mut self, channel: ChannelId) {
        self.end_side(channel, |ends| ends.broker_over = true);
    }

    fn end_side(&mut self, channel: ChannelId, end: impl FnOnce(&mut ClientEnds)) {
        if let Some(Ends::Client(ends)) = self.ends.get_mut(channel) {
            end(ends);
            if ends.client_over && ends.broker_over {
                self.ends.remove(channel);
            }
        }
    }
}

/// The connections among brokers and to the controller, by who opened them to whom.
#[derive(Clone, Debug)]
pub(super) struct PeerChannels {
    brokers: usize,
    /// A row for each broker and one for the controller, and so are the places in a row.
    opened: Vec<Option<ChannelId>>,
}

impl PeerChannels {
    pub(super) fn new(brokers: usize) -> PeerChannels {
        PeerChannels {
            brokers,
            opened: vec![None; (brokers + 1) * (brokers + 1)],
        }
    }

    #[inline]
    pub(super) fn get(&self, from: Endpoint, to: Endpoint) -> Option<ChannelId> {
        self.opened[self.place(from, to)]
    }

    pub(super) fn insert(&mut self, from: Endpoint, to: Endpoint, channel: ChannelId) {
        let place = self.place(from, to);
        self.opened[place] = Some(channel);
    }

    pub(super) fn remove(&mut self, from: Endpoint, to: Endpoint) -> Option<ChannelId> {
        let place = self.place(from, to);
        self.opened[place].take()
    }

    /// Whoever opened this one has none any more.
    pub(super) fn forget(&mut self, channel: ChannelId) {
        for opened in &mut self.opened {
            opened.take_if(|other| *other == channel);
        }
    }

    #[inline]
    fn place(&self, from: Endpoint, to: Endpoint) -> usize {
        self.row(from) * (self.brokers + 1) + self.row(to)
    }

    #[inline]
    fn row(&self, peer: Endpoint) -> usize {
        match peer {
            Endpoint::Broker(id) => usize::try_from(id.0).expect("brokers are numbered from 0"),
            Endpoint::Controller => self.brokers,
            Endpoint::Client(_) => unreachable!("clients have no peers"),
        }
    }
}
