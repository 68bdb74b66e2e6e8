//! What counts for a topic: its overrides, then the brokers' defaults (LogConfig.fromProps).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::broker::BrokerConfig;
use super::check::{broker_key, topic_key};
use super::key::{TopicKeyDef, list_items};

/// Overrides of one topic or broker by key, as the metadata holds them.
pub type Overrides = BTreeMap<Arc<str>, Arc<str>>;

/// The text that counts for `key` of a topic. `None` for a key without a default, and for one Kafka does not have.
pub fn topic_value<'a>(broker: &'a BrokerConfig, overrides: Option<&'a Overrides>, key: &str) -> Option<Cow<'a, str>> {
    if let Some(value) = overrides.and_then(|overrides| overrides.get(key)) {
        return Some(Cow::Borrowed(value));
    }
    let def = topic_key(key)?;
    broker_default(broker, def).or(def.key.default.map(Cow::Borrowed))
}

/// The number that counts for `key` of a topic.
pub fn topic_number(broker: &BrokerConfig, overrides: Option<&Overrides>, key: &str) -> Option<i64> {
    topic_value(broker, overrides, key)?.parse().ok()
}

/// What the broker's settings make of a topic key; `None` if none of its synonyms is set.
fn broker_default<'a>(broker: &'a BrokerConfig, def: &TopicKeyDef) -> Option<Cow<'a, str>> {
    def.synonyms.iter().find_map(|synonym| {
        let (value, _) = broker.layers(synonym)?.strongest()?;
        Some(in_topic_units(synonym, value))
    })
}

/// Broker keys may be in hours or minutes where the topic key is in milliseconds.
fn in_topic_units<'a>(synonym: &str, value: &'a str) -> Cow<'a, str> {
    let millis_per_unit = match synonym {
        name if name.ends_with(".hours") => 3_600_000,
        name if name.ends_with(".minutes") => 60_000,
        _ => return Cow::Borrowed(value),
    };
    match value.parse::<i64>() {
        Ok(number) if number < 0 => Cow::Borrowed("-1"),
        Ok(number) => Cow::Owned(number.saturating_mul(millis_per_unit).to_string()),
        Err(_) => Cow::Borrowed(value),
    }
}

/// `min.insync.replicas` of a topic, at least 1. The controller further bounds it by the replication factor.
pub fn min_insync_replicas(broker: &BrokerConfig, overrides: Option<&Overrides>) -> usize {
    let number = topic_number(broker, overrides, "min.insync.replicas").unwrap_or(1);
    usize::try_from(number).unwrap_or(1).max(1)
}

/// Whether `cleanup.policy` of a topic has `compact`.
pub fn is_compacted(broker: &BrokerConfig, overrides: Option<&Overrides>) -> bool {
    let policies = topic_value(broker, overrides, "cleanup.policy").unwrap_or_default();
    list_items(&policies).any(|policy| policy == "compact")
}

/// `unclean.leader.election.enable` of a topic.
pub fn unclean_leader_election_enabled(broker: &BrokerConfig, overrides: Option<&Overrides>) -> bool {
    topic_value(broker, overrides, "unclean.leader.election.enable")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The default of a broker key in the units of the topic key it is a synonym of.
pub(super) fn synonym_default(synonym: &str) -> Option<&'static str> {
    broker_key(synonym)?.default
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(broker: &BrokerConfig, overrides: &[(&str, &str)], key: &str) -> String {
        let overrides = overrides
            .iter()
            .map(|(key, value)| (Arc::from(*key), Arc::from(*value)))
            .collect();
        topic_value(broker, Some(&overrides), key).unwrap().into_owned()
    }

    #[test]
    fn a_topic_override_beats_every_broker_synonym() {
        let mut broker = BrokerConfig::default();
        assert_eq!(value(&broker, &[], "retention.ms"), "604800000");
        broker.set("log.retention.hours", "2").unwrap();
        assert_eq!(value(&broker, &[], "retention.ms"), "7200000");
        broker.set("log.retention.minutes", "3").unwrap();
        assert_eq!(value(&broker, &[], "retention.ms"), "180000");
        broker.set("log.retention.ms", "5").unwrap();
        assert_eq!(value(&broker, &[], "retention.ms"), "5");
        assert_eq!(value(&broker, &[("retention.ms", "6")], "retention.ms"), "6");
    }

    #[test]
    fn a_negative_retention_in_hours_means_unlimited() {
        let mut broker = BrokerConfig::default();
        broker.set("log.retention.hours", "-1").unwrap();
        assert_eq!(value(&broker, &[], "retention.ms"), "-1");
    }

    #[test]
    fn flush_ms_falls_back_to_the_scheduler_interval() {
        let mut broker = BrokerConfig::default();
        broker.set("log.flush.scheduler.interval.ms", "2000").unwrap();
        assert_eq!(value(&broker, &[], "flush.ms"), "2000");
        broker.set("log.flush.interval.ms", "100").unwrap();
        assert_eq!(value(&broker, &[], "flush.ms"), "100");
    }

    #[test]
    fn min_insync_replicas_and_unclean_election_follow_the_same_order() {
        let mut broker = BrokerConfig::default();
        assert_eq!(min_insync_replicas(&broker, None), 1);
        assert!(!unclean_leader_election_enabled(&broker, None));
        broker.set("min.insync.replicas", "2").unwrap();
        broker.set("unclean.leader.election.enable", "TRUE").unwrap();
        assert_eq!(min_insync_replicas(&broker, None), 2);
        assert!(unclean_leader_election_enabled(&broker, None));
    }
}
