//! The network: which bytes arrive, and when.
//!
//! A [`Net`] is a data structure and does nothing by itself. Payloads go in with [`Net::send`] and come out of
//! [`Net::pop_due`] once their time has come, or never. Connections are TCP's: inside one connection and direction
//! nothing is lost, doubled or reordered. What can happen to a connection is that its bytes are late, that they are
//! held, or that it dies: with a reset that both ends hear of, or silently, so that an end finds out when it sends.
//!
//! Each end of a connection hears exactly once that it is over, from one of these: its own [`Net::close`], a
//! [`NetEvent::Closed`], or [`Sent::Reset`]. An end whose machine lost power hears nothing.
//!
//! Divergence: TCP retransmits, so that a real connection survives a short black hole during which it sent something.
//! Here it does not, as if a firewall in the middle had forgotten it; [`LinkEffect::Hold`] is the interruption that
//! connections survive.
//!
//! ```
//! use std::time::Duration;
//! use kafka_sim_cluster::net::{Endpoint, Latency, LinkConfig, Net, NetConfig, NetEvent, Sent, Side};
//! use kafka_sim_core::{BrokerId, Seed, SimTime};
//!
//! let slow = LinkConfig { latency: Latency::constant(Duration::from_millis(2)), ..LinkConfig::default() };
//! let mut net = Net::new(NetConfig { client_broker: slow, ..NetConfig::default() }, Seed(1));
//! let channel = net.connect(SimTime::ZERO, Endpoint::Client(0), Endpoint::Broker(BrokerId(1)));
//!
//! assert_eq!(net.send(SimTime::ZERO, channel, Side::A, "hello", 5), Sent::Scheduled);
//! let due = net.next_due().expect("one payload is under way");
//! assert_eq!(due, SimTime::from_millis(2));
//! assert_eq!(net.pop_due(due), Some(NetEvent::Deliver { channel, to: Side::B, payload: "hello" }));
//! ```

mod by_slot;
mod channel;
mod config;
mod endpoint;
mod link;
mod obstacles;
mod rules;
mod send;
#[cfg(test)]
mod tests;

use kafka_sim_core::{Agenda, Seed, SimTime};

pub(crate) use by_slot::BySlot;
pub use config::{Latency, LinkConfig, NetConfig};
pub(crate) use endpoint::Route;
pub use endpoint::{ChannelId, Endpoint, EndpointSet, Side};
pub use obstacles::{LinkEffect, RuleId};

use channel::{Channel, Load};
use link::Links;
use obstacles::Obstacles;

/// What became of a payload that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "an immediate payload is handed back for delivery"]
pub enum Sent<P> {
    /// Nothing delays it and nothing is before it: the caller delivers it right now.
    Immediate(P),
    /// It will come out of [`Net::pop_due`], now or later, unless its connection dies or its bytes are held for ever.
    Scheduled,
    /// It is gone, and the sender does not know.
    Lost,
    /// It is gone because the connection is dead, and the sender knows now. Its end of the connection is over.
    Reset,
}

/// Something that arrives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NetEvent<P> {
    /// A payload arrives at one end of a connection.
    Deliver {
        /// The connection.
        channel: ChannelId,
        /// The receiving end.
        to: Side,
        /// What was sent.
        payload: P,
    },
    /// One end hears that its connection is over.
    Closed {
        /// The connection.
        channel: ChannelId,
        /// The end that hears of it.
        side: Side,
        /// A reset, as opposed to an orderly close after the last byte.
        reset: bool,
    },
}

/// All links and connections.
#[derive(Clone, Debug)]
pub struct Net<P> {
    channels: BySlot<Channel<P>>,
    /// How many connections there were so far.
    made: u64,
    /// How many of them are not over.
    alive: usize,
    /// Slots of those that are over.
    free: Vec<usize>,
    links: Links,
    obstacles: Obstacles,
    /// One entry for each segment under way, naming the receiving end.
    agenda: Agenda<(ChannelId, Side)>,
}

impl<P> Net<P> {
    /// A network without connections.
    pub fn new(config: NetConfig, seed: Seed) -> Net<P> {
        Net {
            channels: BySlot::new(),
            made: 0,
            alive: 0,
            free: Vec::new(),
            links: Links::new(config, seed),
            obstacles: Obstacles::default(),
            agenda: Agenda::new(),
        }
    }

    /// A new connection between `a` and `b`, whose ends are [`Side::A`] and [`Side::B`] from here on.
    ///
    /// Nothing is exchanged: whoever wants a handshake sends it as the first payload, which then meets every rule, or
    /// asks [`Net::is_black_holed`] first.
    pub fn connect(&mut self, now: SimTime, a: Endpoint, b: Endpoint) -> ChannelId {
        // Without a free one all slots below are taken.
        let slot = self.free.pop().unwrap_or(self.alive);
        let id = ChannelId::new(self.made, slot);
        self.made += 1;
        self.alive += 1;
        let idle_timeout = self.links.config(a, b).idle_timeout;
        let mut channel = Channel::new(now, a, b, idle_timeout);
        if self.obstacles.is_down(b) {
            channel.end(Side::B, &mut self.agenda);
        }
        self.channels.insert(id, channel);
        id
    }

    /// The endpoints of a connection of which at least one end is not over.
    pub fn endpoints(&self, channel: ChannelId) -> Option<(Endpoint, Endpoint)> {
        self.channels
            .get(channel)
            .map(|c| (c.endpoint(Side::A), c.endpoint(Side::B)))
    }

    /// Whether that end has not yet heard that the connection is over.
    pub fn is_open(&self, channel: ChannelId, side: Side) -> bool {
        self.channels.get(channel).is_some_and(|c| c.is_open(side))
    }

    /// The ends that `endpoint` holds of connections that are not over for it, oldest first.
    pub fn channels_of(&self, endpoint: Endpoint) -> impl Iterator<Item = (ChannelId, Side)> {
        self.channels_by_age().flat_map(move |(id, channel)| {
            let sides = [Side::A, Side::B].into_iter();
            sides
                .filter(move |side| channel.endpoint(*side) == endpoint && channel.is_open(*side))
                .map(move |side| (id, side))
        })
    }

    /// How many connections there are of which at least one end is not over.
    pub fn channel_count(&self) -> usize {
        self.alive
    }

    /// Whether whatever `from` sends to `to` is swallowed, by a rule or because `to` has no power.
    pub fn is_black_holed(&self, from: Endpoint, to: Endpoint) -> bool {
        self.obstacles.is_black_hole(from, to)
    }

    /// The instant of the next event that [`Net::pop_due`] will return.
    #[inline]
    pub fn next_due(&self) -> Option<SimTime> {
        self.agenda.next_due()
    }

    /// The next thing that arrives at `now` or was to arrive before. To be called until it returns nothing.
    pub fn pop_due(&mut self, now: SimTime) -> Option<NetEvent<P>> {
        let (_, (id, to)) = self.agenda.pop_due(now)?;
        let channel = self
            .channels
            .get_mut(id)
            .expect("connections take their segments off the agenda when they go");
        let flight = channel
            .toward_mut(to)
            .flight
            .pop_front()
            .expect("each entry of the agenda is one segment");
        channel.last_active = now;
        let reset = match flight.segment.load {
            Load::Payload(payload) => {
                return Some(NetEvent::Deliver {
                    channel: id,
                    to,
                    payload,
                });
            }
            Load::Fin => false,
            Load::Rst => true,
        };
        self.end(id, to);
        Some(NetEvent::Closed {
            channel: id,
            side: to,
            reset,
        })
    }

    /// One end has heard that the connection is over.
    fn end(&mut self, id: ChannelId, side: Side) {
        let Some(channel) = self.channels.get_mut(id) else {
            return;
        };
        channel.end(side, &mut self.agenda);
        if channel.is_over() {
            self.forget(id);
        }
    }

    /// Nobody will hear of the connection any more.
    fn forget(&mut self, id: ChannelId) {
        if self.channels.remove(id).is_some() {
            self.alive -= 1;
            self.free.push(id.slot());
        }
    }

    /// Oldest first.
    fn channels_by_age(&self) -> impl Iterator<Item = (ChannelId, &Channel<P>)> {
        let ids = self.channels.ids().into_iter();
        ids.filter_map(|id| Some((id, self.channels.get(id)?)))
    }
}
