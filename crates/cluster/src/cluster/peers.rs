//! Connections among brokers and to the controller: opened when first needed, opened again after they died.

use super::Cluster;
use super::ends::Ends;
use super::io::{Packet, Work};
use crate::net::{ChannelId, Endpoint, Side};

impl Cluster {
    /// The connection that `a` opened to `b`.
    pub(super) fn peer_channel(&mut self, a: Endpoint, b: Endpoint) -> ChannelId {
        if let Some(channel) = self.peers.get(a, b) {
            return channel;
        }
        let channel = self.net.connect(self.now, a, b);
        self.peers.insert(a, b, channel);
        self.ends.insert(channel, Ends::Peers(a, b));
        channel
    }

    pub(super) fn forget_peer(&mut self, a: Endpoint, b: Endpoint) {
        if let Some(channel) = self.peers.remove(a, b) {
            self.drop_peer_ends(channel);
        }
    }

    /// Forgets who a connection was between once neither end can hear of it any more.
    pub(super) fn drop_peer_ends(&mut self, channel: ChannelId) {
        if self.net.endpoints(channel).is_none() {
            self.ends.remove(channel);
        }
    }

    /// One end of a connection between brokers, or to the controller, is over.
    pub(super) fn peer_link_down(&mut self, index: usize, remote: Endpoint, channel: ChannelId, side: Side) {
        let local = Endpoint::Broker(self.nodes[index].id());
        let (from, to) = match side {
            Side::A => (local, remote),
            Side::B => (remote, local),
        };
        // A process that was started again may have its next connection here before the last one is known to be over.
        let superseded = self.peers.get(from, to).is_some_and(|id| id != channel);
        if !superseded {
            self.peers.remove(from, to);
        }
        self.drop_peer_ends(channel);
        match remote {
            Endpoint::Broker(_) if side == Side::B && superseded => {}
            Endpoint::Broker(other) if side == Side::B => {
                self.with_broker(index, |broker, _| broker.drop_follower_session(other))
            }
            remote => self.link_broke(index, remote),
        }
    }

    /// What a broker was asking over a connection is lost.
    pub(super) fn link_broke(&mut self, index: usize, remote: Endpoint) {
        match remote {
            Endpoint::Broker(leader) => self.with_broker(index, |broker, ctx| broker.fetch_failed(ctx, leader)),
            Endpoint::Controller => self.with_broker(index, |broker, ctx| broker.controller_unreachable(ctx)),
            Endpoint::Client(_) => {}
        }
    }

    pub(super) fn controller_receives(&mut self, remote: Endpoint, channel: ChannelId, work: Work) {
        let Endpoint::Broker(from) = remote else { return };
        match work {
            Work::Deliver {
                payload: Packet::ToController(number, request),
                ..
            } => {
                let mut decisions = std::mem::take(&mut self.decisions);
                self.controller.handle(self.now, from, request, &mut decisions);
                self.apply_decisions(decisions, Some((channel, number)));
            }
            Work::Deliver { .. } => {}
            Work::Closed { .. } => self.drop_peer_ends(channel),
        }
    }
}
