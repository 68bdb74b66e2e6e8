//! What DescribeConfigs shows: every key with its value, where the value comes from, and what else would have counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::broker::{BrokerConfig, ConfigSource};
use super::check::broker_keys;
use super::key::{KeyDef, Kind};
use super::topic::{Overrides, synonym_default, topic_value};
use super::topic_keys::TOPIC_KEYS;

/// One source of a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigSynonym {
    /// The key under which this source holds it.
    pub name: &'static str,
    /// Its value there; `None` if secret.
    pub value: Option<Arc<str>>,
    /// The source.
    pub source: ConfigSource,
}

/// One key of a topic or broker.
///
/// Divergence: there is no documentation text; Kafka returns one when asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescribedConfig {
    /// Key.
    pub name: &'static str,
    /// Value; `None` if secret or unset.
    pub value: Option<Arc<str>>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Nobody set it.
    pub is_default: bool,
    /// Cannot change while the broker runs.
    pub read_only: bool,
    /// The value is secret.
    pub sensitive: bool,
    /// Type and range.
    pub kind: Kind,
    /// Every source that has a value, the strongest first; the first one is the value above.
    pub synonyms: Vec<ConfigSynonym>,
}

/// Every key of a topic, by name. `broker` is the configuration of the answering broker.
pub fn describe_topic(broker: &BrokerConfig, overrides: Option<&Overrides>) -> Vec<DescribedConfig> {
    let shown = TOPIC_KEYS.iter().filter(|def| def.key.default.is_some());
    shown
        .map(|def| {
            let name = def.key.name;
            let mut synonyms = Vec::new();
            if let Some(value) = overrides.and_then(|overrides| overrides.get(name)) {
                synonyms.push(ConfigSynonym {
                    name,
                    value: Some(value.clone()),
                    source: ConfigSource::Topic,
                });
            }
            broker_synonyms(broker, def.synonyms, &mut synonyms);
            let value = topic_value(broker, overrides, name).map(Cow::into_owned);
            described(&def.key, value.map(Arc::from), false, synonyms)
        })
        .collect()
}

/// Every key of a broker, by name.
pub fn describe_broker(broker: &BrokerConfig) -> Vec<DescribedConfig> {
    let keys: BTreeMap<&str, &KeyDef> = broker_keys().map(|def| (def.name, def)).collect();
    keys.into_values()
        .map(|def| {
            let mut synonyms = Vec::new();
            broker_synonyms(broker, &[def.name], &mut synonyms);
            let secret = def.kind == Kind::Password;
            if secret {
                synonyms.iter_mut().for_each(|synonym| synonym.value = None);
            }
            let value = if secret {
                None
            } else {
                broker.value(def.name).map(Arc::from)
            };
            described(def, value, !def.dynamic, synonyms)
        })
        .collect()
}

fn described(def: &KeyDef, value: Option<Arc<str>>, read_only: bool, synonyms: Vec<ConfigSynonym>) -> DescribedConfig {
    let source = synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source);
    DescribedConfig {
        name: def.name,
        value,
        source,
        is_default: source == ConfigSource::Default,
        read_only,
        sensitive: def.kind == Kind::Password,
        kind: def.kind,
        synonyms,
    }
}

/// Appends what the broker holds under `names`, source by source.
fn broker_synonyms(broker: &BrokerConfig, names: &[&'static str], synonyms: &mut Vec<ConfigSynonym>) {
    let sources = [
        ConfigSource::DynamicBroker,
        ConfigSource::DynamicDefaultBroker,
        ConfigSource::StaticBroker,
    ];
    for source in sources {
        for &name in names {
            let value = broker.layers(name).and_then(|layers| match source {
                ConfigSource::DynamicBroker => layers.dynamic_broker.clone(),
                ConfigSource::DynamicDefaultBroker => layers.dynamic_default.clone(),
                _ => layers.fixed.clone(),
            });
            if value.is_some() {
                synonyms.push(ConfigSynonym { name, value, source });
            }
        }
    }
    for &name in names {
        if let Some(value) = synonym_default(name) {
            synonyms.push(ConfigSynonym {
                name,
                value: Some(Arc::from(value)),
                source: ConfigSource::Default,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use kafka_sim_core::BrokerId;

    use super::*;
    use crate::peer::{ConfigResource, MetadataImage};

    fn find<'a>(all: &'a [DescribedConfig], name: &str) -> &'a DescribedConfig {
        all.iter().find(|config| config.name == name).unwrap()
    }

    fn sources(config: &DescribedConfig) -> Vec<(&str, ConfigSource)> {
        config
            .synonyms
            .iter()
            .map(|synonym| (synonym.name, synonym.source))
            .collect()
    }

    #[test]
    fn a_topic_key_lists_its_synonyms_from_the_strongest_to_the_default() {
        let mut broker = BrokerConfig::default();
        broker.set("log.retention.hours", "1").unwrap();
        let mut image = MetadataImage::default();
        let overrides = Overrides::from([(Arc::from("log.retention.ms"), Arc::from("9"))]);
        image.configs.insert(ConfigResource::ClusterDefault, overrides);
        let broker = broker.with_dynamic(&image, BrokerId(0));
        let topic = Overrides::from([(Arc::from("retention.ms"), Arc::from("7"))]);

        let all = describe_topic(&broker, Some(&topic));
        let retention = find(&all, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("7"));
        assert_eq!(retention.source, ConfigSource::Topic);
        assert!(!retention.is_default && !retention.read_only);
        assert_eq!(
            sources(retention),
            [
                ("retention.ms", ConfigSource::Topic),
                ("log.retention.ms", ConfigSource::DynamicDefaultBroker),
                ("log.retention.hours", ConfigSource::StaticBroker),
                ("log.retention.hours", ConfigSource::Default),
            ]
        );
        let without_override = describe_topic(&broker, None);
        let retention = find(&without_override, "retention.ms");
        assert_eq!(
            (retention.value.as_deref(), retention.source),
            (Some("9"), ConfigSource::DynamicDefaultBroker)
        );
    }

    #[test]
    fn a_broker_shows_every_key_once_and_no_secret() {
        let mut broker = BrokerConfig::default();
        broker.set("ssl.key.password", "hunter2").unwrap();
        broker.set("num.io.threads", "4").unwrap();
        let all = describe_broker(&broker);
        let mut names: Vec<&str> = all.iter().map(|config| config.name).collect();
        names.dedup();
        assert_eq!(names.len(), all.len());

        let secret = find(&all, "ssl.key.password");
        assert!(secret.sensitive && secret.value.is_none());
        assert!(secret.synonyms.iter().all(|synonym| synonym.value.is_none()));
        let threads = find(&all, "num.io.threads");
        assert_eq!(
            (threads.value.as_deref(), threads.source),
            (Some("4"), ConfigSource::StaticBroker)
        );
        assert!(!threads.read_only);
        assert!(find(&all, "broker.heartbeat.interval.ms").read_only);
        assert!(find(&all, "broker.heartbeat.interval.ms").is_default);
    }
}
