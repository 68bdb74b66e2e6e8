//! Settings that producer and consumer share: connections, back-offs, metadata.

use std::{sync::Arc, time::Duration};

use kafka_sim_core::ConfigError;

use super::{Applied, parse};

/// Connection and metadata settings, with the defaults of Kafka's `CommonClientConfigs`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NetworkConfig {
    /// `client.id`, sent with every request.
    pub client_id: Arc<str>,
    /// `request.timeout.ms` (30 000): how long a response may take before the connection is given up.
    pub request_timeout: Duration,
    /// `retry.backoff.ms` (100): first pause before a retry or a metadata refresh; doubles with each attempt.
    pub retry_backoff: Duration,
    /// `retry.backoff.max.ms` (1000): upper bound of that pause.
    pub retry_backoff_max: Duration,
    /// `reconnect.backoff.ms` (50): first pause before connecting to the same broker again.
    pub reconnect_backoff: Duration,
    /// `reconnect.backoff.max.ms` (1000): upper bound of that pause.
    pub reconnect_backoff_max: Duration,
    /// `connections.max.idle.ms` (540 000): an idle connection is closed after this.
    pub connections_max_idle: Duration,
    /// `socket.connection.setup.timeout.ms` (10 000): how long the first connection attempt may take.
    pub connection_setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms` (30 000): upper bound, as the limit doubles with each failure.
    pub connection_setup_timeout_max: Duration,
    /// `metadata.max.age.ms` (300 000): metadata is refreshed after this even if nothing seems wrong.
    pub metadata_max_age: Duration,
    /// `metadata.recovery.strategy` (rebootstrap): whether the bootstrap list is used again when no known broker
    /// can be reached (KIP-899).
    pub rebootstrap: bool,
    /// `metadata.recovery.rebootstrap.trigger.ms` (300 000): how long metadata must have been unobtainable before
    /// the bootstrap list is used again (KIP-1102).
    pub rebootstrap_trigger: Duration,
    reconnect_backoff_max_set: bool,
}

impl NetworkConfig {
    pub(super) fn java(client_id: &str) -> NetworkConfig {
        NetworkConfig {
            client_id: client_id.into(),
            request_timeout: Duration::from_millis(30_000),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_millis(1_000),
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: Duration::from_millis(1_000),
            connections_max_idle: Duration::from_millis(540_000),
            connection_setup_timeout: Duration::from_millis(10_000),
            connection_setup_timeout_max: Duration::from_millis(30_000),
            metadata_max_age: Duration::from_millis(300_000),
            rebootstrap: true,
            rebootstrap_trigger: Duration::from_millis(300_000),
            reconnect_backoff_max_set: false,
        }
    }

    pub(super) fn apply(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        match key {
            "client.id" => self.client_id = value.trim().into(),
            "request.timeout.ms" => {
                self.request_timeout = millis_of(parse::int(key, value, 0)?);
            }
            "retry.backoff.ms" => self.retry_backoff = parse::millis(key, value)?,
            "retry.backoff.max.ms" => self.retry_backoff_max = parse::millis(key, value)?,
            "reconnect.backoff.ms" => {
                self.reconnect_backoff = parse::millis(key, value)?;
                // As in the Java clients: a first pause without an upper bound means a constant pause.
                if !self.reconnect_backoff_max_set {
                    self.reconnect_backoff_max = self.reconnect_backoff;
                }
            }
            "reconnect.backoff.max.ms" => {
                self.reconnect_backoff_max = parse::millis(key, value)?;
                self.reconnect_backoff_max_set = true;
            }
            "connections.max.idle.ms" => {
                // A negative value switches the closing of idle connections off.
                let millis = parse::number(key, value, i64::MIN, i64::MAX)?;
                self.connections_max_idle = u64::try_from(millis).map_or(Duration::MAX, Duration::from_millis);
            }
            "socket.connection.setup.timeout.ms" => {
                self.connection_setup_timeout = parse::millis(key, value)?;
            }
            "socket.connection.setup.timeout.max.ms" => {
                self.connection_setup_timeout_max = parse::millis(key, value)?;
            }
            "metadata.max.age.ms" => self.metadata_max_age = parse::millis(key, value)?,
            "metadata.recovery.strategy" => {
                self.rebootstrap = match value.trim().to_ascii_lowercase().as_str() {
                    "rebootstrap" => true,
                    "none" => false,
                    _ => return Err(parse::invalid(key, value, "rebootstrap or none")),
                };
            }
            "metadata.recovery.rebootstrap.trigger.ms" => {
                self.rebootstrap_trigger = parse::millis(key, value)?;
            }
            // The bootstrap list is an argument of the client's constructor.
            "bootstrap.servers" => {}
            _ => return Ok(Applied::NotModelled),
        }
        Ok(Applied::Set)
    }
}

fn millis_of(number: i32) -> Duration {
    Duration::from_millis(u64::from(number.unsigned_abs()))
}
