//! Connections of clients, seen from the network.

use std::sync::Arc;

use bytes::Bytes;
use kafka_sim_core::{BrokerId, ConnId};

use super::ends::{ClientEnds, Ends};
use super::io::Packet;
use super::{Cluster, Output};
use crate::broker::CloseReason;
use crate::event::Event;
use crate::net::{ChannelId, Endpoint, Side};

/// A client's connection as both ends know it.
#[derive(Clone, Debug)]
pub(super) struct ClientConn {
    pub(super) channel: ChannelId,
    /// Why it ended, as far as the broker's side decided it.
    pub(super) closing: Option<CloseReason>,
    host: Arc<str>,
}

impl Cluster {
    pub(super) fn client_connects(&mut self, conn: ConnId, broker: BrokerId, host: Arc<str>, out: &mut Vec<Output>) {
        if self.node_index(broker).is_none() || self.clients.contains_key(&conn) {
            out.push(Output::Disconnect {
                conn,
                reason: CloseReason::Refused,
            });
            return;
        }
        let client = self.host(host.clone());
        let channel = self.net.connect(self.now, client, Endpoint::Broker(broker));
        self.clients.insert(
            conn,
            ClientConn {
                channel,
                closing: None,
                host,
            },
        );
        self.ends.insert(channel, Ends::Client(ClientEnds::new(conn, broker)));
        if !self.send(channel, Side::A, Packet::Open(conn)) {
            self.client_hears_end(conn, CloseReason::Refused, out);
        }
    }

    /// The machine of that name.
    pub(super) fn host(&mut self, name: Arc<str>) -> Endpoint {
        let next = u32::try_from(self.hosts.len()).expect("there are fewer hosts than 2^32");
        Endpoint::Client(*self.hosts.entry(name).or_insert(next))
    }

    pub(super) fn client_sends(&mut self, conn: ConnId, bytes: Bytes, out: &mut Vec<Output>) {
        let Some(client) = self.clients.get(&conn) else { return };
        let channel = client.channel;
        if !self.send(channel, Side::A, Packet::Bytes(bytes)) {
            self.client_hears_end(conn, CloseReason::BrokerGone, out);
        }
    }

    pub(super) fn client_leaves(&mut self, conn: ConnId) {
        if let Some(client) = self.clients.remove(&conn) {
            self.net.close(self.now, client.channel, Side::A);
            self.end_client_side(client.channel);
        }
    }

    /// Bytes of a client that wait in its broker behind a request that is being handled. A driver that stops reading
    /// above some limit bounds the memory a client can take.
    pub fn backlog(&self, conn: ConnId) -> usize {
        let ends = self
            .clients
            .get(&conn)
            .and_then(|client| self.client_ends(client.channel));
        let process = ends.and_then(|ends| self.nodes[self.node_index(ends.broker)?].broker.as_deref());
        process.map_or(0, |broker| broker.backlog(conn))
    }

    /// The connection that a client has left and that its broker may still have.
    pub(super) fn channel_of(&self, conn: ConnId) -> Option<ChannelId> {
        let is_of = |channel: &ChannelId| self.client_ends(*channel).is_some_and(|ends| ends.conn == conn);
        self.ends.ids().into_iter().find(is_of)
    }

    /// The client's end of a connection is over.
    pub(super) fn client_hears_end(&mut self, conn: ConnId, reason: CloseReason, out: &mut Vec<Output>) {
        if let Some(client) = self.clients.remove(&conn) {
            self.end_client_side(client.channel);
            out.push(Output::Disconnect {
                conn,
                reason: client.closing.unwrap_or(reason),
            });
        }
    }

    /// A client's SYN arrived.
    pub(super) fn broker_accepts(&mut self, index: usize, channel: ChannelId, conn: ConnId) {
        let node = &self.nodes[index];
        if node.refuses || !node.serves() {
            if let Some(client) = self.clients.get_mut(&conn) {
                client.closing = Some(CloseReason::Refused);
            }
            self.net.reset(self.now, channel);
            return;
        }
        let broker = node.id();
        self.event(&Event::ConnectionOpened { conn, broker });
        // A client that has left again meanwhile is not waiting for anything.
        let host = self
            .clients
            .get(&conn)
            .map_or_else(|| Arc::from(""), |client| client.host.clone());
        self.with_broker(index, |process, ctx| process.accept(ctx, conn, host));
        self.send(channel, Side::B, Packet::Opened);
    }
}
