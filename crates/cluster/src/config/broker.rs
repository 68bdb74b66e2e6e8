//! The configuration of a broker: typed values for the machine, texts and their sources for DescribeConfigs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::{BrokerId, ConfigError};

use super::check::{KeyUse, broker_key, check_broker_value, is_modelled};
use super::typed::FromConfig;
use crate::peer::{ConfigResource, MetadataImage};

/// Where a value comes from, with the numbers of DescribeConfigs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ConfigSource {
    /// An override of the topic.
    Topic = 1,
    /// An override of this broker, set at run time.
    DynamicBroker = 2,
    /// An override of all brokers, set at run time.
    DynamicDefaultBroker = 3,
    /// The broker's properties.
    StaticBroker = 4,
    /// Nobody set it.
    Default = 5,
    /// An override of the group.
    Group = 8,
}

/// The values a key was given, by source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Layers {
    pub(super) dynamic_broker: Option<Arc<str>>,
    pub(super) dynamic_default: Option<Arc<str>>,
    pub(super) fixed: Option<Arc<str>>,
}

impl Layers {
    /// The value that counts.
    pub(super) fn strongest(&self) -> Option<(&Arc<str>, ConfigSource)> {
        let layers = [
            (&self.dynamic_broker, ConfigSource::DynamicBroker),
            (&self.dynamic_default, ConfigSource::DynamicDefaultBroker),
            (&self.fixed, ConfigSource::StaticBroker),
        ];
        layers
            .into_iter()
            .find_map(|(value, source)| Some((value.as_ref()?, source)))
    }
}

macro_rules! broker_config {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $key:literal,)*) => {
        /// Configuration of one broker. The defaults are those of Kafka 4.2.
        ///
        /// The public fields hold the keys that parts of the machine read often; change them through
        /// [`BrokerConfig::set`], so that what is described and what is done stay the same. Every other key is kept
        /// as text, see [`BrokerConfig::value`].
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct BrokerConfig {
            $($(#[$doc])* pub $field: $type,)*
            settings: BTreeMap<&'static str, Layers>,
        }

        /// The keys that have a typed field.
        pub(super) const TYPED_KEYS: &[&str] = &[$($key),*];

        impl Default for BrokerConfig {
            fn default() -> Self {
                let default = |key| broker_key(key).and_then(|def| def.default);
                Self {
                    $($field: FromConfig::read($key, default($key)).expect("defaults are valid"),)*
                    settings: BTreeMap::new(),
                }
            }
        }

        impl BrokerConfig {
            /// Brings the typed field of `key` in line with its text.
            fn refresh(&mut self, key: &str) {
                match key {
                    $($key => {
                        self.$field = FromConfig::read($key, self.value($key)).expect("values were checked");
                    })*
                    _ => {}
                }
            }
        }
    };
}

broker_config! {
    /// Partitions of a topic that does not say how many.
    num_partitions: i32 = "num.partitions",
    /// Replicas of a topic that does not say how many.
    default_replication_factor: i16 = "default.replication.factor",
    /// Metadata requests may create topics.
    auto_create_topics_enable: bool = "auto.create.topics.enable",
    /// Topics may be deleted.
    delete_topic_enable: bool = "delete.topic.enable",
    /// In-sync replicas an acks=all write needs, unless the topic says otherwise.
    min_insync_replicas: i32 = "min.insync.replicas",
    /// Out-of-sync replicas may be elected, unless the topic says otherwise.
    unclean_leader_election_enable: bool = "unclean.leader.election.enable",
    /// Largest batch after compression, in bytes, unless the topic says otherwise.
    message_max_bytes: i32 = "message.max.bytes",
    /// How often logs are looked at for a flush that is due.
    log_flush_scheduler_interval: Duration = "log.flush.scheduler.interval.ms",
    /// How often recovery points are written.
    log_flush_offset_checkpoint_interval: Duration = "log.flush.offset.checkpoint.interval.ms",
    /// How often log start offsets are written.
    log_flush_start_offset_checkpoint_interval: Duration = "log.flush.start.offset.checkpoint.interval.ms",
    /// How often retention is applied.
    log_retention_check_interval: Duration = "log.retention.check.interval.ms",
    /// Compacted logs are cleaned.
    log_cleaner_enable: bool = "log.cleaner.enable",
    /// How many logs are cleaned at a time.
    log_cleaner_threads: i32 = "log.cleaner.threads",
    /// How long a cleaner waits when no log is dirty enough.
    log_cleaner_backoff: Duration = "log.cleaner.backoff.ms",
    /// Delay of the first run of the log's background tasks.
    log_initial_task_delay: Duration = "log.initial.task.delay.ms",
    /// How long a follower may lag before it leaves the ISR.
    replica_lag_time_max: Duration = "replica.lag.time.max.ms",
    /// How long a follower's fetch waits for data.
    replica_fetch_wait_max: Duration = "replica.fetch.wait.max.ms",
    /// Bytes a follower's fetch waits for.
    replica_fetch_min_bytes: i32 = "replica.fetch.min.bytes",
    /// Bytes a follower asks for per partition.
    replica_fetch_max_bytes: i32 = "replica.fetch.max.bytes",
    /// Bytes a follower asks for per response.
    replica_fetch_response_max_bytes: i32 = "replica.fetch.response.max.bytes",
    /// How long a follower waits after a failed fetch.
    replica_fetch_backoff: Duration = "replica.fetch.backoff.ms",
    /// How often high watermarks are written.
    replica_high_watermark_checkpoint_interval: Duration = "replica.high.watermark.checkpoint.interval.ms",
    /// Class that names preferred read replicas (KIP-392), if any.
    replica_selector_class: Option<Arc<str>> = "replica.selector.class",
    /// Bytes of a consumer's fetch response at most.
    fetch_max_bytes: i32 = "fetch.max.bytes",
    /// Incremental fetch sessions a broker keeps (KIP-227).
    max_incremental_fetch_session_cache_slots: i32 = "max.incremental.fetch.session.cache.slots",
    /// Largest request frame, in bytes.
    socket_request_max_bytes: i32 = "socket.request.max.bytes",
    /// Idle time after which a broker closes a connection.
    connections_max_idle: Duration = "connections.max.idle.ms",
    /// How often a broker sends a heartbeat.
    broker_heartbeat_interval: Duration = "broker.heartbeat.interval.ms",
    /// Silence after which the controller fences a broker.
    broker_session_timeout: Duration = "broker.session.timeout.ms",
    /// How long a broker tries to register before it gives up.
    initial_broker_registration_timeout: Duration = "initial.broker.registration.timeout.ms",
    /// The controller returns leadership to preferred replicas.
    auto_leader_rebalance_enable: bool = "auto.leader.rebalance.enable",
    /// How long after an imbalance was found it is corrected.
    leader_imbalance_check_interval: Duration = "leader.imbalance.check.interval.seconds",
    /// How often leaderless partitions are looked at for an unclean election.
    unclean_leader_election_interval: Duration = "unclean.leader.election.interval.ms",
    /// Idle time after which a producer id is forgotten.
    producer_id_expiration: Duration = "producer.id.expiration.ms",
    /// How often idle producer ids are looked for.
    producer_id_expiration_check_interval: Duration = "producer.id.expiration.check.interval.ms",
    /// Time limit of a broker's own requests.
    request_timeout: Duration = "request.timeout.ms",
    /// Partitions in one DescribeTopicPartitions response at most.
    max_request_partition_size_limit: i32 = "max.request.partition.size.limit",
    /// A broker that is told to stop moves its leaderships away first.
    controlled_shutdown_enable: bool = "controlled.shutdown.enable",
    /// How often a controlled shutdown is tried again.
    controlled_shutdown_max_retries: i32 = "controlled.shutdown.max.retries",
    /// Pause between two tries.
    controlled_shutdown_retry_backoff: Duration = "controlled.shutdown.retry.backoff.ms",
    /// Rack of the broker, if set.
    broker_rack: Option<Arc<str>> = "broker.rack",
    /// Eligible leader replicas are on (KIP-966), as in new clusters since 4.1.
    eligible_leader_replicas_enable: bool = "eligible.leader.replicas.enable",
    /// Shortest session a member of a classic group may ask for, in milliseconds.
    group_min_session_timeout_ms: i32 = "group.min.session.timeout.ms",
    /// Longest session a member of a classic group may ask for, in milliseconds.
    group_max_session_timeout_ms: i32 = "group.max.session.timeout.ms",
    /// How long an empty group waits for more members before its first rebalance ends, in milliseconds.
    group_initial_rebalance_delay_ms: i32 = "group.initial.rebalance.delay.ms",
    /// Members a classic group may have.
    group_max_size: i32 = "group.max.size",
    /// How often members of consumer groups send heartbeats, in milliseconds.
    group_consumer_heartbeat_interval_ms: i32 = "group.consumer.heartbeat.interval.ms",
    /// Members a consumer group may have.
    group_consumer_max_size: i32 = "group.consumer.max.size",
    /// How often regular expressions of consumer groups are resolved again, in milliseconds.
    group_consumer_regex_refresh_interval_ms: i32 = "group.consumer.regex.refresh.interval.ms",
    /// Silence after which a member of a consumer group is out, in milliseconds.
    group_consumer_session_timeout_ms: i32 = "group.consumer.session.timeout.ms",
    /// Bytes of the text that may go with a committed offset.
    offset_metadata_max_bytes: i32 = "offset.metadata.max.bytes",
    /// How long a coordinator waits until a record of its own is replicated.
    offsets_commit_timeout: Duration = "offsets.commit.timeout.ms",
    /// Bytes of the offsets topic that a coordinator loads at a time.
    offsets_load_buffer_size: i32 = "offsets.load.buffer.size",
    /// How long offsets are kept once their group is empty.
    offsets_retention: Duration = "offsets.retention.minutes",
    /// How often expired offsets are looked for.
    offsets_retention_check_interval: Duration = "offsets.retention.check.interval.ms",
}

impl BrokerConfig {
    /// Sets a key of the broker's properties.
    ///
    /// # Errors
    /// `UnknownKey` with the nearest name for a key Kafka does not have, `InvalidValue` for a value of the wrong type
    /// or out of range.
    pub fn set(&mut self, key: &str, value: &str) -> Result<KeyUse, ConfigError> {
        let def = check_broker_value(key, value)?;
        self.settings.entry(def.name).or_default().fixed = Some(Arc::from(value.trim()));
        self.refresh(def.name);
        Ok(if is_modelled(def.name) {
            KeyUse::Modelled
        } else {
            KeyUse::Ignored
        })
    }

    /// A configuration from the pairs of a properties file, and the keys among them that have no effect.
    ///
    /// # Errors
    /// As [`BrokerConfig::set`], and `Conflict` for values that contradict each other.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let mut config = Self::default();
        let mut ignored = Vec::new();
        for (key, value) in pairs {
            if config.set(key.as_ref(), value.as_ref())? == KeyUse::Ignored {
                ignored.push(key.as_ref().to_owned());
            }
        }
        config.validate()?;
        Ok((config, ignored))
    }

    /// Checks values against each other.
    ///
    /// # Errors
    /// `Conflict` if two values contradict each other.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let conflict = |message: &str| {
            Err(ConfigError::Conflict {
                message: message.to_owned(),
            })
        };
        if self.broker_heartbeat_interval.saturating_mul(2) > self.broker_session_timeout {
            return conflict("broker.session.timeout.ms must be at least twice broker.heartbeat.interval.ms");
        }
        if self.replica_fetch_wait_max > self.replica_lag_time_max {
            return conflict("replica.fetch.wait.max.ms must not exceed replica.lag.time.max.ms");
        }
        if self.replica_fetch_response_max_bytes < self.replica_fetch_min_bytes {
            return conflict("replica.fetch.response.max.bytes must not be below replica.fetch.min.bytes");
        }
        Ok(())
    }

    /// The text that counts for `key`: the strongest setting, or the default. `None` for keys without a default, and
    /// for keys Kafka does not have.
    pub fn value(&self, key: &str) -> Option<&str> {
        match self.layers(key).and_then(Layers::strongest) {
            Some((value, _)) => Some(value),
            None => broker_key(key)?.default,
        }
    }

    /// The number that counts for `key`, `None` if it has none.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.value(key)?.parse().ok()
    }

    /// This configuration with the overrides that the metadata holds for `broker` and for all brokers.
    ///
    /// With eligible leader replicas on, `min.insync.replicas` of a single broker has no effect (Kafka 4.1).
    pub fn with_dynamic(&self, image: &MetadataImage, broker: BrokerId) -> Self {
        let mut config = self.clone();
        if let Some(overrides) = image.configs.get(&ConfigResource::ClusterDefault) {
            for (key, value) in overrides {
                config.set_layer(key, value, |layers| &mut layers.dynamic_default);
            }
        }
        if let Some(overrides) = image.configs.get(&ConfigResource::Broker(broker)) {
            for (key, value) in overrides {
                if &**key != "min.insync.replicas" || !self.eligible_leader_replicas_enable {
                    config.set_layer(key, value, |layers| &mut layers.dynamic_broker);
                }
            }
        }
        config
    }

    fn set_layer(&mut self, key: &str, value: &Arc<str>, layer: fn(&mut Layers) -> &mut Option<Arc<str>>) {
        if let Some(def) = broker_key(key) {
            *layer(self.settings.entry(def.name).or_default()) = Some(value.clone());
            self.refresh(def.name);
        }
    }

    /// The keys that anything sets.
    pub(super) fn keys_set(&self) -> impl Iterator<Item = &'static str> {
        self.settings.keys().copied()
    }

    pub(super) fn layers(&self, key: &str) -> Option<&Layers> {
        self.settings.get(key)
    }
}
