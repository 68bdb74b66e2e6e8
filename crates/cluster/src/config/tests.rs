use std::sync::Arc;
use std::time::Duration;

use kafka_sim_core::{BrokerId, ConfigError};

use super::check::broker_keys;
use super::topic_keys::TOPIC_KEYS;
use super::*;
use crate::peer::{ConfigResource, MetadataImage};

fn is_invalid(result: Result<impl Sized, ConfigError>) -> bool {
    matches!(result, Err(ConfigError::InvalidValue { .. }))
}

#[test]
fn every_key_is_found_by_its_name_and_accepts_its_default() {
    for def in broker_keys() {
        assert_eq!(broker_key(def.name), Some(def));
        assert!(def.default.is_none_or(|value| def.kind.accepts(value)), "{}", def.name);
    }
    for def in TOPIC_KEYS {
        assert_eq!(topic_key(def.key.name), Some(def));
        assert!(
            def.key.default.is_none_or(|value| def.key.kind.accepts(value)),
            "{}",
            def.key.name
        );
        assert!(
            def.synonyms.iter().all(|name| broker_key(name).is_some()),
            "{}",
            def.key.name
        );
    }
}

#[test]
fn a_topic_key_and_its_last_synonym_have_the_same_default() {
    for def in TOPIC_KEYS.iter().filter(|def| !def.synonyms.is_empty()) {
        let mut broker = BrokerConfig::default();
        let last = def.synonyms[def.synonyms.len() - 1];
        let default = broker_key(last).unwrap().default.unwrap();
        broker.set(last, default).unwrap();
        let value = topic_value(&broker, None, def.key.name).unwrap();
        assert_eq!(value, def.key.default.unwrap(), "{}", def.key.name);
    }
}

#[test]
fn defaults_are_those_of_kafka() {
    let config = BrokerConfig::default();
    assert_eq!(config.num_partitions, 1);
    assert_eq!(config.default_replication_factor, 1);
    assert_eq!(config.min_insync_replicas, 1);
    assert_eq!(config.message_max_bytes, 1_048_588);
    assert_eq!(config.replica_lag_time_max, Duration::from_secs(30));
    assert_eq!(config.replica_fetch_wait_max, Duration::from_millis(500));
    assert_eq!(config.broker_heartbeat_interval, Duration::from_secs(2));
    assert_eq!(config.broker_session_timeout, Duration::from_secs(9));
    assert_eq!(config.leader_imbalance_check_interval, Duration::from_secs(300));
    assert_eq!(config.unclean_leader_election_interval, Duration::from_secs(300));
    assert_eq!(
        config.log_flush_scheduler_interval,
        Duration::from_millis(i64::MAX as u64)
    );
    assert_eq!(config.replica_selector_class, None);
    assert!(config.auto_leader_rebalance_enable && config.eligible_leader_replicas_enable);
    assert!(!config.unclean_leader_election_enable);
    assert_eq!(config.validate(), Ok(()));
}

#[test]
fn a_real_properties_file_reports_what_has_no_effect() {
    let pairs = [
        ("process.roles", "broker"),
        ("node.id", "1"),
        ("log.dirs", "/var/lib/kafka"),
        ("min.insync.replicas", "2"),
        ("log.segment.bytes", "65536"),
        ("replica.lag.time.max.ms", "10000"),
    ];
    let (config, ignored) = BrokerConfig::from_pairs(pairs).unwrap();
    assert_eq!(ignored, ["process.roles", "node.id", "log.dirs"]);
    assert_eq!(config.min_insync_replicas, 2);
    assert_eq!(config.replica_lag_time_max, Duration::from_secs(10));
    assert_eq!(config.value("node.id"), Some("1"));
    assert_eq!(config.number("log.segment.bytes"), Some(65536));
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let error = BrokerConfig::default().set("min.insync.replica", "2").unwrap_err();
    assert!(matches!(&error, ConfigError::UnknownKey { nearest: Some(name), .. } if name == "min.insync.replicas"));
    let error = validate_topic_config("retention.msec", "2").unwrap_err();
    assert!(matches!(&error, ConfigError::UnknownKey { nearest: Some(name), .. } if name == "retention.ms"));
}

#[test]
fn values_of_the_wrong_type_or_out_of_range_are_refused() {
    for (key, bad) in [
        ("retention.ms", "-2"),
        ("retention.ms", "soon"),
        ("min.insync.replicas", "0"),
        ("min.insync.replicas", "2147483648"),
        ("segment.bytes", "13"),
        ("cleanup.policy", "archive"),
        ("cleanup.policy", "delete,delete"),
        ("compression.type", "GZIP"),
        ("unclean.leader.election.enable", "yes"),
        ("min.cleanable.dirty.ratio", "1.1"),
        ("min.cleanable.dirty.ratio", "-0.1"),
        ("leader.replication.throttled.replicas", "0-1"),
        ("flush.messages", "0"),
        ("message.timestamp.type", "createTime"),
    ] {
        assert!(is_invalid(validate_topic_config(key, bad)), "{key}={bad}");
    }
    for (key, good) in [
        ("cleanup.policy", "compact, delete"),
        ("cleanup.policy", ""),
        ("segment.bytes", " 14 "),
        ("min.cleanable.dirty.ratio", "0.25"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("leader.replication.throttled.replicas", "*"),
        ("unclean.leader.election.enable", "True"),
    ] {
        assert_eq!(validate_topic_config(key, good), Ok(()), "{key}={good}");
    }
    assert!(is_invalid(BrokerConfig::default().set("num.partitions", "0")));
}

#[test]
fn values_that_contradict_each_other_are_a_conflict() {
    let result = BrokerConfig::from_pairs([("broker.session.timeout.ms", "3000")]);
    assert!(matches!(result, Err(ConfigError::Conflict { .. })));
    let result = BrokerConfig::from_pairs([("replica.lag.time.max.ms", "400")]);
    assert!(matches!(result, Err(ConfigError::Conflict { .. })));
}

#[test]
fn a_brokers_own_override_beats_the_cluster_default_which_beats_its_properties() {
    let mut config = BrokerConfig::default();
    config.set("message.max.bytes", "10").unwrap();
    let mut image = MetadataImage::default();
    let key: Arc<str> = Arc::from("message.max.bytes");
    image.configs.insert(
        ConfigResource::ClusterDefault,
        Overrides::from([(key.clone(), Arc::from("20"))]),
    );
    image.configs.insert(
        ConfigResource::Broker(BrokerId(1)),
        Overrides::from([(key, Arc::from("30"))]),
    );
    assert_eq!(config.message_max_bytes, 10);
    assert_eq!(config.with_dynamic(&image, BrokerId(0)).message_max_bytes, 20);
    assert_eq!(config.with_dynamic(&image, BrokerId(1)).message_max_bytes, 30);
}

#[test]
fn min_insync_replicas_of_one_broker_counts_only_with_elr_off() {
    let mut image = MetadataImage::default();
    let overrides = Overrides::from([(Arc::from("min.insync.replicas"), Arc::from("3"))]);
    image.configs.insert(ConfigResource::Broker(BrokerId(1)), overrides);
    let mut config = BrokerConfig::default();
    assert_eq!(config.with_dynamic(&image, BrokerId(1)).min_insync_replicas, 1);
    config.set("eligible.leader.replicas.enable", "false").unwrap();
    assert_eq!(config.with_dynamic(&image, BrokerId(1)).min_insync_replicas, 3);
}

#[test]
fn decimals_become_millionths_without_floating_point() {
    assert_eq!(parts_per_million("0.5"), Some(500_000));
    assert_eq!(parts_per_million("1"), Some(1_000_000));
    assert_eq!(parts_per_million(".0000019"), Some(1));
    assert_eq!(parts_per_million("1.7976931348623157E308"), Some(u64::MAX));
    assert_eq!(parts_per_million("."), None);
    assert_eq!(parts_per_million("-1"), None);
}

#[test]
fn lists_can_be_appended_to_and_other_types_cannot() {
    assert!(topic_key("cleanup.policy").unwrap().key.kind.is_list());
    assert!(!topic_key("retention.ms").unwrap().key.kind.is_list());
    assert_eq!(list_items("a, b,,c").collect::<Vec<_>>(), ["a", "b", "c"]);
}
