//! The settings of a topic's logs (LogConfig).

use kafka_sim_core::batch::TimestampType;

use super::broker::BrokerConfig;
use super::key::list_items;
use super::topic::{Overrides, is_compacted, topic_number, topic_value};
use crate::log::{LogConfig, TopicCompression};

/// What counts for the logs of a topic on a broker with this configuration.
pub fn effective_log_config(broker: &BrokerConfig, overrides: Option<&Overrides>) -> LogConfig {
    let unset_by_topic = overrides.is_none_or(|overrides| overrides.keys().all(|key| is_not_of_logs(key)));
    if unset_by_topic && broker.keys_set().all(is_not_of_logs) {
        return LogConfig::default();
    }
    let number =
        |key: &str| topic_number(broker, overrides, key).expect("numeric keys have checked values or defaults");
    let unsigned = |key: &str| u64::try_from(number(key)).unwrap_or(0);
    let text = |key: &str| topic_value(broker, overrides, key).unwrap_or_default();
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
        cleanup_delete: list_items(&text("cleanup.policy")).any(|policy| policy == "delete"),
        cleanup_compact: is_compacted(broker, overrides),
        delete_retention_ms: number("delete.retention.ms"),
        min_cleanable_dirty_millionths: millionths(&text("min.cleanable.dirty.ratio")),
        min_compaction_lag_ms: number("min.compaction.lag.ms"),
        max_compaction_lag_ms: number("max.compaction.lag.ms"),
        compression: TopicCompression::from_name(&text("compression.type")).unwrap_or_default(),
        producer_id_expiration_ms: broker.number("producer.id.expiration.ms").unwrap_or(i64::MAX),
        file_delete_delay_ms: unsigned("file.delete.delay.ms"),
    }
}

/// Keys that are set often and say nothing about logs, whether a topic or a broker sets them.
fn is_not_of_logs(key: &str) -> bool {
    matches!(
        key,
        "min.insync.replicas" | "unclean.leader.election.enable" | "eligible.leader.replicas.enable"
    ) || ["group.", "offsets.", "replica."]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

/// A checked decimal number in millionths, rounded down; negative ones count as 0.
pub(crate) fn millionths(number: &str) -> u64 {
    let number = number.trim();
    if number.starts_with('-') {
        return 0;
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // More digits than these do not count, and could be too many for the arithmetic.
    let fraction = fraction.get(..12).unwrap_or(fraction);
    let digits = whole
        .chars()
        .chain(fraction.chars())
        .filter_map(|digit| digit.to_digit(10));
    let value = digits.fold(0_u128, |value, digit| {
        value.saturating_mul(10).saturating_add(u128::from(digit))
    });
    let fraction_digits = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let shift = exponent
        .parse::<i32>()
        .unwrap_or(0)
        .saturating_add(6)
        .saturating_sub(fraction_digits);
    let power = 10_u128.saturating_pow(shift.unsigned_abs());
    let shifted = if shift >= 0 {
        value.saturating_mul(power)
    } else {
        value / power
    };
    u64::try_from(shifted).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kafka_sim_core::batch::Codec;

    use super::super::topic_keys::TOPIC_KEYS;
    use super::*;

    #[test]
    fn kafkas_defaults_are_the_logs_defaults() {
        assert_eq!(
            effective_log_config(&BrokerConfig::default(), None),
            LogConfig::default()
        );
    }

    #[test]
    fn keys_that_are_passed_over_say_nothing_about_logs() {
        for def in TOPIC_KEYS {
            let names = def.synonyms.iter().chain(std::iter::once(&def.key.name));
            let others = names.filter(|name| is_not_of_logs(name)).count();
            let expected = match def.key.name {
                "min.insync.replicas" | "unclean.leader.election.enable" => 2,
                _ => 0,
            };
            assert_eq!(others, expected, "{}", def.key.name);
        }
        assert!(!is_not_of_logs("producer.id.expiration.ms"));
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

    #[test]
    fn decimal_numbers_are_read_without_floats() {
        let cases = [
            ("0.5", 500_000),
            ("1", 1_000_000),
            (" .25 ", 250_000),
            ("1e-1", 100_000),
            ("2.5E-3", 2_500),
            ("0", 0),
            ("0.0000019", 1),
            ("-0.5", 0),
            ("0.90", 900_000),
            ("1.5e2", 150_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(millionths(text), expected, "{text}");
        }
        assert_eq!(millionths(&format!("0.{}", "3".repeat(60))), 333_333);
    }
}
