//! What a cluster was made of, in a form that can be written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_cluster::config::{BrokerConfig, ConfigSource, describe_broker};
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::net::{Latency, LinkConfig, NetConfig};
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::{ConfigError, WallClock};
use serde::{Deserialize, Serialize};

/// The parts of a [`ClusterConfig`] under Kafka's own keys, as the header of a journal holds them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Number of brokers.
    pub brokers: usize,
    /// `server.properties`.
    pub config: BTreeMap<String, String>,
    /// `broker.rack` by broker.
    pub racks: Vec<Arc<str>>,
    /// Advertised host and port by broker.
    pub listeners: Vec<(Arc<str>, u16)>,
    topics: Vec<TopicSetup>,
    network: NetworkSetup,
    disk: DiskConfig,
    wall_clock: WallClock,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicSetup {
    name: Arc<str>,
    partitions: i32,
    replicas: i16,
    config: BTreeMap<Arc<str>, Arc<str>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkSetup {
    client_broker: LinkSetup,
    broker_broker: LinkSetup,
    broker_controller: LinkSetup,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkSetup {
    latency_min: Duration,
    latency_mean: Duration,
    latency_cap: Duration,
    bandwidth: Option<u64>,
    idle_timeout: Option<Duration>,
}

impl From<&ClusterConfig> for Setup {
    /// Secret values are left out; nothing the simulator does depends on them.
    fn from(config: &ClusterConfig) -> Setup {
        let topics = config.topics.iter().map(|topic| TopicSetup {
            name: topic.name.clone(),
            partitions: topic.partitions,
            replicas: topic.replicas,
            config: topic.configs.clone(),
        });
        Setup {
            brokers: config.brokers,
            config: properties(&config.broker_config),
            racks: config.racks.clone(),
            listeners: config.listeners.clone(),
            topics: topics.collect(),
            network: NetworkSetup::from(&config.network),
            disk: config.disk,
            wall_clock: config.wall_clock,
        }
    }
}

/// The pairs that a broker was configured with.
fn properties(config: &BrokerConfig) -> BTreeMap<String, String> {
    let described = describe_broker(config).into_iter();
    let set = described.filter(|key| key.source == ConfigSource::StaticBroker);
    set.filter_map(|key| Some((key.name.to_owned(), key.value?.to_string())))
        .collect()
}

impl TryFrom<&Setup> for ClusterConfig {
    type Error = ConfigError;

    fn try_from(setup: &Setup) -> Result<ClusterConfig, ConfigError> {
        let (broker_config, _) = BrokerConfig::from_pairs(&setup.config)?;
        let topics = setup.topics.iter().map(|topic| Topic {
            name: topic.name.clone(),
            partitions: topic.partitions,
            replicas: topic.replicas,
            configs: topic.config.clone(),
        });
        Ok(ClusterConfig {
            broker_config,
            racks: setup.racks.clone(),
            listeners: setup.listeners.clone(),
            topics: topics.collect(),
            network: NetConfig::from(&setup.network),
            disk: setup.disk,
            wall_clock: setup.wall_clock,
            ..ClusterConfig::real_time(setup.brokers)
        })
    }
}

impl From<&NetConfig> for NetworkSetup {
    fn from(net: &NetConfig) -> NetworkSetup {
        NetworkSetup {
            client_broker: LinkSetup::from(&net.client_broker),
            broker_broker: LinkSetup::from(&net.broker_broker),
            broker_controller: LinkSetup::from(&net.broker_controller),
        }
    }
}

impl From<&NetworkSetup> for NetConfig {
    fn from(setup: &NetworkSetup) -> NetConfig {
        NetConfig {
            client_broker: LinkConfig::from(&setup.client_broker),
            broker_broker: LinkConfig::from(&setup.broker_broker),
            broker_controller: LinkConfig::from(&setup.broker_controller),
        }
    }
}

impl From<&LinkConfig> for LinkSetup {
    fn from(link: &LinkConfig) -> LinkSetup {
        let LinkConfig {
            latency,
            bandwidth,
            idle_timeout,
        } = *link;
        LinkSetup {
            latency_min: latency.min,
            latency_mean: latency.mean,
            latency_cap: latency.cap,
            bandwidth,
            idle_timeout,
        }
    }
}

impl From<&LinkSetup> for LinkConfig {
    fn from(setup: &LinkSetup) -> LinkConfig {
        let latency = Latency {
            min: setup.latency_min,
            mean: setup.latency_mean,
            cap: setup.latency_cap,
        };
        LinkConfig {
            latency,
            bandwidth: setup.bandwidth,
            idle_timeout: setup.idle_timeout,
        }
    }
}
