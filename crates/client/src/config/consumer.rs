//! The consumer's settings: those of the reader, and the keys of Kafka's `ConsumerConfig` that concern groups.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kafka_sim_core::ConfigError;

use super::{Applied, ReaderConfig, ignore_if_known, parse};

/// How a group decides who reads what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// `classic`: JoinGroup and SyncGroup; one of the members assigns.
    Classic,
    /// `consumer`: ConsumerGroupHeartbeat; the coordinator assigns (KIP-848).
    Consumer,
}

/// A strategy by which the leader of a classic group assigns partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// `range`: topic by topic, neighbouring partitions to each member.
    Range,
    /// `roundrobin`: all partitions in turn.
    RoundRobin,
    /// `sticky`: balanced, with as few moves as possible. Members give everything up before each rebalance.
    Sticky,
    /// `cooperative-sticky`: the same, and members go on reading what they keep (KIP-429).
    CooperativeSticky,
}

impl Assignor {
    /// The name under which members propose it.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Range => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
            Assignor::CooperativeSticky => "cooperative-sticky",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Assignor> {
        [
            Assignor::Range,
            Assignor::RoundRobin,
            Assignor::Sticky,
            Assignor::CooperativeSticky,
        ]
        .into_iter()
        .find(|assignor| assignor.name() == name)
    }

    /// Accepts the name of Kafka's class, with or without its package.
    fn of_class(text: &str) -> Option<Assignor> {
        let text = text.trim();
        match text.rsplit('.').next()? {
            "RangeAssignor" => Some(Assignor::Range),
            "RoundRobinAssignor" => Some(Assignor::RoundRobin),
            "StickyAssignor" => Some(Assignor::Sticky),
            "CooperativeStickyAssignor" => Some(Assignor::CooperativeSticky),
            _ => Assignor::named(text),
        }
    }
}

/// Settings of a [`Consumer`](crate::Consumer). Start from [`java`](Self::java) and change keys with
/// [`set`](Self::set).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// What concerns connections and fetching.
    pub reader: ReaderConfig,
    /// `group.id` (none). Subscribing and committing need one.
    pub group_id: Option<Arc<str>>,
    /// `group.instance.id` (none): makes the member a static one (KIP-345).
    pub group_instance_id: Option<Arc<str>>,
    /// `group.protocol` (classic).
    pub protocol: GroupProtocol,
    /// `group.remote.assignor` (none): the assignor asked of the coordinator, with `group.protocol=consumer`.
    pub remote_assignor: Option<Arc<str>>,
    /// `partition.assignment.strategy` (range, cooperative-sticky), by class name or by name.
    pub assignors: Vec<Assignor>,
    /// `session.timeout.ms` (45 000): a member that is not heard for so long is removed from the group.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms` (3000).
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms` (300 000): a member that does not poll for so long leaves the group.
    pub max_poll_interval: Duration,
    /// `max.poll.records` (500): records of one poll.
    pub max_poll_records: usize,
    /// `enable.auto.commit` (true). Ask [`commits_by_itself`](Self::commits_by_itself) for what results.
    pub auto_commit: bool,
    /// `auto.commit.interval.ms` (5000).
    pub auto_commit_interval: Duration,
    /// `default.api.timeout.ms` (60 000): how long a synchronous commit may take.
    pub default_api_timeout: Duration,
    /// `exclude.internal.topics` (true): whether a pattern leaves internal topics out.
    pub exclude_internal_topics: bool,
    explicit: BTreeSet<&'static str>,
}

impl ConsumerConfig {
    /// The defaults of the Java consumer 4.x.
    pub fn java() -> ConsumerConfig {
        ConsumerConfig {
            reader: ReaderConfig::java(),
            group_id: None,
            group_instance_id: None,
            protocol: GroupProtocol::Classic,
            remote_assignor: None,
            assignors: vec![Assignor::Range, Assignor::CooperativeSticky],
            session_timeout: Duration::from_millis(45_000),
            heartbeat_interval: Duration::from_millis(3_000),
            max_poll_interval: Duration::from_millis(300_000),
            max_poll_records: 500,
            auto_commit: true,
            auto_commit_interval: Duration::from_millis(5_000),
            default_api_timeout: Duration::from_millis(60_000),
            exclude_internal_topics: true,
            explicit: BTreeSet::new(),
        }
    }

    /// Sets one key. A key that a Java client knows and this model does not is accepted without effect.
    ///
    /// # Errors
    /// An unknown key (the error names the nearest known one) or a value outside the key's range. Conflicts between
    /// keys are found by [`validate`](Self::validate).
    pub fn set(mut self, key: &str, value: &str) -> Result<ConsumerConfig, ConfigError> {
        self.apply_or_ignore(key, value)?;
        Ok(self)
    }

    /// The defaults changed by the given pairs, and the keys that had no effect because they are not modelled.
    ///
    /// # Errors
    /// As for [`set`](Self::set), and conflicts between the keys.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(ConsumerConfig, Vec<String>), ConfigError> {
        let mut config = ConsumerConfig::java();
        let mut ignored = Vec::new();
        for (key, value) in pairs {
            if let Applied::NotModelled = config.apply_or_ignore(key.as_ref(), value.as_ref())? {
                ignored.push(key.as_ref().to_owned());
            }
        }
        config.validate()?;
        Ok((config, ignored))
    }

    /// Whether positions are committed without being asked: `enable.auto.commit`, which is off by default where there
    /// is no group.
    pub fn commits_by_itself(&self) -> bool {
        self.auto_commit && self.group_id.is_some()
    }

    /// Names the client as Java does where it has no `client.id`: after the group, and the instance or a number.
    pub(crate) fn name_client(&mut self, number: u64) {
        if self.explicit.contains("client.id") {
            return;
        }
        let group = self.group_id.as_deref().unwrap_or("null");
        let name = match &self.group_instance_id {
            Some(instance) => format!("consumer-{group}-{instance}"),
            None => format!("consumer-{group}-{number}"),
        };
        self.reader.network.client_id = name.into();
    }

    /// Looks for settings that contradict each other, as the Java consumer does when it is built.
    ///
    /// # Errors
    /// Automatic commits asked for without a group, keys of the other group protocol, a heartbeat interval that is
    /// not below the session time-out, assignors that share no rebalance protocol.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.group_id.is_none() && self.auto_commit && self.explicit.contains("enable.auto.commit") {
            return conflict("enable.auto.commit=true needs a group.id");
        }
        match self.protocol {
            GroupProtocol::Classic => self.validate_classic(),
            GroupProtocol::Consumer => self.validate_consumer(),
        }
    }

    fn validate_classic(&self) -> Result<(), ConfigError> {
        if self.remote_assignor.is_some() {
            return conflict("group.remote.assignor cannot be set with group.protocol=classic");
        }
        if self.heartbeat_interval >= self.session_timeout {
            return conflict("heartbeat.interval.ms must be below session.timeout.ms");
        }
        Ok(())
    }

    fn validate_consumer(&self) -> Result<(), ConfigError> {
        let classic_only = [
            "partition.assignment.strategy",
            "heartbeat.interval.ms",
            "session.timeout.ms",
        ];
        match classic_only.into_iter().find(|key| self.explicit.contains(key)) {
            Some(key) => conflict(&format!("{key} cannot be set with group.protocol=consumer")),
            None => Ok(()),
        }
    }

    fn apply_or_ignore(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        let applied = self.apply(key, value)?;
        if let Applied::NotModelled = applied {
            ignore_if_known(key, "consumer")?;
        }
        Ok(applied)
    }

    fn apply(&mut self, key: &str, value: &str) -> Result<Applied, ConfigError> {
        let whole_millis = |low| {
            let number = parse::int(key, value, low)?;
            Ok(Duration::from_millis(u64::from(number.unsigned_abs())))
        };
        match key {
            "group.id" => self.group_id = text(value),
            "group.instance.id" => self.group_instance_id = Some(instance_id(key, value)?),
            "group.protocol" => {
                self.protocol = match value.trim().to_ascii_lowercase().as_str() {
                    "classic" => GroupProtocol::Classic,
                    "consumer" => GroupProtocol::Consumer,
                    _ => return Err(parse::invalid(key, value, "classic or consumer")),
                };
            }
            "group.remote.assignor" => self.remote_assignor = text(value),
            "partition.assignment.strategy" => {
                self.assignors = assignors(key, value)?;
                self.explicit.insert("partition.assignment.strategy");
            }
            "session.timeout.ms" => {
                self.session_timeout = whole_millis(0)?;
                self.explicit.insert("session.timeout.ms");
            }
            "heartbeat.interval.ms" => {
                self.heartbeat_interval = whole_millis(0)?;
                self.explicit.insert("heartbeat.interval.ms");
            }
            "max.poll.interval.ms" => self.max_poll_interval = whole_millis(1)?,
            "max.poll.records" => self.max_poll_records = parse::size(key, value, 1)?,
            "enable.auto.commit" => {
                self.auto_commit = parse::boolean(key, value)?;
                self.explicit.insert("enable.auto.commit");
            }
            "auto.commit.interval.ms" => self.auto_commit_interval = whole_millis(0)?,
            "default.api.timeout.ms" => self.default_api_timeout = whole_millis(0)?,
            "exclude.internal.topics" => self.exclude_internal_topics = parse::boolean(key, value)?,
            _ => {
                if key == "client.id" {
                    self.explicit.insert("client.id");
                }
                return self.reader.apply(key, value);
            }
        }
        Ok(Applied::Set)
    }
}

fn text(value: &str) -> Option<Arc<str>> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.into())
}

/// At most 249 letters, digits, dots, underscores and hyphens, as for topic names.
fn instance_id(key: &str, value: &str) -> Result<Arc<str>, ConfigError> {
    let value = value.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if value.is_empty() || value.len() > 249 || matches!(value, "." | "..") || !value.chars().all(allowed) {
        let expected = "up to 249 letters, digits, dots, underscores and hyphens";
        return Err(parse::invalid(key, value, expected));
    }
    Ok(value.into())
}

fn assignors(key: &str, value: &str) -> Result<Vec<Assignor>, ConfigError> {
    let parsed: Option<Vec<Assignor>> = value.split(',').map(Assignor::of_class).collect();
    let expected = "a list of RangeAssignor, RoundRobinAssignor, StickyAssignor and CooperativeStickyAssignor";
    let assignors = parsed.ok_or_else(|| parse::invalid(key, value, expected))?;
    let distinct: BTreeSet<&Assignor> = assignors.iter().collect();
    if distinct.len() < assignors.len() {
        return Err(parse::invalid(key, value, "each assignor once"));
    }
    Ok(assignors)
}

fn conflict(message: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Conflict {
        message: message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<ConsumerConfig, ConfigError> {
        ConsumerConfig::from_pairs(pairs.iter().copied()).map(|(config, _)| config)
    }

    #[test]
    fn group_keys_and_reader_keys_take_effect() {
        let config = of(&[
            ("group.id", "billing"),
            ("fetch.min.bytes", "10"),
            (
                "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor, roundrobin",
            ),
        ])
        .expect("no conflict");
        assert_eq!(config.reader.fetch_min_bytes, 10);
        assert_eq!(config.assignors, [Assignor::CooperativeSticky, Assignor::RoundRobin]);
        assert!(config.commits_by_itself());
    }

    #[test]
    fn without_a_group_nothing_is_committed_unless_asked_for_which_is_an_error() {
        assert!(!of(&[]).expect("no conflict").commits_by_itself());
        assert!(of(&[("enable.auto.commit", "true")]).is_err());
    }

    #[test]
    fn keys_of_the_other_group_protocol_are_refused() {
        assert!(of(&[("group.protocol", "consumer"), ("session.timeout.ms", "10000")]).is_err());
        assert!(of(&[("group.remote.assignor", "range")]).is_err());
        assert!(of(&[("group.protocol", "consumer"), ("group.remote.assignor", "range")]).is_ok());
    }

    #[test]
    fn heartbeats_must_come_within_the_session() {
        assert!(of(&[("heartbeat.interval.ms", "45000")]).is_err());
        assert!(of(&[("heartbeat.interval.ms", "44999")]).is_ok());
    }
}
