//! Which keys exist and which values they accept.

use kafka_sim_core::ConfigError;

use super::broker::TYPED_KEYS;
use super::broker_keys::BROKER_KEYS;
use super::broker_keys_other::OTHER_BROKER_KEYS;
use super::key::{KeyDef, TopicKeyDef};
use super::topic_keys::TOPIC_KEYS;

/// What became of a key that was set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyUse {
    /// The simulator acts on it.
    Modelled,
    /// Kafka has it, the simulator does not act on it.
    Ignored,
}

/// Keys without a typed field that are read as text where they are needed.
const READ_AS_TEXT: &[&str] = &[
    "compression.type",
    "group.consumer.assignors",
    "group.consumer.max.heartbeat.interval.ms",
    "group.consumer.max.session.timeout.ms",
    "group.consumer.migration.policy",
    "group.consumer.min.heartbeat.interval.ms",
    "group.consumer.min.session.timeout.ms",
    "group.coordinator.rebalance.protocols",
    "message.max.bytes",
    "offsets.topic.compression.codec",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "offsets.topic.segment.bytes",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.segment.bytes",
    "share.coordinator.state.topic.min.isr",
    "share.coordinator.state.topic.num.partitions",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.segment.bytes",
];

/// Topic keys that are checked and described and have no effect.
const TOPIC_KEYS_WITHOUT_EFFECT: &[&str] = &[
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.decompressed.message.bytes",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
];

/// Every broker key.
pub(super) fn broker_keys() -> impl Iterator<Item = &'static KeyDef> {
    BROKER_KEYS.iter().chain(OTHER_BROKER_KEYS)
}

/// The broker key of that name.
pub fn broker_key(name: &str) -> Option<&'static KeyDef> {
    [BROKER_KEYS, OTHER_BROKER_KEYS]
        .into_iter()
        .find_map(|keys| Some(&keys[keys.binary_search_by(|def| def.name.cmp(name)).ok()?]))
}

/// The topic key of that name.
pub fn topic_key(name: &str) -> Option<&'static TopicKeyDef> {
    let at = TOPIC_KEYS.binary_search_by(|def| def.key.name.cmp(name)).ok()?;
    Some(&TOPIC_KEYS[at])
}

/// Whether the simulator acts on a broker key.
pub(super) fn is_modelled(name: &str) -> bool {
    TYPED_KEYS.contains(&name)
        || READ_AS_TEXT.contains(&name)
        || TOPIC_KEYS
            .iter()
            .any(|def| def.synonyms.contains(&name) && !TOPIC_KEYS_WITHOUT_EFFECT.contains(&def.key.name))
}

/// Whether the simulator acts on a topic key.
pub fn topic_key_use(name: &str) -> KeyUse {
    if TOPIC_KEYS_WITHOUT_EFFECT.contains(&name) {
        KeyUse::Ignored
    } else {
        KeyUse::Modelled
    }
}

/// Checks a broker key and its value.
///
/// # Errors
/// `UnknownKey` with the nearest name, or `InvalidValue`.
pub fn check_broker_value(key: &str, value: &str) -> Result<&'static KeyDef, ConfigError> {
    let def =
        broker_key(key).ok_or_else(|| ConfigError::unknown_key(key, "broker", broker_keys().map(|def| def.name)))?;
    check(def, value).map(|()| def)
}

/// Checks a topic key and its value.
///
/// # Errors
/// `UnknownKey` with the nearest name, or `InvalidValue`.
pub fn validate_topic_config(key: &str, value: &str) -> Result<(), ConfigError> {
    let def = topic_key(key)
        .ok_or_else(|| ConfigError::unknown_key(key, "topic", TOPIC_KEYS.iter().map(|def| def.key.name)))?;
    check(&def.key, value)
}

fn check(def: &KeyDef, value: &str) -> Result<(), ConfigError> {
    if def.kind.accepts(value) {
        return Ok(());
    }
    Err(ConfigError::invalid_value(def.name, value, def.kind.expected()))
}
