//! The producer's settings and the rules between them, as in Kafka's `ProducerConfig` and `KafkaProducer`.

use std::{collections::BTreeSet, time::Duration};

use kafka_sim_core::{ConfigError, batch::Codec};

use super::{Applied, NetworkConfig, ignore_if_known, parse};

/// How many acknowledgements a write needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `0`: none; the broker does not even answer.
    None,
    /// `1`: the leader alone.
    Leader,
    /// `all` or `-1`: every replica in sync at that moment.
    All,
}

impl Acks {
    /// The number on the wire.
    pub fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

/// Settings of a [`Producer`](crate::Producer). Start from [`java`](Self::java) and change keys with
/// [`set`](Self::set).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// Connections, back-offs and metadata.
    pub network: NetworkConfig,
    /// `acks` (all).
    pub acks: Acks,
    /// `enable.idempotence` (true). Ask [`is_idempotent`](Self::is_idempotent) for what results: other settings
    /// may switch the default off.
    pub enable_idempotence: bool,
    /// `retries` (2 147 483 647): attempts after the first one.
    pub retries: i32,
    /// `max.in.flight.requests.per.connection` (5).
    pub max_in_flight: usize,
    /// `batch.size` (16 384): bytes a batch may reach; 0 sends every record on its own.
    pub batch_size: usize,
    /// `linger.ms` (5): how long a batch that is not full waits for more records.
    pub linger: Duration,
    /// `buffer.memory` (33 554 432): bytes of all batches not yet acknowledged.
    pub buffer_memory: u64,
    /// `max.block.ms` (60 000): how long a send may wait for metadata and for buffer memory.
    pub max_block: Duration,
    /// `delivery.timeout.ms` (120 000): time from batch creation until its fate is reported at the latest.
    pub delivery_timeout: Duration,
    /// `max.request.size` (1 048 576): largest record, and largest request made of several batches, in bytes.
    pub max_request_size: usize,
    /// `compression.type` (none).
    pub compression: Codec,
    /// `partitioner.ignore.keys` (false): spread keyed records like keyless ones.
    pub partitioner_ignore_keys: bool,
    explicit: BTreeSet<&'static str>,
}

impl ProducerConfig {
    /// The defaults of the Java producer 4.x.
    pub fn java() -> ProducerConfig {
        ProducerConfig {
            network: NetworkConfig::java("producer-1"),
            acks: Acks::All,
            enable_idempotence: true,
            retries: i32::MAX,
            max_in_flight: 5,
            batch_size: 16_384,
            linger: Duration::from_millis(5),
            buffer_memory: 33_554_432,
            max_block: Duration::from_millis(60_000),
            delivery_timeout: Duration::from_millis(120_000),
            max_request_size: 1_048_576,
            compression: Codec::None,
            partitioner_ignore_keys: false,
            explicit: BTreeSet::new(),
        }
    }

    /// Sets one key. A key that a Java client knows and this model does not is accepted without effect.
    ///
    /// # Errors
    /// An unknown key (the error names the nearest known one) or a value outside the key's range. Conflicts
    /// between keys are found by [`validate`](Self::validate).
    pub fn set(mut self, key: &str, value: &str) -> Result<ProducerConfig, ConfigError> {
        self.apply_or_ignore(key, value)?;
        Ok(self)
    }

    /// The defaults changed by the given pairs, and the keys that had no effect because they are not modelled.
    ///
    /// # Errors
    /// As for [`set`](Self::set), and conflicts between the keys.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(ProducerConfig, Vec<String>), ConfigError> {
        let mut config = ProducerConfig::java();
        let mut ignored = Vec::new();
        for (key, value) in pairs {
            if let Applied::NotModelled = config.apply_or_ignore(key.as_ref(), value.as_ref())? {
                ignored.push(key.as_ref().to_owned());
            }
        }
        config.validate()?;
        Ok((config, ignored))
    }

    fn apply_or_ignore(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        let applied = self.apply(key, value)?;
        if let Applied::NotModelled = applied {
            ignore_if_known(key, "producer")?;
        }
        Ok(applied)
    }

    fn apply(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        match key {
            "acks" => self.acks = acks(value).ok_or_else(|| parse::invalid(key, value, "all, -1, 0 or 1"))?,
            "enable.idempotence" => {
                self.enable_idempotence = parse::boolean(key, value)?;
                self.explicit.insert("enable.idempotence");
            }
            "retries" => self.retries = parse::int(key, value, 0)?,
            "max.in.flight.requests.per.connection" => self.max_in_flight = parse::size(key, value, 1)?,
            "batch.size" => self.batch_size = parse::size(key, value, 0)?,
            "linger.ms" => self.linger = parse::millis(key, value)?,
            "buffer.memory" => {
                self.buffer_memory = parse::number(key, value, 0, i64::MAX)?.unsigned_abs();
            }
            "max.block.ms" => self.max_block = parse::millis(key, value)?,
            "delivery.timeout.ms" => {
                self.delivery_timeout = Duration::from_millis(u64::from(parse::int(key, value, 0)?.unsigned_abs()));
                self.explicit.insert("delivery.timeout.ms");
            }
            "max.request.size" => self.max_request_size = parse::size(key, value, 0)?,
            "compression.type" => {
                self.compression = Codec::from_name(value.trim())
                    .filter(|_| value.trim() != "uncompressed")
                    .ok_or_else(|| parse::invalid(key, value, "none, gzip, snappy, lz4 or zstd"))?;
            }
            "partitioner.ignore.keys" => self.partitioner_ignore_keys = parse::boolean(key, value)?,
            _ => return self.network.apply(key, value),
        }
        Ok(Applied::Set)
    }

    /// Whether the producer will be idempotent: the setting, unless it is only the default and `acks` or
    /// `retries` rule it out.
    pub fn is_idempotent(&self) -> bool {
        self.enable_idempotence && self.acks == Acks::All && self.retries > 0
    }

    /// Checks the rules between keys, as the Java producer does when it is built.
    ///
    /// # Errors
    /// - idempotence asked for by name together with `retries=0` or an `acks` other than `all`;
    /// - idempotence enabled, by name or by default, with more than five requests in flight;
    /// - a `delivery.timeout.ms` set by name below `linger.ms` + `request.timeout.ms`.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let by_name = self.explicit.contains("enable.idempotence");
        if self.enable_idempotence {
            if by_name && self.retries == 0 {
                return conflict("enable.idempotence=true needs retries above 0");
            }
            if by_name && self.acks != Acks::All {
                return conflict("enable.idempotence=true needs acks=all");
            }
            if self.max_in_flight > 5 {
                return conflict("an idempotent producer needs max.in.flight.requests.per.connection of at most 5");
            }
        }
        if self.explicit.contains("delivery.timeout.ms") && self.delivery_timeout < self.shortest_delivery() {
            return conflict("delivery.timeout.ms must not be below linger.ms + request.timeout.ms");
        }
        Ok(())
    }

    /// `delivery.timeout.ms`, raised to `linger.ms` + `request.timeout.ms` where the default would be shorter.
    pub(crate) fn effective_delivery_timeout(&self) -> Duration {
        self.delivery_timeout.max(self.shortest_delivery())
    }

    fn shortest_delivery(&self) -> Duration {
        let limit = Duration::from_millis(u64::from(i32::MAX.unsigned_abs()));
        self.linger.saturating_add(self.network.request_timeout).min(limit)
    }
}

fn conflict(message: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Conflict {
        message: message.to_owned(),
    })
}

fn acks(value: &str) -> Option<Acks> {
    match value.trim() {
        "all" | "-1" => Some(Acks::All),
        "1" => Some(Acks::Leader),
        "0" => Some(Acks::None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(pairs: &[(&str, &str)]) -> Result<(ProducerConfig, Vec<String>), ConfigError> {
        ProducerConfig::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = built(&[("linger.mss", "1")]).expect_err("no such key");
        assert!(error.to_string().contains("linger.ms"), "{error}");
    }

    #[test]
    fn a_known_key_without_a_model_is_reported_as_ignored() {
        let (_, ignored) = built(&[
            ("bootstrap.servers", "localhost:9092"),
            ("send.buffer.bytes", "1"),
            ("group.id", "billing"),
        ])
        .expect("all keys are known");
        assert_eq!(ignored, ["send.buffer.bytes", "group.id"]);
    }

    #[test]
    fn weaker_acks_switch_default_idempotence_off_silently() {
        let (config, _) = built(&[("acks", "1")]).expect("allowed");
        assert!(!config.is_idempotent());
        assert!(built(&[]).expect("defaults").0.is_idempotent());
    }

    #[test]
    fn weaker_acks_contradict_idempotence_asked_for_by_name() {
        assert!(built(&[("enable.idempotence", "true"), ("acks", "1")]).is_err());
        assert!(built(&[("enable.idempotence", "true"), ("retries", "0")]).is_err());
        assert!(built(&[("enable.idempotence", "false"), ("acks", "1")]).is_ok());
    }

    #[test]
    fn more_than_five_in_flight_contradict_even_default_idempotence() {
        assert!(built(&[("max.in.flight.requests.per.connection", "6")]).is_err());
        assert!(
            built(&[
                ("max.in.flight.requests.per.connection", "6"),
                ("enable.idempotence", "false")
            ])
            .is_ok()
        );
    }

    #[test]
    fn a_short_delivery_timeout_is_an_error_by_name_and_raised_by_default() {
        assert!(built(&[("delivery.timeout.ms", "30000")]).is_err());
        let (config, _) = built(&[("request.timeout.ms", "200000")]).expect("allowed");
        assert_eq!(config.effective_delivery_timeout(), Duration::from_millis(200_005));
    }

    #[test]
    fn a_first_reconnect_pause_without_a_bound_is_constant() {
        let (config, _) = built(&[("reconnect.backoff.ms", "7")]).expect("allowed");
        assert_eq!(config.network.reconnect_backoff_max, Duration::from_millis(7));
    }
}
