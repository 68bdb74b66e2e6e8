//! Configuration in Kafka's own keys and values: what exists, what it defaults to, what counts.

mod broker;
mod broker_keys;
mod broker_keys_other;
mod check;
mod describe;
mod group;
mod key;
mod log_config;
#[cfg(test)]
mod tests;
mod topic;
mod topic_keys;
mod typed;

pub use broker::{BrokerConfig, ConfigSource};
pub use check::{KeyUse, broker_key, check_broker_value, topic_key, topic_key_use, validate_topic_config};
pub use describe::{ConfigSynonym, DescribedConfig, describe_broker, describe_topic};
pub use group::{describe_group, validate_group_config};
pub use key::{KeyDef, Kind, TopicKeyDef, list_items, parts_per_million};
pub use log_config::effective_log_config;
pub(crate) use log_config::millionths;
pub use topic::{
    Overrides, is_compacted, min_insync_replicas, topic_number, topic_value, unclean_leader_election_enabled,
};
