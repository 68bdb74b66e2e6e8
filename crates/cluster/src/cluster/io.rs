//! What travels over the network, and the queue of what has arrived.

use bytes::Bytes;
use kafka_sim_core::ConnId;

use super::Cluster;
use crate::broker::PeerMessage;
use crate::net::{ChannelId, NetEvent, Sent, Side};
use crate::peer::{FromController, ToController};

/// A payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Packet {
    /// A client opens its connection.
    Open(ConnId),
    /// The broker accepted it.
    Opened,
    /// Bytes between client and broker.
    Bytes(Bytes),
    /// Between brokers.
    Peer(PeerMessage),
    /// A broker's request to the controller, by number.
    ToController(u64, ToController),
    /// The controller's answer by number, or a push without one.
    FromController(Option<u64>, FromController),
}

/// Something that has arrived and waits for its turn.
pub(super) type Work = NetEvent<Packet>;

/// Bytes that headers take; what bandwidth limits count for packets without a payload of their own.
const HEADERS: usize = 66;

impl Packet {
    fn size(&self) -> usize {
        HEADERS
            + match self {
                Packet::Open(_) | Packet::Opened => 0,
                Packet::Bytes(bytes) => bytes.len(),
                Packet::Peer(message) => message.size(),
                Packet::ToController(..) | Packet::FromController(..) => 100,
            }
    }
}

impl Cluster {
    /// Sends a packet. False: the connection is dead, and the sender knows it now.
    pub(super) fn send(&mut self, channel: ChannelId, from: Side, packet: Packet) -> bool {
        let size = packet.size();
        match self.net.send(self.now, channel, from, packet, size) {
            Sent::Immediate(packet) => {
                self.work.push_back(Work::Deliver {
                    channel,
                    to: from.other(),
                    payload: packet,
                });
                true
            }
            Sent::Scheduled | Sent::Lost => true,
            Sent::Reset => false,
        }
    }
}
