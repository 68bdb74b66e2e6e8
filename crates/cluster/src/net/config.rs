//! How links behave when nothing is wrong.

use std::time::Duration;

use crate::net::Endpoint;

/// Links by the kind of their ends. The default is a network without any delay.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NetConfig {
    /// Between clients and brokers.
    pub client_broker: LinkConfig,
    /// Between brokers.
    pub broker_broker: LinkConfig,
    /// Between brokers and the controller.
    pub broker_controller: LinkConfig,
}

impl NetConfig {
    /// The same behaviour for every link.
    pub const fn uniform(link: LinkConfig) -> NetConfig {
        NetConfig {
            client_broker: link,
            broker_broker: link,
            broker_controller: link,
        }
    }

    pub(super) fn link(&self, a: Endpoint, b: Endpoint) -> &LinkConfig {
        match (a, b) {
            (Endpoint::Client(_), _) | (_, Endpoint::Client(_)) => &self.client_broker,
            (Endpoint::Controller, _) | (_, Endpoint::Controller) => &self.broker_controller,
            (Endpoint::Broker(_), Endpoint::Broker(_)) => &self.broker_broker,
        }
    }
}

/// One kind of link. The default has no latency, no limit and no time-out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct LinkConfig {
    /// How long a message takes.
    pub latency: Latency,
    /// Bytes per second and direction, shared by all connections between two endpoints. `None` is unlimited.
    pub bandwidth: Option<u64>,
    /// A connection that carried nothing for longer than this is forgotten in the middle, as load balancers and virtual
    /// IPs do. `None` is never.
    pub idle_timeout: Option<Duration>,
}

/// How long a message takes: at least `min`, on average `mean`, never more than `cap`. What exceeds `min` is
/// exponentially distributed, which makes messages of different connections overtake each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Latency {
    /// The least.
    pub min: Duration,
    /// The mean, before the cap cuts the longest. Not above `min` means that `min` is always taken.
    pub mean: Duration,
    /// The most.
    pub cap: Duration,
}

impl Latency {
    /// No time at all.
    pub const ZERO: Latency = Latency::constant(Duration::ZERO);

    /// Always the same.
    pub const fn constant(latency: Duration) -> Latency {
        Latency {
            min: latency,
            mean: latency,
            cap: latency,
        }
    }

    /// Whether every message takes `min`.
    pub(super) fn is_constant(&self) -> bool {
        self.mean <= self.min || self.cap <= self.min
    }
}
