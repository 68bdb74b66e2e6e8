//! Configuration under Kafka's own keys, with the defaults of the Java clients 4.x.

mod consumer;
mod network;
mod parse;
mod producer;
mod reader;

pub use consumer::{Assignor, ConsumerConfig, GroupProtocol};
pub use network::NetworkConfig;
pub use producer::{Acks, ProducerConfig};
pub use reader::{IsolationLevel, OffsetReset, ReaderConfig};

use kafka_sim_core::ConfigError;

use crate::keys;

/// What became of one key.
enum Applied {
    /// The setting is modelled and took effect.
    Set,
    /// This client does not model the key. Somebody else may still know it.
    NotModelled,
}

/// Tells a known key from an unknown one. `Ok` means: known, ignored.
fn ignore_if_known(key: &str, scope: &'static str) -> Result<(), ConfigError> {
    if keys::is_known(key) {
        return Ok(());
    }
    Err(ConfigError::unknown_key(key, scope, keys::all()))
}
