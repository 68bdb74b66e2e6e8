//! What a cluster is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::{ConfigError, WallClock};

use crate::config::{BrokerConfig, validate_topic_config};
use crate::disk::DiskConfig;
use crate::invariant::Inspection;
use crate::net::{Latency, LinkConfig, NetConfig};
use crate::trace::Keep;

/// A topic that exists from the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Name.
    pub name: Arc<str>,
    /// Number of partitions, at least 1.
    pub partitions: i32,
    /// Replication factor, at least 1 and at most the number of brokers.
    pub replicas: i16,
    /// Topic overrides under Kafka's own keys.
    pub configs: BTreeMap<Arc<str>, Arc<str>>,
}

impl Topic {
    /// One partition, one replica, no overrides.
    pub fn named(name: impl Into<Arc<str>>) -> Topic {
        Topic {
            name: name.into(),
            partitions: 1,
            replicas: 1,
            configs: BTreeMap::new(),
        }
    }

    /// Sets the number of partitions.
    #[must_use]
    pub fn partitions(self, partitions: i32) -> Topic {
        Topic { partitions, ..self }
    }

    /// Sets the replication factor.
    #[must_use]
    pub fn replicas(self, replicas: i16) -> Topic {
        Topic { replicas, ..self }
    }

    /// Sets a topic override such as `min.insync.replicas`. It is checked when the cluster is made.
    #[must_use]
    pub fn config(mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Topic {
        self.configs.insert(key.into(), value.into());
        self
    }
}

/// The configuration of a [`Cluster`](crate::Cluster).
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Number of brokers; their ids are 0 to `brokers` − 1.
    pub brokers: usize,
    /// `server.properties` of every broker.
    pub broker_config: BrokerConfig,
    /// `broker.rack` by broker; brokers beyond its end have none.
    pub racks: Vec<Arc<str>>,
    /// Advertised host and port by broker.
    pub listeners: Vec<(Arc<str>, u16)>,
    /// Topics that exist from the start.
    pub topics: Vec<Topic>,
    /// Links between everybody.
    pub network: NetConfig,
    /// The disk of every broker.
    pub disk: DiskConfig,
    /// What the brokers' wall clocks show.
    pub wall_clock: WallClock,
    /// Keep every event in the trace, not only its hash.
    pub keep_events: bool,
    /// Keep at least the events that [are rare](crate::event::Event::is_rare).
    pub keep_rare_events: bool,
    /// How often [invariants](crate::invariant) are looked at. It changes nothing about a run.
    pub inspection: Inspection,
    /// The flaw that the cluster has, for tests of checks.
    #[cfg(feature = "mutants")]
    pub mutant: Option<crate::mutant::Mutant>,
}

/// 2023-11-14T22:13:20Z: what wall clocks show at the start of a simulated run.
const SIMULATED_EPOCH_MS: i64 = 1_700_000_000_000;

impl ClusterConfig {
    /// A cluster for virtual time: links with the latency of one data centre, Linux's write-back, brokers named
    /// `broker-0:9092` and so on.
    pub fn simulated(brokers: usize) -> ClusterConfig {
        let link = |min, mean, cap| LinkConfig {
            latency: Latency {
                min: Duration::from_micros(min),
                mean: Duration::from_micros(mean),
                cap: Duration::from_micros(cap),
            },
            ..LinkConfig::default()
        };
        ClusterConfig {
            network: NetConfig {
                client_broker: link(200, 500, 5_000),
                broker_broker: link(100, 250, 3_000),
                broker_controller: link(200, 800, 8_000),
            },
            listeners: (0..brokers)
                .map(|id| (Arc::from(format!("broker-{id}")), 9092))
                .collect(),
            wall_clock: WallClock::starting_at(SIMULATED_EPOCH_MS),
            ..ClusterConfig::real_time(brokers)
        }
    }

    /// A cluster that a real-time driver serves: no latency of its own. Listeners and wall clock are the driver's to
    /// set.
    pub fn real_time(brokers: usize) -> ClusterConfig {
        ClusterConfig {
            brokers,
            broker_config: BrokerConfig::default(),
            racks: Vec::new(),
            listeners: (0..brokers).map(|_| (Arc::from("127.0.0.1"), 0)).collect(),
            topics: Vec::new(),
            network: NetConfig::default(),
            disk: DiskConfig::default(),
            wall_clock: WallClock::starting_at(0),
            keep_events: false,
            keep_rare_events: false,
            inspection: Inspection::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// What the trace is to keep.
    pub(super) fn keep(&self) -> Keep {
        match (self.keep_events, self.keep_rare_events) {
            (true, _) => Keep::All,
            (false, true) => Keep::Rare,
            (false, false) => Keep::Nothing,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let conflict = |message: String| Err(ConfigError::Conflict { message });
        if self.brokers == 0 || self.listeners.len() != self.brokers {
            return conflict(format!(
                "a cluster needs at least one broker and a listener for each: {} brokers, {} listeners",
                self.brokers,
                self.listeners.len()
            ));
        }
        self.broker_config.validate()?;
        for topic in &self.topics {
            if topic.partitions < 1 {
                return conflict(format!(
                    "topic {}: {} partitions, expected at least 1",
                    topic.name, topic.partitions
                ));
            }
            if topic.replicas < 1 || usize::from(topic.replicas.unsigned_abs()) > self.brokers {
                return conflict(format!(
                    "topic {}: replication factor {}, expected 1 to {} (the number of brokers)",
                    topic.name, topic.replicas, self.brokers
                ));
            }
            for (key, value) in &topic.configs {
                validate_topic_config(key, value)?;
            }
        }
        Ok(())
    }
}
