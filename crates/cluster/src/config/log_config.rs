//! The settings of a topic's logs (LogConfig).

use kafka_sim_core::batch::TimestampType;

use super::broker::BrokerConfig;
use super::key::list_items;
use super::topic::{Overrides, topic_number, topic_value};
use crate::log::{LogConfig, TopicCompression};

/// What counts for the logs of a topic on a broker with this configuration.
pub fn effective_log_config(broker: &BrokerConfig, overrides: Option<&Overrides>) -> LogConfig {
    let number =
        |key: &str| topic_number(broker, overrides, key).expect("numeric keys have checked values or defaults");
    let unsigned = |key: &str| u64::try_from(number(key)).unwrap_or(0);
    let text = |key: &str| topic_value(broker, overrides, key).unwrap_or_default();
    let cleanup_policy = text("cleanup.policy");
    let segment_bytes = topic_number(broker, overrides, "internal.segment.bytes");
    LogConfig {
        segment_bytes: segment_bytes
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_else(|| unsigned("segment.bytes")),
        segment_ms: number("segment.ms"),
        segment_index_bytes: unsigned("segment.index.bytes"),
        index_interval_bytes: unsigned("index.interval.bytes"),
        max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
        retention_ms: number("retention.ms"),
        retention_bytes: number("retention.bytes"),
        flush_messages: unsigned("flush.messages"),
        flush_ms: unsigned("flush.ms"),
        timestamp_type: match &*text("message.timestamp.type") {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
        timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
        cleanup_delete: list_items(&cleanup_policy).any(|policy| policy == "delete"),
        cleanup_compact: list_items(&cleanup_policy).any(|policy| policy == "compact"),
        delete_retention_ms: number("delete.retention.ms"),
        min_cleanable_dirty_millionths: millionths(&text("min.cleanable.dirty.ratio")),
        min_compaction_lag_ms: number("min.compaction.lag.ms"),
        max_compaction_lag_ms: number("max.compaction.lag.ms"),
        compression: TopicCompression::from_name(&text("compression.type")).unwrap_or_default(),
        producer_id_expiration_ms: broker.number("producer.id.expiration.ms").unwrap_or(i64::MAX),
        file_delete_delay_ms: unsigned("file.delete.delay.ms"),
    }
}

/// A checked ratio between 0 and 1.
fn millionths(ratio: &str) -> u32 {
    let ratio: f64 = ratio.trim().parse().unwrap_or(0.0);
    (ratio.clamp(0.0, 1.0) * 1e6).round() as u32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_sim_core::batch::Codec;

    use super::*;

    #[test]
    fn kafkas_defaults_are_the_logs_defaults() {
        assert_eq!(
            effective_log_config(&BrokerConfig::default(), None),
            LogConfig::default()
        );
    }

    #[test]
    fn overrides_and_broker_settings_reach_the_log() {
        let mut broker = BrokerConfig::default();
        broker.set("log.roll.hours", "1").unwrap();
        broker.set("message.max.bytes", "500").unwrap();
        broker.set("producer.id.expiration.ms", "9").unwrap();
        let overrides: Overrides = [
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.25"),
            ("delete.retention.ms", "7"),
            ("min.compaction.lag.ms", "8"),
            ("max.compaction.lag.ms", "9"),
            ("compression.type", "zstd"),
            ("internal.segment.bytes", "100"),
            ("flush.messages", "1"),
            ("message.timestamp.type", "LogAppendTime"),
        ]
        .into_iter()
        .map(|(key, value)| (Arc::from(key), Arc::from(value)))
        .collect();
        let expected = LogConfig {
            segment_ms: 3_600_000,
            max_message_bytes: 500,
            producer_id_expiration_ms: 9,
            cleanup_delete: false,
            cleanup_compact: true,
            min_cleanable_dirty_millionths: 250_000,
            delete_retention_ms: 7,
            min_compaction_lag_ms: 8,
            max_compaction_lag_ms: 9,
            compression: TopicCompression::Codec(Codec::Zstd),
            segment_bytes: 100,
            flush_messages: 1,
            timestamp_type: TimestampType::LogAppendTime,
            ..LogConfig::default()
        };
        assert_eq!(effective_log_config(&broker, Some(&overrides)), expected);
    }
}
