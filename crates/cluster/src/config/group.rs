//! Configuration of groups (GroupConfig). Only the keys of consumer groups have an effect.

use std::sync::Arc;

use kafka_sim_core::ConfigError;

use super::key::{INT_MAX, KeyDef, choice, int, text};
use super::{BrokerConfig, ConfigSource, ConfigSynonym, DescribedConfig, Overrides};

const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";
const SESSION: &str = "consumer.session.timeout.ms";

/// The keys of groups with the broker keys of their defaults, by name.
const GROUP_KEYS: &[(KeyDef, &str)] = &[
    (
        int(HEARTBEAT, 1, INT_MAX, "5000"),
        "group.consumer.heartbeat.interval.ms",
    ),
    (int(SESSION, 1, INT_MAX, "45000"), "group.consumer.session.timeout.ms"),
    (text("share.auto.offset.reset", "latest"), ""),
    (
        int("share.heartbeat.interval.ms", 1, INT_MAX, "5000"),
        "group.share.heartbeat.interval.ms",
    ),
    (
        choice(
            "share.isolation.level",
            &["read_committed", "read_uncommitted"],
            "read_uncommitted",
        ),
        "",
    ),
    (
        int("share.record.lock.duration.ms", 1_000, INT_MAX, "30000"),
        "group.share.record.lock.duration.ms",
    ),
    (
        int("share.session.timeout.ms", 1, INT_MAX, "45000"),
        "group.share.session.timeout.ms",
    ),
    (
        int("streams.heartbeat.interval.ms", 1, INT_MAX, "5000"),
        "group.streams.heartbeat.interval.ms",
    ),
    (
        int("streams.initial.rebalance.delay.ms", 0, INT_MAX, "3000"),
        "group.streams.initial.rebalance.delay.ms",
    ),
    (
        int("streams.num.standby.replicas", 0, INT_MAX, "0"),
        "group.streams.num.standby.replicas",
    ),
    (
        int("streams.session.timeout.ms", 1, INT_MAX, "45000"),
        "group.streams.session.timeout.ms",
    ),
];

fn find(key: &str) -> Option<&'static (KeyDef, &'static str)> {
    GROUP_KEYS.iter().find(|(def, _)| def.name == key)
}

/// Checks the overrides of a group against each other and against the limits of the brokers.
///
/// # Errors
/// `UnknownKey` with the nearest name, `InvalidValue`, or `Conflict` for values that contradict each other.
pub fn validate_group_config(broker: &BrokerConfig, overrides: &Overrides) -> Result<(), ConfigError> {
    for (key, value) in overrides {
        let names = || GROUP_KEYS.iter().map(|(def, _)| def.name);
        let (def, _) = find(key).ok_or_else(|| ConfigError::unknown_key(key, "group", names()))?;
        if !def.kind.accepts(value) {
            return Err(ConfigError::invalid_value(def.name, value, def.kind.expected()));
        }
    }
    let number = |key: &str| {
        let (_, default) = find(key)?;
        let text = overrides.get(key).map(|value| &**value);
        text.or_else(|| broker.value(default))?.trim().parse::<i64>().ok()
    };
    let (heartbeat, session) = (number(HEARTBEAT), number(SESSION));
    within(broker, HEARTBEAT, heartbeat, "heartbeat.interval")?;
    within(broker, SESSION, session, "session.timeout")?;
    if session <= heartbeat {
        return conflict(format!("{SESSION} must be greater than {HEARTBEAT}"));
    }
    Ok(())
}

fn within(broker: &BrokerConfig, key: &str, value: Option<i64>, what: &str) -> Result<(), ConfigError> {
    let (min, max) = (
        format!("group.consumer.min.{what}.ms"),
        format!("group.consumer.max.{what}.ms"),
    );
    if value < broker.number(&min) {
        return conflict(format!("{key} must be greater than or equal to {min}"));
    }
    if value > broker.number(&max) {
        return conflict(format!("{key} must be less than or equal to {max}"));
    }
    Ok(())
}

fn conflict<T>(message: String) -> Result<T, ConfigError> {
    Err(ConfigError::Conflict { message })
}

/// Every key of a group, by name.
pub fn describe_group(broker: &BrokerConfig, overrides: Option<&Overrides>) -> Vec<DescribedConfig> {
    let described = GROUP_KEYS.iter().map(|(def, default)| {
        let set = overrides.and_then(|overrides| overrides.get(def.name));
        let inherited = || broker.value(default).or(def.default).map(Arc::from);
        let value = set.cloned().or_else(inherited);
        let source = if set.is_some() {
            ConfigSource::Group
        } else {
            ConfigSource::Default
        };
        let synonym = ConfigSynonym {
            name: def.name,
            value: value.clone(),
            source,
        };
        DescribedConfig {
            name: def.name,
            value,
            source,
            is_default: set.is_none(),
            read_only: false,
            sensitive: false,
            kind: def.kind,
            synonyms: vec![synonym],
        }
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pairs: &[(&str, &str)]) -> Result<(), String> {
        let overrides = pairs.iter().map(|(k, v)| (Arc::from(*k), Arc::from(*v))).collect();
        validate_group_config(&BrokerConfig::default(), &overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn a_session_within_the_brokers_limits_is_accepted_and_another_is_not() {
        assert_eq!(verdict(&[(SESSION, "50000")]), Ok(()));
        assert!(
            verdict(&[(SESSION, "44999")])
                .unwrap_err()
                .contains("group.consumer.min.session")
        );
        assert!(
            verdict(&[(SESSION, "60001")])
                .unwrap_err()
                .contains("group.consumer.max.session")
        );
        assert!(verdict(&[(HEARTBEAT, "4999")]).is_err());
    }

    #[test]
    fn unknown_keys_and_values_of_the_wrong_type_are_named() {
        assert!(
            verdict(&[("consumer.session.timeout", "1")])
                .unwrap_err()
                .contains(SESSION)
        );
        assert!(verdict(&[(SESSION, "long")]).unwrap_err().contains("whole number"));
    }

    #[test]
    fn what_is_not_set_comes_from_the_broker() {
        let mut broker = BrokerConfig::default();
        broker.set("group.consumer.session.timeout.ms", "47000").unwrap();
        let find = |all: Vec<DescribedConfig>| all.into_iter().find(|config| config.name == SESSION).unwrap();
        let inherited = find(describe_group(&broker, None));
        assert_eq!(
            (inherited.value.as_deref(), inherited.is_default),
            (Some("47000"), true)
        );
        let overrides = Overrides::from([(Arc::from(SESSION), Arc::from("50000"))]);
        let set = find(describe_group(&broker, Some(&overrides)));
        assert_eq!((set.value.as_deref(), set.source), (Some("50000"), ConfigSource::Group));
    }
}
