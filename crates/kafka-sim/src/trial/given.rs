//! Settings as users have them: properties of a producer, a consumer and brokers, and a topic.

use std::collections::BTreeMap;

use kafka_sim_client::{ConsumerConfig, ProducerConfig};
use kafka_sim_cluster::config::BrokerConfig;
use kafka_sim_core::ConfigError;

use crate::search::{Consumers, Settings, World};

/// The group of consumers whose properties name none.
const GROUP: &str = "group";

/// What is put on trial, and what of it has no effect.
#[derive(Clone, Debug)]
pub struct Given {
    /// The world that the settings make.
    pub world: World,
    /// Keys that Kafka has and the simulator does not model, with whose they are.
    pub ignored: Vec<(&'static str, String)>,
}

impl Default for Given {
    fn default() -> Given {
        Given::new()
    }
}

impl Given {
    /// Kafka's defaults: a producer, a topic `orders` with 3 partitions and 3 replicas on 3 brokers, nobody who consumes.
    pub fn new() -> Given {
        Given {
            world: World::with(Settings::default()),
            ignored: Vec::new(),
        }
    }

    /// `producer.properties`.
    ///
    /// # Errors
    /// A key that no Kafka client has (the error names the nearest), a value out of range, or settings that contradict
    /// each other.
    pub fn producer<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Given, ConfigError> {
        let pairs = owned(pairs);
        let (_, ignored) = ProducerConfig::from_pairs(pairs.iter().map(|(key, value)| (key, value)))?;
        self.world.settings.producer = self.kept("producer", pairs, ignored);
        Ok(self)
    }

    /// `consumer.properties`: two members of `group.id` that process by `pattern`, one of [`Consumers::patterns`]. Without
    /// a pattern they process inline, and commit after that if automatic commits are off.
    ///
    /// # Errors
    /// As for [`Given::producer`], and an unknown pattern.
    pub fn consumer<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
        pattern: Option<&str>,
    ) -> Result<Given, ConfigError> {
        let mut pairs = owned(pairs);
        if pairs.iter().all(|(key, _)| key != "group.id") {
            pairs.push(("group.id".to_owned(), GROUP.to_owned()));
        }
        let (_, ignored) = ConsumerConfig::from_pairs(pairs.iter().map(|(key, value)| (key, value)))?;
        let value = |wanted: &str| {
            pairs
                .iter()
                .rev()
                .find(|(key, _)| key == wanted)
                .map(|(_, value)| value.clone())
        };
        let automatic = value("enable.auto.commit").is_none_or(|value| value.trim() == "true");
        let usual = if automatic {
            "auto-commit"
        } else {
            "process-then-commit"
        };
        let group = value("group.id").unwrap_or_else(|| GROUP.to_owned());
        self.world.consumers = Some(Consumers::of(group, pattern.unwrap_or(usual))?);
        self.world.settings.consumer = self.kept("consumer", pairs, ignored);
        Ok(self)
    }

    /// `server.properties` of every broker.
    ///
    /// # Errors
    /// As for [`Given::producer`].
    pub fn broker<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Given, ConfigError> {
        let pairs = owned(pairs);
        let (_, ignored) = BrokerConfig::from_pairs(pairs.iter().map(|(key, value)| (key, value)))?;
        self.world.settings.broker = self.kept("broker", pairs, ignored);
        Ok(self)
    }

    /// The topic.
    ///
    /// # Errors
    /// More replicas than brokers, or an override that no topic has.
    pub fn topic<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        name: &str,
        partitions: i32,
        replicas: i16,
        overrides: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Given, ConfigError> {
        self.world.topic = name.to_owned();
        self.world.partitions = partitions;
        self.world.replicas = replicas;
        self.world.brokers = self.world.brokers.max(usize::from(replicas.unsigned_abs()));
        self.world.settings.topic = owned(overrides).into_iter().collect();
        self.world.validate()?;
        Ok(self)
    }

    fn kept(
        &mut self,
        whose: &'static str,
        pairs: Vec<(String, String)>,
        ignored: Vec<String>,
    ) -> BTreeMap<String, String> {
        let modelled = |(key, _): &(String, String)| !ignored.contains(key);
        let kept = pairs.into_iter().filter(modelled).collect();
        self.ignored.extend(ignored.into_iter().map(|key| (whose, key)));
        kept
    }
}

fn owned<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(String, String)> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.as_ref().to_owned(), value.as_ref().to_owned()))
        .collect()
}
