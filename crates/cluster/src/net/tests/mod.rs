//! Tests of the network. Payloads are numbers, or texts where that reads better.

mod black_hole;
mod ends;
mod hold;
mod power;
mod random_walk;
mod timing;

use std::time::Duration;

use kafka_sim_core::{BrokerId, Seed, SimTime};

use crate::net::{
    Endpoint, EndpointSet, Latency, LinkConfig, LinkEffect, Net, NetConfig, NetEvent, RuleId, Sent, Side,
};

const APP: Endpoint = Endpoint::Client(0);
const BROKER: Endpoint = Endpoint::Broker(BrokerId(1));
const T0: SimTime = SimTime::ZERO;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> SimTime {
    SimTime::from_millis(millis)
}

fn net<P>(link: LinkConfig) -> Net<P> {
    Net::new(NetConfig::uniform(link), Seed(42))
}

/// A network without delay.
fn instant<P>() -> Net<P> {
    net(LinkConfig::default())
}

/// A network in which everything takes 5 ms.
fn five_ms<P>() -> Net<P> {
    net(LinkConfig {
        latency: Latency::constant(ms(5)),
        ..LinkConfig::default()
    })
}

/// A network in which messages take between 1 and 50 ms.
fn jittery<P>() -> Net<P> {
    let latency = Latency {
        min: ms(1),
        mean: ms(10),
        cap: ms(50),
    };
    net(LinkConfig {
        latency,
        ..LinkConfig::default()
    })
}

fn rule<P>(net: &mut Net<P>, from: Endpoint, to: Endpoint, effect: LinkEffect) -> RuleId {
    net.add_rule(EndpointSet::from(from), EndpointSet::from(to), effect)
}

/// Everything that arrives up to `until`, with its instants.
fn arrivals<P>(net: &mut Net<P>, until: SimTime) -> Vec<(SimTime, NetEvent<P>)> {
    let mut arrived = Vec::new();
    while let Some(due) = net.next_due().filter(|due| *due <= until) {
        while let Some(event) = net.pop_due(due) {
            arrived.push((due, event));
        }
    }
    arrived
}

/// The payloads that arrive at one end up to `until`.
fn received<P>(net: &mut Net<P>, until: SimTime, end: Side) -> Vec<P> {
    let payloads = arrivals(net, until).into_iter().filter_map(|(_, event)| match event {
        NetEvent::Deliver { to, payload, .. } if to == end => Some(payload),
        _ => None,
    });
    payloads.collect()
}

/// The ends that hear up to `until` that their connection is over, and whether by a reset.
fn endings<P>(net: &mut Net<P>, until: SimTime) -> Vec<(Side, bool)> {
    let closed = arrivals(net, until).into_iter().filter_map(|(_, event)| match event {
        NetEvent::Closed { side, reset, .. } => Some((side, reset)),
        NetEvent::Deliver { .. } => None,
    });
    closed.collect()
}
