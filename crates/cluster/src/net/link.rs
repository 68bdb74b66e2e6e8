//! Directed links between two endpoints: their randomness and their pacing.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_sim_core::{Seed, SimRng, SimTime};

use crate::net::obstacles::Obstacles;
use crate::net::{Endpoint, EndpointSet, LinkConfig, NetConfig};

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// All links.
#[derive(Clone, Debug)]
pub(super) struct Links {
    config: NetConfig,
    seed: Seed,
    /// Those that have needed randomness or pacing so far, by [`key`].
    links: BTreeMap<u128, Link>,
}

impl Links {
    pub(super) fn new(config: NetConfig, seed: Seed) -> Links {
        Links {
            config,
            seed,
            links: BTreeMap::new(),
        }
    }

    pub(super) fn config(&self, a: Endpoint, b: Endpoint) -> &LinkConfig {
        self.config.link(a, b)
    }

    /// When `size` bytes sent now arrive.
    pub(super) fn arrival(
        &mut self,
        now: SimTime,
        from: Endpoint,
        to: Endpoint,
        size: usize,
        obstacles: &Obstacles,
    ) -> SimTime {
        let config = self.config.link(from, to);
        let (extra, limit) = obstacles.slowness(from, to);
        let bandwidth = [config.bandwidth, limit].into_iter().flatten().min();
        if bandwidth.is_none() && config.latency.is_constant() {
            return now + config.latency.min + extra;
        }
        let link = self
            .links
            .entry(key(from, to))
            .or_insert_with(|| Link::new(self.seed, from, to));
        let departure = bandwidth.map_or(now, |limit| link.pace(now, size, limit));
        departure + config.latency.draw(&mut link.rng) + extra
    }

    /// Forgets the bytes that still wait for their turn.
    pub(super) fn unclog(&mut self, from: &EndpointSet, to: &EndpointSet) {
        for link in self.links.values_mut() {
            if from.contains(link.from) && to.contains(link.to) {
                link.busy_until = SimTime::ZERO;
            }
        }
    }
}

/// Shared by all connections between two endpoints, one for each direction. Its stream of random numbers is its own, so
/// that a message more or less on one link changes nothing on another.
#[derive(Clone, Debug)]
struct Link {
    from: Endpoint,
    to: Endpoint,
    rng: SimRng,
    /// When the last byte that was sent has left the sender.
    busy_until: SimTime,
}

impl Link {
    fn new(seed: Seed, from: Endpoint, to: Endpoint) -> Link {
        let component = match (from, to) {
            (Endpoint::Client(_), _) => "net client to broker",
            (_, Endpoint::Client(_)) => "net broker to client",
            (Endpoint::Controller, _) => "net controller to broker",
            (_, Endpoint::Controller) => "net broker to controller",
            (Endpoint::Broker(_), Endpoint::Broker(_)) => "net broker to broker",
        };
        let index = u64::from(number(from)) << 32 | u64::from(number(to));
        Link {
            from,
            to,
            rng: seed.stream(component, index),
            busy_until: SimTime::ZERO,
        }
    }

    /// The instant at which `size` bytes handed over at `now` have left the sender.
    fn pace(&mut self, now: SimTime, size: usize, bytes_per_second: u64) -> SimTime {
        let nanos = (size as u128 * NANOS_PER_SEC).div_ceil(u128::from(bytes_per_second.max(1)));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now) + takes;
        self.busy_until
    }
}

/// The pair as one number, which is compared faster.
fn key(from: Endpoint, to: Endpoint) -> u128 {
    let of = |endpoint: Endpoint| {
        let kind: u64 = match endpoint {
            Endpoint::Client(_) => 0,
            Endpoint::Broker(_) => 1,
            Endpoint::Controller => 2,
        };
        u128::from(kind << 32 | u64::from(number(endpoint)))
    };
    of(from) << 64 | of(to)
}

fn number(endpoint: Endpoint) -> u32 {
    match endpoint {
        Endpoint::Client(host) => host,
        Endpoint::Broker(id) => id.0.cast_unsigned(),
        Endpoint::Controller => 0,
    }
}
