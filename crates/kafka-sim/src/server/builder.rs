//! Configuring and starting a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kafka_sim_cluster::config::KeyUse;
use kafka_sim_cluster::disk::DiskConfig;
use kafka_sim_cluster::{ClusterConfig, Topic};
use kafka_sim_core::{ConfigError, Seed, WallClock};

use super::thread::{self, Plan};
use super::{Server, StartError};

/// How many brokers there are unless somebody says otherwise.
const BROKERS: usize = 3;

/// A server that is not running yet. Made by [`Server::builder`].
#[derive(Clone, Debug, Default)]
pub struct ServerBuilder {
    base: Option<ClusterConfig>,
    brokers: Option<usize>,
    topics: Vec<Topic>,
    config: Vec<(String, String)>,
    racks: Option<Vec<Arc<str>>>,
    disk: Option<DiskConfig>,
    seed: Seed,
    port: u16,
    record: Option<PathBuf>,
}

impl ServerBuilder {
    /// Sets the number of brokers, 3 unless set. Their ids are 0 and up.
    #[must_use]
    pub fn brokers(self, brokers: usize) -> Self {
        ServerBuilder {
            brokers: Some(brokers),
            ..self
        }
    }

    /// Adds a topic that exists from the start.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topics.push(topic);
        self
    }

    /// Sets a key of every broker's `server.properties`. Keys and values are checked by [`ServerBuilder::start`].
    #[must_use]
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    /// Sets `broker.rack` by broker; brokers beyond the end have none.
    #[must_use]
    pub fn racks(self, racks: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        ServerBuilder {
            racks: Some(racks.into_iter().map(Into::into).collect()),
            ..self
        }
    }

    /// Sets how every broker's disk behaves. The default is Linux's write-back after 30 s and 2 ms per fsync.
    #[must_use]
    pub fn disk(self, disk: DiskConfig) -> Self {
        ServerBuilder {
            disk: Some(disk),
            ..self
        }
    }

    /// Sets where ids and placements come from, `Seed(0)` unless set. The timing of clients is not seeded.
    #[must_use]
    pub fn seed(self, seed: Seed) -> Self {
        ServerBuilder { seed, ..self }
    }

    /// Sets the port of broker 0; broker *i* listens *i* ports above. 0, the default, takes a free port for each.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        ServerBuilder { port, ..self }
    }

    /// Records the run to a [journal](crate::journal). A file of that name is replaced.
    #[must_use]
    pub fn record(self, path: impl Into<PathBuf>) -> Self {
        ServerBuilder {
            record: Some(path.into()),
            ..self
        }
    }

    /// Starts from a configuration of the whole cluster, for what this builder does not offer, such as links with
    /// latency. What the builder is told besides is set on top; listeners and wall clock are always the server's own.
    #[must_use]
    pub fn cluster_config(self, config: ClusterConfig) -> Self {
        ServerBuilder {
            base: Some(config),
            ..self
        }
    }

    /// Starts the brokers. When this returns, every one of them accepts connections and knows all topics.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(self) -> Result<Server, StartError> {
        let (thread, started) = thread::spawn(self.plan()?)?;
        thread.into_server(started.await)
    }

    /// [`ServerBuilder::start`] for code that is not async.
    ///
    /// # Errors
    /// See [`StartError`].
    ///
    /// # Panics
    /// When called inside an async runtime, whose thread must not be blocked.
    pub fn start_blocking(self) -> Result<Server, StartError> {
        let (thread, started) = thread::spawn(self.plan()?)?;
        thread.into_server(started.blocking_recv())
    }

    fn plan(self) -> Result<Plan, StartError> {
        let brokers = self
            .brokers
            .or(self.base.as_ref().map(|base| base.brokers))
            .unwrap_or(BROKERS);
        let base = self.base.unwrap_or_else(|| ClusterConfig::real_time(brokers));
        let mut config = ClusterConfig {
            brokers,
            wall_clock: wall_clock(),
            ..base
        };
        if brokers < usize::from(OFFSETS_REPLICATION) {
            // With Kafka's default of three a smaller cluster could never have an offsets topic, nor groups.
            let factor = brokers.to_string();
            config.broker_config.set("offsets.topic.replication.factor", &factor)?;
        }
        let mut ignored = Vec::new();
        for (key, value) in self.config {
            if config.broker_config.set(&key, &value)? == KeyUse::Ignored {
                tracing::warn!(key, "this key of Kafka's has no effect here");
                ignored.push(key);
            }
        }
        config.topics.extend(self.topics);
        config.racks = self.racks.unwrap_or(config.racks);
        config.disk = self.disk.unwrap_or(config.disk);
        let ports = ports(self.port, brokers)?;
        Ok(Plan {
            config,
            seed: self.seed,
            ports,
            record: self.record,
            ignored,
        })
    }
}

/// Kafka's default of `offsets.topic.replication.factor`.
const OFFSETS_REPLICATION: u8 = 3;

fn ports(first: u16, brokers: usize) -> Result<Vec<u16>, ConfigError> {
    if first == 0 {
        return Ok(vec![0; brokers]);
    }
    let ports: Vec<u16> = (first..=u16::MAX).take(brokers).collect();
    if ports.len() < brokers {
        let message = format!("{brokers} brokers from port {first} on need ports above {}", u16::MAX);
        return Err(ConfigError::Conflict { message });
    }
    Ok(ports)
}

/// A computer clock before 1970 counts as 1970.
fn wall_clock() -> WallClock {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallClock::starting_at(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
