//! Directed links between two endpoints: their randomness and their pacing.

use std::time::Duration;

use kafka_sim_core::{Seed, SimRng, SimTime, SmallMap};

use crate::net::obstacles::Obstacles;
use crate::net::{Endpoint, EndpointSet, LinkConfig, NetConfig, Route};

const NANOS_PER_SEC: u128 = 1_000_000_000;

/// All links.
#[derive(Clone, Debug)]
pub(super) struct Links {
    config: NetConfig,
    seed: Seed,
    /// Those that anything was sent over so far. They stay where they are.
    links: Vec<Link>,
    places: SmallMap<Route, LinkPlace>,
}

/// Where a link is among all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LinkPlace(usize);

impl Links {
    pub(super) fn new(config: NetConfig, seed: Seed) -> Links {
        Links {
            config,
            seed,
            links: Vec::new(),
            places: SmallMap::new(),
        }
    }

    pub(super) fn config(&self, a: Endpoint, b: Endpoint) -> &LinkConfig {
        self.config.link(a, b)
    }

    /// When `size` bytes sent now from one end of the route arrive at the other. `known` is for the sender to remember
    /// where the link is.
    pub(super) fn arrival(
        &mut self,
        now: SimTime,
        route: (Endpoint, Endpoint),
        known: &mut Option<LinkPlace>,
        size: usize,
        obstacles: &Obstacles,
    ) -> SimTime {
        let link = self.link(route, known);
        let (departure, extra) = if obstacles.has_rules() || link.bandwidth.is_some() {
            link.slowed(now, size, obstacles)
        } else {
            (now, Duration::ZERO)
        };
        link.way(departure) + extra
    }

    fn link(&mut self, route: (Endpoint, Endpoint), known: &mut Option<LinkPlace>) -> &mut Link {
        let place = *known.get_or_insert_with(|| {
            *self.places.get_or_insert_with(Route::new(route.0, route.1), || {
                let config = self.config.link(route.0, route.1);
                self.links.push(Link::new(self.seed, route, config));
                LinkPlace(self.links.len() - 1)
            })
        });
        &mut self.links[place.0]
    }

    /// Forgets the bytes that still wait for their turn.
    pub(super) fn unclog(&mut self, from: &EndpointSet, to: &EndpointSet) {
        for link in &mut self.links {
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
    /// The least a message takes, in nanoseconds.
    min: u64,
    /// Mean and cap of what it takes beyond that, in nanoseconds, if there is anything to draw.
    beyond: Option<(u64, u64)>,
    /// In bytes per second, where nothing limits it further.
    bandwidth: Option<u64>,
    /// When the last byte that was sent has left the sender.
    busy_until: SimTime,
}

impl Link {
    fn new(seed: Seed, (from, to): (Endpoint, Endpoint), config: &LinkConfig) -> Link {
        let component = match (from, to) {
            (Endpoint::Client(_), _) => "net client to broker",
            (_, Endpoint::Client(_)) => "net broker to client",
            (Endpoint::Controller, _) => "net controller to broker",
            (_, Endpoint::Controller) => "net broker to controller",
            (Endpoint::Broker(_), Endpoint::Broker(_)) => "net broker to broker",
        };
        let latency = config.latency;
        let index = u64::from(number(from)) << 32 | u64::from(number(to));
        let beyond_min = |whole: Duration| nanos(whole.saturating_sub(latency.min));
        Link {
            from,
            to,
            rng: seed.stream(component, index),
            min: nanos(latency.min),
            beyond: (!latency.is_constant()).then(|| (beyond_min(latency.mean), beyond_min(latency.cap))),
            bandwidth: config.bandwidth,
            busy_until: SimTime::ZERO,
        }
    }

    /// When `size` bytes handed over at `now` have left, as all that limits the link has it, and what delays them further.
    #[inline(never)]
    fn slowed(&mut self, now: SimTime, size: usize, obstacles: &Obstacles) -> (SimTime, Duration) {
        let (extra, limit) = obstacles.slowness(self.from, self.to);
        let bandwidth = match (self.bandwidth, limit) {
            (Some(bandwidth), Some(limit)) => Some(bandwidth.min(limit)),
            (bandwidth, limit) => bandwidth.or(limit),
        };
        (bandwidth.map_or(now, |limit| self.pace(now, size, limit)), extra)
    }

    /// When a message that leaves at `departure` arrives, if nothing slows it down. Draws only where there is something to
    /// draw.
    fn way(&mut self, departure: SimTime) -> SimTime {
        let beyond = self
            .beyond
            .map_or(0, |(mean, cap)| self.rng.exponential_nanos(mean).min(cap));
        let takes = self.min.saturating_add(beyond);
        SimTime::from_nanos(departure.as_nanos().saturating_add(takes))
    }

    /// The instant at which `size` bytes handed over at `now` have left the sender.
    fn pace(&mut self, now: SimTime, size: usize, bytes_per_second: u64) -> SimTime {
        let nanos = (size as u128 * NANOS_PER_SEC).div_ceil(u128::from(bytes_per_second.max(1)));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now) + takes;
        self.busy_until
    }
}

/// A duration in nanoseconds, saturating where `u64` ends.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn number(endpoint: Endpoint) -> u32 {
    match endpoint {
        Endpoint::Client(host) => host,
        Endpoint::Broker(id) => id.0.cast_unsigned(),
        Endpoint::Controller => 0,
    }
}
