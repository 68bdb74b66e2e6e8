//! The reader's settings: those keys of Kafka's `ConsumerConfig` that concern fetching.

use std::{sync::Arc, time::Duration};

use kafka_sim_core::ConfigError;

use super::{Applied, NetworkConfig, ignore_if_known, parse};

/// Which records of transactions a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    /// `read_uncommitted`: everything below the high watermark.
    ReadUncommitted,
    /// `read_committed`: everything below the last stable offset, without aborted records.
    ReadCommitted,
}

/// What to do when a position is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// `earliest`: continue at the log's start.
    Earliest,
    /// `latest`: continue at the log's end.
    Latest,
    /// `by_duration:<ISO-8601>`: continue at the first record that is not older (KIP-1106).
    ByDuration(Duration),
    /// `none`: report it and stop reading the partition.
    None,
}

/// Settings of a [`Reader`](crate::Reader).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReaderConfig {
    /// Connections, back-offs and metadata.
    pub network: NetworkConfig,
    /// `fetch.min.bytes` (1): the broker waits until it has that much.
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes` (52 428 800): bytes of one response.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes` (1 048 576): bytes of one partition in a response.
    pub max_partition_fetch_bytes: i32,
    /// `fetch.max.wait.ms` (500): how long the broker may wait for `fetch.min.bytes`.
    pub fetch_max_wait: Duration,
    /// `isolation.level` (read_uncommitted).
    pub isolation: IsolationLevel,
    /// `auto.offset.reset` (latest).
    pub offset_reset: OffsetReset,
    /// `check.crcs` (true): whether damaged batches are noticed.
    pub check_crcs: bool,
    /// `client.rack` (empty): allows reading from a follower in the same rack (KIP-392).
    pub client_rack: Arc<str>,
    /// `allow.auto.create.topics` (true).
    pub allow_auto_create_topics: bool,
}

impl ReaderConfig {
    /// The defaults of the Java consumer 4.x.
    pub fn java() -> ReaderConfig {
        ReaderConfig {
            network: NetworkConfig::java("consumer-1"),
            fetch_min_bytes: 1,
            fetch_max_bytes: 52_428_800,
            max_partition_fetch_bytes: 1_048_576,
            fetch_max_wait: Duration::from_millis(500),
            isolation: IsolationLevel::ReadUncommitted,
            offset_reset: OffsetReset::Latest,
            check_crcs: true,
            client_rack: "".into(),
            allow_auto_create_topics: true,
        }
    }

    /// Sets one key. A key that a Java client knows and this model does not is accepted without effect.
    ///
    /// # Errors
    /// An unknown key (the error names the nearest known one) or a value outside the key's range.
    pub fn set(mut self, key: &str, value: &str) -> Result<ReaderConfig, ConfigError> {
        self.apply_or_ignore(key, value)?;
        Ok(self)
    }

    /// The defaults changed by the given pairs, and the keys that had no effect because they are not modelled.
    ///
    /// # Errors
    /// As for [`set`](Self::set).
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(ReaderConfig, Vec<String>), ConfigError> {
        let mut config = ReaderConfig::java();
        let mut ignored = Vec::new();
        for (key, value) in pairs {
            if let Applied::NotModelled = config.apply_or_ignore(key.as_ref(), value.as_ref())? {
                ignored.push(key.as_ref().to_owned());
            }
        }
        Ok((config, ignored))
    }

    fn apply_or_ignore(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        let applied = self.apply(key, value)?;
        if let Applied::NotModelled = applied {
            ignore_if_known(key, "consumer")?;
        }
        Ok(applied)
    }

    pub(super) fn apply(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        match key {
            "fetch.min.bytes" => self.fetch_min_bytes = parse::int(key, value, 0)?,
            "fetch.max.bytes" => self.fetch_max_bytes = parse::int(key, value, 0)?,
            "max.partition.fetch.bytes" => self.max_partition_fetch_bytes = parse::int(key, value, 0)?,
            "fetch.max.wait.ms" => {
                self.fetch_max_wait = Duration::from_millis(u64::from(parse::int(key, value, 0)?.unsigned_abs()));
            }
            "isolation.level" => {
                self.isolation = match value.trim().to_ascii_lowercase().as_str() {
                    "read_uncommitted" => IsolationLevel::ReadUncommitted,
                    "read_committed" => IsolationLevel::ReadCommitted,
                    _ => return Err(parse::invalid(key, value, "read_uncommitted or read_committed")),
                };
            }
            "auto.offset.reset" => {
                let expected = "earliest, latest, none or by_duration:<ISO-8601 duration>";
                self.offset_reset = offset_reset(value).ok_or_else(|| parse::invalid(key, value, expected))?;
            }
            "check.crcs" => self.check_crcs = parse::boolean(key, value)?,
            "client.rack" => self.client_rack = value.trim().into(),
            "allow.auto.create.topics" => self.allow_auto_create_topics = parse::boolean(key, value)?,
            _ => return self.network.apply(key, value),
        }
        Ok(Applied::Set)
    }
}

fn offset_reset(value: &str) -> Option<OffsetReset> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "earliest" => Some(OffsetReset::Earliest),
        "latest" => Some(OffsetReset::Latest),
        "none" => Some(OffsetReset::None),
        other => other
            .strip_prefix("by_duration:")
            .and_then(parse::iso_duration)
            .map(OffsetReset::ByDuration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumer_keys_take_effect_and_group_keys_are_reported_as_ignored() {
        let (config, ignored) = ReaderConfig::from_pairs([
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "earliest"),
            ("group.id", "billing"),
        ])
        .expect("all known");
        assert_eq!(config.isolation, IsolationLevel::ReadCommitted);
        assert_eq!(config.offset_reset, OffsetReset::Earliest);
        assert_eq!(ignored, ["group.id"]);
    }

    #[test]
    fn a_wrong_value_says_what_was_expected() {
        let error = ReaderConfig::java()
            .set("isolation.level", "serializable")
            .expect_err("no such level");
        assert!(error.to_string().contains("read_committed"), "{error}");
    }
}
